package expression

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var known = []string{"displayName", "mail", "description", "extension_0123_costCentre"}

// Each error has its place, the function or token, and where it can be said what
// to write.
func TestErrorsWhenSet(t *testing.T) {
	for _, c := range []struct {
		text, where string // where: what stands at the place
		name, says  string
	}{
		// Form.
		{``, ``, "the expression", "is empty; write an attribute"},
		{"  \n", "  \n", "the expression", "is empty"},
		{"Left(\"a\xff\", 1)", "\xff\", 1)", "the expression", "no valid UTF-8"},
		{`Left([mail], 3`, `Left`, "Left", "its parenthesis is not closed; write )"},
		{`Left([mail], 3))`, `)`, ")", "the expression ends before it; a parenthesis that closes"},
		{`Left([mail] 3)`, `3)`, "3", "a comma or ) is missing before it"},
		{`Left([mail]; 3)`, `; 3`, ";", "write a comma"},
		{`Left("mail, 3)`, `"mail`, "the text", `its quotes are not closed; write "`},
		{`"a\`, `"a\`, "the text", "its quotes are not closed"},
		{`Replace([mail], , "\d", , "")`, `\d`, `\d`, `is no escape; write \\d`},
		{`Left([mail, 3)`, `[mail`, "[", "the bracket is not closed"},
		{`Left([ma[il], 3)`, `[ma[`, "[", "the bracket is not closed"},
		{`Left([], 3)`, `[]`, "[]", "names no attribute"},
		{`Left('a', 3)`, `'a'`, "'", "straight double quotes"},
		{`Left(“a”, 3)`, `“a”`, "“", "straight quotes"},
		{`Left(mail, 3)`, `mail`, "mail", "is no value; an attribute stands in brackets: [mail]"},
		{`Left(foo, 3)`, `foo`, "foo", `write [foo] for an attribute, "foo" for a text`},
		{`Trim`, `Trim`, "Trim", "a function needs its parentheses: Trim(source)"},
		{`IIF([mail] = "a" And "b" = "c", "", "")`, `And`, "And", "neither And nor Or"},
		{`[mail] = "a" = "b"`, `= "b"`, "=", "a comparison follows a comparison"},
		{`[mail] + "a"`, `+ "a"`, "+", "there is no arithmetic"},
		{`([mail])`, `([`, "(", "parentheses only behind the name"},
		{`"a" & `, ``, "the end", "a value is missing"},
		{`Left([mail], 1.5)`, `1.5`, "1.5", "is not whole"},
		{`Left([mail], 99999999999999999999)`, `9999`, "99999999999999999999", "is too large"},
		{`Left([mail], &HG)`, `&HG`, "&HG", "is no number"},
		{`Left([mail], &)`, `&)`, "&", "a value is missing"},
		{`%Domain.FQDN%`, `%`, "%", "square brackets"},

		// Names.
		{`Lef([mail], 3)`, `Lef`, "Lef", "no function of this name; did you mean Left?"},
		{`left([mail], 3)`, `left`, "left", "did you mean Left?"},
		{`Right([mail], 3)`, `Right`, "Right", "Entra Connect Sync; write Replace"},
		{`Foo()`, `Foo`, "Foo", "there is no function of this name"},
		{`SelectUniqueValue([mail], "a")`, `Sel`, "SelectUniqueValue", "users from HR"},
		{`Trim([Mail])`, `[Mail]`, "[Mail]", "no attribute of this name; did you mean mail?"},
		{`Trim([extension_0123_costCenter])`, `[ext`, "[extension_0123_costCenter]", "did you mean extension_0123_costCentre?"},
		{`Trim([x])`, `[x]`, "[x]", "no attribute of this name"},
		{`Left("ä", Lef("ö"))`, `Lef`, "Lef", "at character 11"},

		// Count.
		{`Left([mail])`, `Left`, "Left", "has 1 argument and needs 2; write Left(source, count)"},
		{`Left([mail], 1, 2)`, `Left`, "Left", "has 3 arguments and needs 2"},
		{`Now(1)`, `Now`, "Now", "has 1 argument and needs 0; write Now()"},
		{`InStr([mail])`, `InStr`, "InStr", "needs 2 to 4; write InStr(text, find[, start][, compare])"},
		{`Join(",")`, `Join`, "Join", "needs 2 or more; write Join(separator, source, …)"},
		{`Switch([mail], "a", "b")`, `Switch`, "Switch", "needs 4 or more"},
		{`Switch([mail], "a", "b", "c", "d")`, `Switch`, "Switch", "a key without its value; write an even number"},
		{`Switch([mail], "a", "b", "c", "b", "d")`, `"b", "d"`, "Switch", `has the key "b" twice`},
		{`Left(, 3)`, `Left`, "Left", "its source is omitted"},
		{`IIF([mail] = "a", , "b")`, `IIF`, "IIF", "its valueIfTrue is omitted"},

		// Type.
		{`Left([mail], "x")`, `"x"`, "Left", `its count needs a whole number, and is "x"`},
		{`Left([mail], IsNull([mail]))`, `IsNull`, "Left", "its count is a condition and needs to be a whole number"},
		{`Left([mail], [mail] = "a")`, `=`, "Left", "its count is a condition"},
		{`DateAdd("d", 1, 5)`, `5`, "DateAdd", "its date is a number; write a date in quotes"},
		{`DateAdd("x", 1, "2020-01-01")`, `"x"`, "DateAdd", `its interval is "x": write "yyyy"`},
		{`DateAdd("d", 1, Count([mail]))`, `Count`, "DateAdd", "its date is a whole number and needs to be a date"},
		{`DateAdd("d", 1, "foo")`, `"foo"`, "DateAdd", "its date is no date"},
		{`CDate("13:45")`, `"13:45"`, "CDate", "does not say day, month and year; write it as"},
		{`CDate("16 March")`, `"16`, "CDate", "does not say day, month and year"},
		{`CDate("Tue, 16 Mar 2020")`, `"Tue`, "CDate", "it is a Monday"},
		{`CDate("2021-02-29")`, `"2021`, "CDate", "February 2021 has no day 29"},
		{`IIF("foo", "", "")`, `"foo"`, "IIF", "its condition needs a condition"},
		{`IIF(Now(), "", "")`, `Now`, "IIF", "its condition is a date and needs to be a condition"},
		{`InStr("a", "b", 1, vbFoo)`, `vbFoo`, "vbFoo", "is no compare of InStr; write vbBinaryCompare or vbTextCompare"},
		{`InStr("a", "b", 1, "x")`, `"x"`, "InStr", "without quotes"},
		{`ToLower([mail], "en US")`, `"en US"`, "ToLower", "write a language and a country"},
		{`ConvertFromBase64([mail], "UTF16")`, `"UTF16"`, "ConvertFromBase64", "write Unicode, ASCII, UTF8"},
		{`FormatDateTime([mail], , "yyyy-MM-dd", "H")`, `"H"`, "FormatDateTime", "its outputFormat"},
		{`FormatDateTime([mail], , "", "s")`, `"", "s"`, "FormatDateTime", "its inputFormat is empty"},
		{`FormatDateTime([mail], "Foo", "yyyy", "s")`, `"Foo"`, "FormatDateTime", `its dateTimeStyles has "Foo"`},
		{`FormatDateTime([mail], "AssumeLocal,AssumeUniversal", "yyyy", "s")`, `"Assume`, "FormatDateTime", "assumes two zones"},
		{`FormatDateTime([mail], "RoundtripKind,AssumeUniversal", "yyyy", "s")`, `"Round`, "FormatDateTime", "another zone"},
		{`Split([mail], "")`, `"")`, "Split", "its delimiter is empty"},
		{`RandomString(300, 0, 0, 0, 0)`, `300`, "RandomString", "length is 300; write 0 to 256"},
		{`RandomString(3, 1, 1, 1, 1)`, `Random`, "RandomString", "at least 4 characters are asked for in a length of 3"},

		// Replace and regular expressions.
		{`Replace([mail])`, `Replace`, "Replace", "has nothing to replace; beside its source write oldValue and replacementValue"},
		{`Replace([mail], "a")`, `Replace`, "Replace", "has oldValue;"},
		{`Replace([mail], "a", "b", , "c", , )`, `Replace`, "Replace", "has oldValue with regexPattern with replacementValue"},
		{`Replace([mail], "", , , "c", , )`, `"", ,`, "Replace", "oldValue is empty"},
		{`Replace([mail], , [mail], , "c", , )`, `[mail], , "c"`, "Replace", "its regexPattern is not constant"},
		{`Replace([mail], , 5, , "c", , )`, `5`, "Replace", "its regexPattern is a number"},
		{`Replace([mail], , "(a", , "c", , )`, `"(a"`, "Replace", "missing closing )"},
		{`Replace([mail], , "(?<n>a)", "m", "c", , )`, `"m"`, "Replace", `no group "m"; it has 0, n`},
		{`Replace([mail], , "a", "", "c", , )`, `"", "c"`, "Replace", `no group ""`},
		{`Replace([mail], , "a", , "$99999999999", , )`, `"$9`, "Replace", "refers to the group"},
		{`Replace([mail], , "\\p{Greek}", , "", , )`, `"\\p`, "Replace", "which .NET does not know"},
		{`Replace([mail], , "\\pL", , "", , )`, `"\\p`, "Replace", "without its name in braces"},
		{`Replace([mail], , "\\x{41}", , "", , )`, `"\\x`, "Replace", `write \uXXXX`},
		{`Replace([mail], , "(?U)a", , "", , )`, `"(?U`, "Replace", "unknown option (?U"},
		{`Replace([mail], , "(?d)a", , "", , )`, `"(?d`, "Replace", "unknown option (?d"},
		{`Replace([mail], , "(?i-e:a)", , "", , )`, `"(?i`, "Replace", "unknown option (?i-e"},
	} {
		_, err := Compile(c.text, known)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if !strings.HasPrefix(c.text[e.Offset:], c.where) || e.Name != c.name || !strings.Contains(e.Error(), c.says) {
			t.Errorf("%s: %v (at %q)", c.text, err, c.text[e.Offset:])
		}
		if want := utf8.RuneCountInString(c.text[:e.Offset]) + 1; e.Column != want {
			t.Errorf("%s: column %d, want %d", c.text, e.Column, want)
		}
	}
}

func TestErrorsOfObjects(t *testing.T) {
	for text, says := range map[string]string{
		`Item([proxyAddresses], 3)`:              "at character 24, Item: index is 3, and there are values 1 to 2",
		`Item([proxyAddresses], 0)`:              "index is 0",
		`Append("x", [proxyAddresses])`:          "at character 13, Append: there are 2 values where one is needed; take one by Item",
		`Left("x", [mail])`:                      `count needs a whole number, and has "sales@contoso.com"`,
		`CDate([mail])`:                          `"sales@contoso.com" is no date`,
		`IIF([mail], "a", "b")`:                  `"sales@contoso.com" is neither True nor False; compare it`,
		`Error("no " & [mail])`:                  "Error: no sales@contoso.com",
		`Error("")`:                              "refuses this object",
		`DateFromNum(-1)`:                        `"-1" is no file time`,
		`FormatDateTime([mail], , "yyyy", "yy")`: `is not in the input format "yyyy": character 1 does not fit`,
		`FormatDateTime("20091", , "yyyy", "s")`: "the format ends before character 5",
		`NumFromDate("1600-01-01")`:              "is before 1601",
	} {
		x, err := Compile(text, nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if r, err := x.Evaluate(groupSource, environment); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, %v", text, r, err)
		}
	}
}

func nested(depth int) string {
	return strings.Repeat("Trim(", depth) + `"x"` + strings.Repeat(")", depth)
}

func TestLimitsOfAnExpression(t *testing.T) {
	fill := func(n int) string { return `"` + strings.Repeat("ä", n-2) + `"` }
	for text, ok := range map[string]bool{
		fill(MaxLength):                                  true,
		fill(MaxLength + 1):                              false,
		nested(MaxDepth):                                 true,
		nested(MaxDepth + 1):                             false,
		nested(1600) + " ":                               false,
		strings.Repeat("(", MaxLength):                   false,
		`""` + strings.Repeat(`&""`, 3000):               true,
		"Join(\"\"" + strings.Repeat(",", 9000) + ")":    false, // omitted
		"Join(\"\"" + strings.Repeat(",[a]", 2400) + ")": true,
	} {
		x, err := Compile(text, nil)
		if (err == nil) != ok {
			t.Errorf("%.30s… of %d: %v", text, len(text), err)
		}
		if err == nil {
			if _, err := x.Evaluate(groupSource, environment); err != nil {
				t.Errorf("%.30s… of %d: %v", text, len(text), err)
			}
		}
	}
}

// What grows by nesting ends in an error, soon and without much memory.
func TestLimitsOfAnEvaluation(t *testing.T) {
	long := strings.Repeat("a", 50_000)
	many := make([]string, 50_000)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	source := func(name string) ([]string, bool) {
		switch name {
		case "many":
			return many, true
		case "wide":
			return []string{strings.Repeat("😀", MaxText/2)}, true
		}
		return []string{long}, true
	}
	grow := `[long]`
	for range 40 {
		grow = `Replace(` + grow + `, "a", , , "aaaaaaaaaa", , )`
	}
	twice := `"a"`
	for range 9 {
		twice = `Append(` + twice + `,` + twice + `)`
	}
	perValue := `[many]`
	for range 99 {
		perValue = `Append(` + perValue + `, "x")`
	}
	for text, says := range map[string]string{
		grow:                                     "more than 100000 characters",
		`[long] & [long] & [long]`:               "more than 100000 characters",
		`[wide] & "a"`:                           "more than 100000 characters",
		`Append([long], Append([long], [long]))`: "more than 100000 characters",
		`Join([long], [long], [long], [long], [long], [long])`:               "more than 100000 characters",
		`Replace([long], , "a", , "$_", , )`:                                 "more than 100000 characters",
		`Replace("b", "b", , , , , Append([long], Append([long], [long])))`:  "more than 100000 characters",
		`Replace([long], , "^", , "` + strings.Repeat("$_", 3000) + `", , )`: "more than 100000 characters",
		`Join(""` + strings.Repeat(",[many]", 1000) + `)`:                    "more than 100000 characters",
		`Count([many])` + strings.Repeat("&Count([many])", 600):              "too much text",
		perValue:                      "too much text",
		twice:                         "",
		`Word([long], 40000, [long])`: "",
		`Count(Split([long], "a"))`:   "",
		`RemoveDuplicates([many])`:    "",
		`DNComponent([long], 1)`:      "is no component",
		`CDate([long])`:               "is no date",
		`[wide]`:                      "",
		`FormatDateTime("2020", , "yyyy", "MMMM" & [long])`: "",
	} {
		x, err := Compile(text, nil)
		if err != nil {
			t.Errorf("%.60s: %v", text, err)
			continue
		}
		_, err = x.Evaluate(source, environment)
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%.60s: %v", text, err)
		}
		if err != nil && len(err.Error()) > 1000 {
			t.Errorf("%.60s: a message of %d bytes", text, len(err.Error()))
		}
	}
}

// A regular expression that backtracks for ever ends, and so do many in a row.
func TestBacktrackingEnds(t *testing.T) {
	defer func(before time.Duration) { matchTimeout = before }(matchTimeout)
	matchTimeout = 50 * time.Millisecond
	source := func(string) ([]string, bool) {
		values := make([]string, 1000)
		for i := range values {
			values[i] = strings.Repeat("a", 40) + "!"
		}
		return values, true
	}
	for _, text := range []string{
		`Replace([a], , "^(a+)+$", , "", , )`,
		`Replace([a], , "(?<x>(a|aa)+)$", "x", "", , )`,
		`Replace("", , "(?<x>(.*a){30})b", "x", , Item([a], 1), )`,
	} {
		x, err := Compile(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Evaluate(source, environment); err == nil || !strings.Contains(err.Error(), "did not end within") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
