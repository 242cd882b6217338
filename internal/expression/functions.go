package expression

import (
	"maps"
	"slices"
	"strings"
)

// kind is what a parameter takes and a function gives, as far as it can be said
// before an object is there.
type kind int

const (
	anything kind = iota
	text
	integer
	logical
	moment
)

func (k kind) String() string {
	return [...]string{"a value", "a text", "a whole number", "a condition", "a date"}[k]
}

// parameter is one of a function.
type parameter struct {
	name               string
	kind               kind
	optional, repeated bool
	// words are the names that may stand there without quotes.
	words []string
	// literal says what is wrong with a text in quotes, or "".
	literal func(s string) string
	// constant: nothing but a text in quotes is taken.
	constant bool
}

// function is one of the language.
type function struct {
	name       string
	parameters []parameter
	result     kind
	// each: it works on one value, and is called for each that its first argument has.
	each bool
	// changing: it gives another value each time.
	changing bool
	run      func(a *arguments) value
	// prepare checks what the parameters cannot say, and keeps what is worth
	// keeping in the call.
	prepare func(c *checker, n *call)
}

// parameter returns the one that takes the i-th argument.
func (f *function) parameter(i int) parameter {
	if i >= len(f.parameters) {
		i = len(f.parameters) - 1 // the last is repeated
	}
	return f.parameters[i]
}

// signature is the function as documentation has it: what is in brackets may be
// omitted.
func (f *function) signature() string {
	var b strings.Builder
	b.WriteString(f.name + "(")
	for i, p := range f.parameters {
		separator := ", "
		if i == 0 {
			separator = ""
		}
		switch {
		case p.optional && i < f.least():
			b.WriteString(separator + "[" + p.name + "]")
		case p.optional:
			b.WriteString("[" + separator + p.name + "]")
		default:
			b.WriteString(separator + p.name)
		}
		if p.repeated {
			b.WriteString(", …")
		}
	}
	b.WriteString(")")
	return b.String()
}

// least is how many arguments there are at least.
func (f *function) least() int {
	least := 0
	for i, p := range f.parameters {
		if !p.optional {
			least = i + 1
		}
	}
	return least
}

// most is how many arguments there are at most; -1 is any number.
func (f *function) most() int {
	if n := len(f.parameters); n > 0 && f.parameters[n-1].repeated {
		return -1
	}
	return len(f.parameters)
}

func required(k kind, names ...string) (list []parameter) {
	for _, name := range names {
		list = append(list, parameter{name: name, kind: k})
	}
	return list
}

func (p parameter) or() parameter {
	p.optional = true
	return p
}

// pure makes a function of one text that gives a text.
func pure(name string, f func(s string) string) *function {
	return &function{name: name, parameters: required(text, "source"), result: text, each: true,
		run: func(a *arguments) value { return one(f(a.text(0))) }}
}

var (
	cultureParameter = parameter{name: "culture", kind: text, literal: wrongCulture}.or()
	interval         = parameter{name: "interval", kind: text, literal: wrongInterval}
)

