package expression

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func seeds(f *testing.F) {
	for _, v := range vectors(f) {
		if len(v.ID)%5 == 0 {
			f.Add(vector.expression(v, nil))
		}
	}
	text, err := os.ReadFile("testdata/documented.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if text, _, ok := strings.Cut(line, " => "); ok {
			f.Add(text)
		}
	}
	f.Add(`IIF("a"&&H1>="b",Left(“`)
	f.Add(nested(MaxDepth + 1))
}

// bare returns the tree without its places.
func bare(n node) node {
	switch n := n.(type) {
	case *literal:
		return &literal{text: n.text}
	case *number:
		return &number{value: n.value}
	case *word:
		return &word{name: n.name}
	case *attribute:
		return &attribute{name: n.name}
	case *infix:
		return &infix{operator: n.operator, left: bare(n.left), right: bare(n.right)}
	case *call:
		c := &call{name: n.name}
		for _, a := range n.args {
			c.args = append(c.args, bare(a))
		}
		return c
	}
	return nil
}

// roundTrip writes a tree and parses it again. A text at the limit may be longer
// when it is written.
func roundTrip(t interface{ Fatalf(string, ...any) }, n node) {
	text := render(n)
	if utf8.RuneCountInString(text) > MaxLength {
		return
	}
	again, err := parse(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if !reflect.DeepEqual(bare(n), bare(again)) || render(again) != text {
		t.Fatalf("%q becomes %q", text, render(again))
	}
}

func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parse(text)
		if err != nil {
			e := err.(*Error)
			if e.Offset < 0 || e.Offset > len(text) || e.Column < 1 || e.Column > len(text)+1 || e.Name == "" || e.Problem == "" {
				t.Fatalf("%q: %#v", text, e)
			}
			return
		}
		roundTrip(t, n)
	})
}

func FuzzEvaluate(f *testing.F) {
	matchTimeout = 20 * time.Millisecond
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		x, err := Compile(text, nil)
		if err != nil {
			return
		}
		evaluate := func() (Result, error) {
			return x.Evaluate(groupSource, Environment{Now: environment.Now, Random: rand.NewChaCha8([32]byte{})})
		}
		r, err := evaluate()
		if err != nil {
			return
		}
		if (r.Outcome == Present) != (len(r.Values) > 0) || (r.Outcome == Unread) != (r.Attribute != "") {
			t.Fatalf("%q is %v", text, r)
		}
		for _, s := range r.Values {
			if s == "" || !utf8.ValidString(s) {
				t.Fatalf("%q is %q", text, r.Values)
			}
		}
		// The form that all equal expressions share evaluates to the same.
		y, err := Compile(x.String(), nil)
		if err != nil {
			if utf8.RuneCountInString(x.String()) > MaxLength {
				return
			}
			t.Fatalf("%q: %v", x.String(), err)
		}
		x = y
		if again, err := evaluate(); err == nil && !reflect.DeepEqual(r, again) {
			t.Fatalf("%q is %v, then %v", text, r, again)
		}
	})
}

// FuzzDates looks for what the readers and writers of dates do not foresee, and
// that a date which is written in a full format reads as the same.
// FuzzPattern looks for regular expressions and replacements that do not end, or
// that make what is no text.
func FuzzPattern(f *testing.F) {
	matchTimeout = 20 * time.Millisecond
	for _, v := range vectors(f) {
		if re, ok := v.Args[min(2, len(v.Args)-1)].(string); ok && v.Fn == "Replace" {
			f.Add(re, fmt.Sprint(v.Args[4]), fmt.Sprint(v.Args[0]))
		}
	}
	f.Fuzz(func(t *testing.T, re, with, text string) {
		x, err := Compile("Replace([text], , "+quote(re)+", , "+quote(with)+", , )", nil)
		if err != nil {
			return
		}
		r, err := x.Evaluate(func(string) ([]string, bool) { return []string{text}, true }, Environment{})
		if err == nil && r.Outcome == Present && !utf8.ValidString(r.Values[0]) {
			t.Fatalf("%q", r.Values[0])
		}
	})
}

func FuzzDates(f *testing.F) {
	for _, v := range vectors(f) {
		if v.Fn == "FormatDateTime" {
			f.Add(fmt.Sprint(v.Args[0]), fmt.Sprint(v.Args[2]), fmt.Sprint(v.Args[3]))
		}
	}
	f.Fuzz(func(t *testing.T, text, in, out string) {
		parsed, err := parseDate(text)
		if err == nil && !parsed.inRange() {
			t.Fatalf("%q is %v", text, parsed.t)
		}
		inTokens, problem := scanFormat(in)
		outTokens, wrong := scanFormat(out)
		if problem != "" || wrong != "" {
			return
		}
		d, err := readDate(text, inTokens, defaultStyles)
		if err != nil {
			return
		}
		if !d.inRange() {
			t.Fatalf("%q is %v", text, d.t)
		}
		if s := writeDate(d, outTokens); !utf8.ValidString(s) && utf8.ValidString(out) {
			t.Fatalf("%q", s)
		}
		full, _ := scanFormat("o")
		if again, err := readDate(writeDate(d, full), full, defaultStyles); err != nil || !again.t.Equal(d.t) {
			t.Fatalf("%v: %v, %v", d.t, again.t, err)
		}
	})
}