// functions are those of the language, by name.
var functions = byName(
	&function{name: "Append", parameters: required(text, "source", "suffix"), result: text, each: true,
		run: func(a *arguments) value { return one(a.text(0) + a.text(1)) }},
	&function{name: "BitAnd", parameters: required(integer, "value1", "value2"), result: integer, each: true, run: bitAnd},
	&function{name: "CBool", parameters: required(anything, "expression"), result: logical,
		run: func(a *arguments) value { return boolean(a.truth(0)) }},
	&function{name: "CDate", parameters: required(moment, "expression"), result: moment, each: true, run: cDate},
	&function{name: "Coalesce", parameters: []parameter{{name: "source", repeated: true}}, run: coalesce},
	&function{name: "ConvertFromBase64", each: true, result: text, run: convertFromBase64, parameters: []parameter{
		{name: "source", kind: text},
		parameter{name: "encoding", kind: text, words: encodings, literal: wrongEncoding}.or(),
	}},
	pure("ConvertToBase64", convertToBase64),
	pure("ConvertToUTF8Hex", convertToUTF8Hex),
	&function{name: "Count", parameters: required(anything, "attribute"), result: integer,
		run: func(a *arguments) value { return whole(int64(len(a.values(0).texts))) }},
	&function{name: "CStr", parameters: required(anything, "value"), result: text, each: true,
		run: func(a *arguments) value { return one(a.text(0)) }},
	&function{name: "DateAdd", result: moment, run: dateAdd, parameters: []parameter{
		interval, {name: "value", kind: integer}, {name: "date", kind: moment},
	}},
	&function{name: "DateDiff", result: integer, run: dateDiff, parameters: []parameter{
		interval, {name: "date1", kind: moment}, {name: "date2", kind: moment},
	}},
	&function{name: "DateFromNum", parameters: required(integer, "value"), result: moment, each: true, run: dateFromNum},
	&function{name: "DNComponent", each: true, result: text, run: dnComponent, parameters: []parameter{
		{name: "dn", kind: text}, {name: "number", kind: integer},
	}},
	&function{name: "Error", parameters: required(text, "message"), run: fail},
	&function{name: "FormatDateTime", each: true, result: text, run: formatDateTime, prepare: prepareFormatDateTime, parameters: []parameter{
		{name: "source", kind: text},
		parameter{name: "dateTimeStyles", kind: text, literal: wrongStyles}.or(),
		{name: "inputFormat", kind: text, literal: wrongFormat},
		{name: "outputFormat", kind: text, literal: wrongFormat},
	}},
	&function{name: "Guid", changing: true, result: text, run: guid},
	&function{name: "IgnoreFlowIfNullOrEmpty", parameters: required(anything, "expression"), run: ignoreFlow},
	&function{name: "IIF", run: iif, parameters: []parameter{
		{name: "condition", kind: logical}, {name: "valueIfTrue"}, {name: "valueIfFalse"},
	}},
	&function{name: "InStr", each: true, result: integer, run: inStr, parameters: []parameter{
		{name: "text", kind: text}, {name: "find", kind: text},
		parameter{name: "start", kind: integer}.or(),
		parameter{name: "compare", kind: text, words: compares, literal: wrongCompare}.or(),
	}},
	&function{name: "IsNull", parameters: required(anything, "expression"), result: logical,
		run: func(a *arguments) value { return boolean(a.absent(0)) }},
	&function{name: "IsNullOrEmpty", parameters: required(anything, "expression"), result: logical,
		run: func(a *arguments) value { return boolean(a.values(0).empty()) }},
	&function{name: "IsPresent", parameters: required(anything, "expression"), result: logical,
		run: func(a *arguments) value { return boolean(!a.values(0).empty()) }},
	&function{name: "IsString", parameters: required(anything, "expression"), result: logical,
		run: func(a *arguments) value { return boolean(len(a.values(0).texts) == 1) }},
	&function{name: "Item", run: item, parameters: []parameter{
		{name: "attribute"}, {name: "index", kind: integer},
	}},
	&function{name: "Join", result: text, run: join, parameters: []parameter{
		{name: "separator", kind: text}, {name: "source", repeated: true},
	}},
	&function{name: "Left", each: true, result: text, run: left, parameters: []parameter{
		{name: "source", kind: text}, {name: "count", kind: integer},
	}},
	&function{name: "Mid", each: true, result: text, run: mid, parameters: []parameter{
		{name: "source", kind: text}, {name: "start", kind: integer}, {name: "length", kind: integer},
	}},
	pure("NormalizeDiacritics", normalizeDiacritics),
	&function{name: "Not", parameters: required(anything, "source"), result: logical,
		run: func(a *arguments) value { return boolean(!strings.EqualFold(a.text(0), "True")) }},
	&function{name: "Now", changing: true, result: moment, run: now},
	&function{name: "NumFromDate", parameters: required(moment, "date"), result: integer, each: true, run: numFromDate},
	&function{name: "PCase", each: true, result: text, run: pCase, parameters: []parameter{
		{name: "source", kind: text}, parameter{name: "separators", kind: text}.or(),
	}},
	&function{name: "RandomString", changing: true, result: text, run: randomString, prepare: prepareRandomString,
		parameters: append(required(integer, "length", "numbers", "special", "capital", "lower"), parameter{name: "avoid", kind: text}.or())},
	&function{name: "Redact", parameters: required(anything, "value"), run: func(a *arguments) value { return a.values(0) }},
	&function{name: "RemoveDuplicates", parameters: required(anything, "attribute"), run: removeDuplicates},
	&function{name: "Replace", each: true, result: text, run: replace, prepare: prepareReplace, parameters: []parameter{
		{name: "source", kind: text},
		parameter{name: "oldValue", kind: text}.or(),
		parameter{name: "regexPattern", kind: text, constant: true}.or(),
		parameter{name: "regexGroupName", kind: text, constant: true}.or(),
		parameter{name: "replacementValue", kind: text}.or(),
		parameter{name: "replacementAttributeName", kind: text}.or(),
		parameter{name: "template", kind: text}.or(),
	}},
	&function{name: "Split", each: true, run: split, parameters: []parameter{
		{name: "source", kind: text}, {name: "delimiter", kind: text, literal: wrongDelimiter},
	}},
	&function{name: "StringFromSID", parameters: required(text, "bytes"), result: text, each: true, run: stringFromSID},
	pure("StripSpaces", func(s string) string { return strings.ReplaceAll(s, " ", "") }),
	&function{name: "Switch", run: switchOver, prepare: prepareSwitch, parameters: []parameter{
		{name: "source"}, parameter{name: "default"}.or(), {name: "key"}, {name: "value", repeated: true},
	}},
	&function{name: "ToLower", parameters: []parameter{{name: "source", kind: text}, cultureParameter}, each: true, result: text,
		run: func(a *arguments) value { return changeCase(a, lower) }},
	&function{name: "ToUpper", parameters: []parameter{{name: "source", kind: text}, cultureParameter}, each: true, result: text,
		run: func(a *arguments) value { return changeCase(a, upper) }},
	pure("Trim", trim),
	&function{name: "Word", each: true, result: text, run: nthWord, parameters: []parameter{
		{name: "source", kind: text}, {name: "number", kind: integer}, {name: "delimiters", kind: text},
	}},
)

func byName(list ...*function) map[string]*function {
	m := make(map[string]*function, len(list))
	for _, f := range list {
		m[f.name] = f
	}
	// The page of Cloud Sync has it both ways.
	m["StringFromSid"] = m["StringFromSID"]
	return m
}

// Functions returns the names of all functions, sorted.
func Functions() []string { return slices.Sorted(maps.Keys(functions)) }

// elsewhere are functions of Microsoft's that the language does not have, each
// with what to write instead.
var elsewhere = map[string]string{
	"SelectUniqueValue":         "it is made for users from HR; names of groups are made unique anyway",
	"SingleAppRoleAssignment":   "groups have no roles of applications",
	"AppRoleAssignmentsComplex": "groups have no roles of applications",
	"AppRoleAssignments":        "groups have no roles of applications",
	"DefaultDomain":             `Microsoft does not say what it gives; write the domain in quotes`,

	"Right":        "it is one of Entra Connect Sync; write Replace with a regular expression, such as \"^.*(.{3})$\" and \"$1\"",
	"Contains":     "it is one of Entra Connect Sync; write InStr([name], \"text\") > 0",
	"Len":          "it is one of Entra Connect Sync, and nothing here gives the length",
	"UCase":        "it is one of Entra Connect Sync; write ToUpper",
	"LCase":        "it is one of Entra Connect Sync; write ToLower",
	"LTrim":        "it is one of Entra Connect Sync; write Trim, or Replace with the regular expression \"^\\\\s+\"",
	"RTrim":        "it is one of Entra Connect Sync; write Trim, or Replace with the regular expression \"\\\\s+$\"",
	"InStrRev":     "it is one of Entra Connect Sync; write Replace with a regular expression",
	"PadLeft":      "it is one of Entra Connect Sync; write Append",
	"PadRight":     "it is one of Entra Connect Sync; write Append",
	"ReplaceChars": "it is one of Entra Connect Sync; write NormalizeDiacritics or Replace",
	"IsDate":       "it is one of Entra Connect Sync, and nothing here takes its place",
	"CGuid":        "it is one of Entra Connect Sync; a GUID is a text here",
	"CNum":         "it is one of Entra Connect Sync; a number in a text is taken as it is",
	"CRef":         "it is one of Entra Connect Sync; write the attribute itself",
	"With":         "it is one of Entra Connect Sync, and nothing here takes its place",
	"Where":        "it is one of Entra Connect Sync, and nothing here takes its place",
	"Select":       "it is one of Entra Connect Sync, and nothing here takes its place",
}