// Any tree that can be written is parsed as it was.
func TestTreesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { roundTrip(t, drawTree(t, 4)) })
}

func drawTree(t *rapid.T, depth int) node {
	kinds := 4
	if depth > 0 {
		kinds = 7
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return &literal{text: strings.ToValidUTF8(rapid.String().Draw(t, "text"), "")}
	case 1:
		return &number{value: rapid.Int64().Draw(t, "number")}
	case 2:
		return &attribute{name: rapid.StringMatching(`[A-Za-z_][^\[\]]{0,20}`).Draw(t, "attribute")}
	case 3:
		return &word{name: rapid.StringMatching(`[A-Za-z_äЖ][A-Za-z0-9_]{0,5}`).Draw(t, "word")}
	case 4:
		// Comparisons and & stand in an argument of their own.
		operator := rapid.SampledFrom([]string{"&", "=", "<>", "<", ">=", ">", "<="}).Draw(t, "operator")
		return &call{name: "F", args: []node{&infix{operator: operator, left: drawTree(t, 0), right: drawTree(t, 0)}, nil}}
	default:
		c := &call{name: rapid.StringMatching(`[A-Z][a-z]{1,5}`).Draw(t, "name")}
		for i := range rapid.IntRange(0, 4).Draw(t, "arguments") {
			if rapid.IntRange(0, 4).Draw(t, fmt.Sprint("omitted", i)) == 0 {
				c.args = append(c.args, nil)
				continue
			}
			c.args = append(c.args, drawTree(t, depth-1))
		}
		if len(c.args) == 1 && c.args[0] == nil {
			c.args = nil // is written the same
		}
		return c
	}
}

// BenchmarkGroups is a run over 5,000 groups with 20 expressions each.
func BenchmarkGroups(b *testing.B) {
	var expressions []*Expression
	for _, text := range []string{
		`[displayName]`, `Left(Trim([description]), 448)`, `Append("prefix ", [displayName])`, `ToLower([mailNickname])`,
		`IIF([securityEnabled] = "True", "security", "mail")`, `Switch([visibility], "", "Public", "1", "Private", "2", "HiddenMembership", "3")`,
		`Join("; ", [displayName], [description], [mail])`, `IgnoreFlowIfNullOrEmpty([mail])`,
		`Coalesce([preferredLanguage], [theme], "none")`, `Replace([mail], , "@.*$", , "", , )`,
		`Replace([displayName], , "^(?<first>\\w+)\\s+(?<rest>.*)$", , "${rest} ${first}", , )`, `NormalizeDiacritics([displayName])`,
		`FormatDateTime([createdDateTime], , "yyyy-MM-ddTHH:mm:ssZ", "yyyyMMddHHmmss.0Z")`, `CDate([createdDateTime])`,
		`Replace(ToLower([proxyAddresses]), "smtp:", , , "", , )`, `Mid([proxyAddresses], 6, 100)`,
		`Word([displayName], 2, " -")`, `IIF(IsPresent([description]), [description], Append([displayName], " (Entra)"))`,
		`PCase([displayName])`, `IIF(DateDiff("d", [createdDateTime], "2026-11-30") > 30, "old", "new")`,
	} {
		x, err := Compile(text, nil)
		if err != nil {
			b.Fatal(err)
		}
		expressions = append(expressions, x)
	}
	object := map[string][]string{
		"displayName": {"Vertrieb Süd – Außendienst"}, "description": {"  Alle im Vertrieb Süd  "}, "mail": {"vertrieb-sued@contoso.com"},
		"mailNickname": {"Vertrieb-Sued"}, "securityEnabled": {"True"}, "visibility": {"Private"},
		"createdDateTime": {"2024-03-16T07:00:00Z"},
		"proxyAddresses":  {"SMTP:vertrieb-sued@contoso.com", "smtp:vs@contoso.com", "smtp:vs@contoso.onmicrosoft.com"},
	}
	source := func(name string) ([]string, bool) { return object[name], true }
	for b.Loop() {
		for range 5_000 {
			for _, x := range expressions {
				if _, err := x.Evaluate(source, Environment{}); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}
