package plan

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"groupwriteback/internal/directory"
)

func TestFilterHolds(t *testing.T) {
	hr := &directory.SourceGroup{ID: groupID, Kind: directory.UnifiedGroup, Properties: directory.Values{"displayName": {"HR-Köln"}, "description": {"it's \"ours\""}, "mail": {"hr@contoso.test"}}, Visibility: "Private"}
	for text, want := range map[string]bool{
		``:                                true,
		"  \t\n":                          true,
		`displayName -eq 'hr-KÖLN'`:       true,
		`DISPLAYNAME -EQ "HR-Köln"`:       true,
		`displayName -eq 'HR-*'`:          false,
		`displayName -ne 'x'`:             true,
		`displayName -like 'hr-*'`:        true,
		`displayName -like 'HR-K?ln'`:     true,
		`displayName -like 'HR-K??ln'`:    false,
		`displayName -like '*'`:           true,
		`displayName -like ''`:            false,
		`displayName -like 'HR'`:          false,
		`displayName -like '**ö*n**'`:     true,
		`displayName -notlike '*x*'`:      true,
		`description -eq 'it''s "ours"'`:  true,
		`description -eq "it's ""ours"""`: true,
		`mail -like '*@contoso.test'`:     true,
		`mail -eq ''`:                     false,
		`visibility -eq 'private'`:        true,
		`kind -eq 'Unified'`:              true,
		`KIND -EQ 'UNIFIED'`:              true,
		`DISPLAYNAME -LIKE 'hr-*' -AND -NOT (VISIBILITY -NE 'PRIVATE' -OR MAIL -EQ '')`: true,
		`kind -eq 'security'`:                                  false,
		`kind -like 'sec*'`:                                    false,
		`id -like '3A5C3221-*'`:                                true,
		`id -eq '` + groupID.String() + `'`:                    true,
		`id -eq '{` + strings.ToUpper(groupID.String()) + `}'`: true,
		`!mail -eq ''`:                                         true,
		`-not mail -eq '' -and mail -eq ''`:                    false, // (-not …) -and …
		`-not (mail -eq '' -and mail -eq '')`:                  true,
		`mail -like '*' -or mail -eq '' -and mail -eq 'x'`:     true, // … -or (… -and …)
		`(mail -like '*' -or mail -eq '') -and mail -eq 'x'`:   false,
		`displayName -like 'HR-*' -and -not (mail -eq 'x@y' -or visibility -eq "Private")`: false,
		`(displayName -like'HR-*')-and!(mail -eq'x@y')`:                                    true,
	} {
		f, err := ParseFilter(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := f.Holds(hr); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	f, _ := ParseFilter(`mail -eq '' -and description -like '' -and visibility -notlike '?*'`)
	if !f.Holds(&directory.SourceGroup{Properties: directory.Values{"displayName": {"x"}}}) {
		t.Error("an absent value is not ''")
	}
}

func TestFilterHasOneForm(t *testing.T) {
	for text, want := range map[string]string{
		` (( MAIL  -EQ "x" )) `:                              `mail -eq 'x'`,
		`!mail -eq 'it''s'`:                                  `-not mail -eq "it's"`,
		`mail -eq 'a' -or (mail -eq 'b' -or mail -eq 'c')`:   `mail -eq 'a' -or mail -eq 'b' -or mail -eq 'c'`,
		`(mail -eq 'a' -and mail -eq 'b') -and mail -eq 'c'`: `mail -eq 'a' -and mail -eq 'b' -and mail -eq 'c'`,
		`mail -eq 'a' -and (mail -eq 'b' -or mail -eq 'c')`:  `mail -eq 'a' -and (mail -eq 'b' -or mail -eq 'c')`,
		`mail -eq 'a' -or (mail -eq 'b' -and mail -eq 'c')`:  `mail -eq 'a' -or mail -eq 'b' -and mail -eq 'c'`,
		`-not(-not(mail -eq 'a' -and mail -eq 'b'))`:         `-not -not (mail -eq 'a' -and mail -eq 'b')`,
		`id -eq '{3A5C3221-c465-48c0-95b8-e9305786a271}'`:    `id -eq '3a5c3221-c465-48c0-95b8-e9305786a271'`,
		`kind -ne 'SECURITY'`:                                `kind -ne 'Security'`,
		``:                                                   ``,
	} {
		f, err := ParseFilter(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if f.String() != want {
			t.Errorf("%s is shown as %s, want %s", text, f, want)
		}
	}
}

func TestFilterRefuses(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("(", n) + "mail -eq ''" + strings.Repeat(")", n) }
	// It fits only without the blanks that the canonical form adds.
	crowded := strings.Repeat(`(mail -eq''-or mail -eq'')-and`, 136) + `(mail -eq'')`
	for _, c := range []struct {
		text     string
		position int
		message  string // a part
	}{
		{`name -eq 'x'`, 1, "Found name, expected an attribute: " + strings.Join(FilterAttributes(), ", ") + "."},
		{`'x' -eq mail`, 1, "Found 'x', expected an attribute"},
		{`mail-eq 'x'`, 1, "Found mail-eq, expected an attribute"},
		{`mail -match 'x'`, 6, "Found -match, expected an operator: -eq, -ne, -like, -notlike."},
		{`mail`, 5, "Found the end, expected an operator"},
		{`mail -eq x`, 10, "Found x, expected a quoted value"},
		{`mail -eq $null`, 10, "'' for no value"},
		{`mail -eq “x”`, 10, "Found “x”, expected a quoted value"},
		{`mail -eq`, 9, "Found the end, expected a quoted value"},
		{`mail -eq 'x`, 10, "no closing '"},
		{`mail -eq "it''s`, 10, `no closing "`},
		{`mail -eq 'x' visibility -eq 'y'`, 14, "Found visibility, expected -and, -or or the end."},
		{`mail -eq 'x' -and`, 18, "Found the end, expected an attribute"},
		{`mail -eq 'x' -and -or mail -eq 'x'`, 19, "Found -or, expected an attribute"},
		{`ä -eq 'x')`, 1, "Found ä, expected"},
		{`mail -eq 'ä')`, 13, "This ) has no matching (."},
		{`mail -eq 'x' -or (mail -eq 'y'`, 31, "the ( at character 18"},
		{`()`, 2, "Found ), expected an attribute"},
		{`-not`, 5, "Found the end, expected an attribute"},
		{`kind -eq 'group'`, 10, "'group' is not a kind of group. The kinds are 'Unified' and 'Security'."},
		{`id -ne 'x'`, 8, "'x' is not a group id"},
		{"mail -eq '\xff'", 11, "UTF-8"},
		{"ma\x1bil\u2028 -eq 'x'", 1, "ma?il"},
		{strings.Repeat("x", 100) + ` -eq 'x'`, 1, "Found " + strings.Repeat("x", 40) + "…, expected"},
		{deep(maxFilterDepth + 1), maxFilterDepth + 1, "nested more than 32 deep"},
		{strings.Repeat("!", maxFilterDepth+1) + "mail -eq ''", maxFilterDepth + 1, "nested more than 32 deep"},
		{`mail -eq '` + strings.Repeat("ä", maxFilterLength-10) + `'`, maxFilterLength + 1, "at most 4096 characters"},
		{crowded, utf8.RuneCountInString(crowded) + 1, "at most 4096 characters"},
	} {
		f, err := ParseFilter(c.text)
		var wrong *FilterError
		if !errors.As(err, &wrong) {
			t.Errorf("%.60s: %v, %v; want an error", c.text, f, err)
			continue
		}
		if wrong.Position != c.position || !strings.Contains(wrong.Message, c.message) {
			t.Errorf("%.60s: %v; want at %d %s", c.text, err, c.position, c.message)
		}
		if got, want := err.Error(), fmt.Sprintf("the filter is wrong at character %d: %s", c.position, wrong.Message); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for _, text := range []string{deep(maxFilterDepth), `mail -eq '` + strings.Repeat("ä", maxFilterLength-11) + `'`} {
		if _, err := ParseFilter(text); err != nil {
			t.Errorf("%.40s…: %v", text, err)
		}
	}
}

// A randomly composed filter means what it was composed to mean, however it is written.
func TestFilterMeansWhatIsWritten(t *testing.T) {
	groups := []*directory.SourceGroup{
		source(),
		{ID: object, Kind: directory.SecurityGroup, Properties: directory.Values{"displayName": {"abba"}, "description": {"a"}}, Visibility: "Public"},
		{ID: other, Kind: directory.UnifiedGroup, Properties: directory.Values{"displayName": {"B\"A'"}, "mail": {"Ab"}, "description": {"ſK"}}},
	}
	rapid.Check(t, func(t *rapid.T) {
		text, meaning := drawFilter(t, 4)
		f, err := ParseFilter(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		again, err := ParseFilter(f.String())
		if err != nil || !reflect.DeepEqual(f, again) {
			t.Fatalf("%s is shown as %s and comes back as %s, %v", text, f, again, err)
		}
		for _, g := range groups {
			if f.Holds(g) != meaning(g) {
				t.Fatalf("%s (%s) is %v for %+v", text, f, f.Holds(g), g)
			}
		}
	})
}

// drawFilter returns a filter, in parentheses if it has an operator, and its meaning.
func drawFilter(t *rapid.T, depth int) (string, func(*directory.SourceGroup) bool) {
	pick := func(texts ...string) string { return rapid.SampledFrom(texts).Draw(t, "text") }
	blank := func() string { return pick(" ", "  ", "\t", "\n") }
	kind := 0
	if depth > 0 {
		kind = rapid.IntRange(0, 3).Draw(t, "kind")
	}
	switch kind {
	case 1:
		text, meaning := drawFilter(t, depth-1)
		return pick("!", "-not ", "-NOT\t") + text, func(g *directory.SourceGroup) bool { return !meaning(g) }
	case 2:
		a, meansA := drawFilter(t, depth-1)
		b, meansB := drawFilter(t, depth-1)
		return "(" + a + blank() + pick("-and", "-And") + blank() + b + ")", func(g *directory.SourceGroup) bool { return meansA(g) && meansB(g) }
	case 3:
		a, meansA := drawFilter(t, depth-1)
		b, meansB := drawFilter(t, depth-1)
		return "(" + a + blank() + pick("-or", "-OR") + blank() + b + ")", func(g *directory.SourceGroup) bool { return meansA(g) || meansB(g) }
	}
	attribute := pick("displayName", "description", "mail", "visibility")
	value := rapid.StringMatching(`[aAbBkKsS'"*?]{0,4}`).Draw(t, "value")
	quote := pick("'", `"`)
	negative, like := rapid.Bool().Draw(t, "negative"), rapid.Bool().Draw(t, "like")
	operator := map[[2]bool]string{{false, false}: "-eq", {true, false}: "-ne", {false, true}: "-like", {true, true}: "-notlike"}[[2]bool{negative, like}]
	text := attribute + blank() + operator + pick("", " ") + quote + strings.ReplaceAll(value, quote, quote+quote) + quote
	pattern := regexp.QuoteMeta(value)
	if like {
		pattern = strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(pattern)
	}
	match := regexp.MustCompile("(?is)^(" + pattern + ")$")
	return text, func(g *directory.SourceGroup) bool {
		return match.MatchString(attributeOf(g, attribute)[0]) != negative
	}
}

// A matcher that tries every way would never finish with this.
func TestLikeDoesNotTryEveryWay(t *testing.T) {
	if like(strings.Repeat("a", 2000), strings.Repeat("*a", 1000)+"*b") {
		t.Error("no b in it")
	}
	if !like(strings.Repeat("a", 2000)+"b", strings.Repeat("*a", 1000)+"*b") {
		t.Error("a b at its end")
	}
}

func FuzzParseFilter(f *testing.F) {
	f.Add(`displayName -like 'HR-*' -and -not (mail -eq 'x@y' -or visibility -eq "Private")`)
	f.Add(`!(id -eq '{3a5c3221-c465-48c0-95b8-e9305786a271}')-or kind -ne'unified'`)
	f.Add("mail -eq '''\"\"\ufffd'")
	f.Add("((((mail -like '")
	g := source()
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := ParseFilter(text)
		if err != nil {
			var wrong *FilterError
			if !errors.As(err, &wrong) || wrong.Position < 1 || wrong.Position > utf8.RuneCountInString(text)+1 || !utf8.ValidString(wrong.Message) {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		again, err := ParseFilter(filter.String())
		if err != nil || !reflect.DeepEqual(filter, again) || filter.Holds(g) != again.Holds(g) {
			t.Fatalf("%q is shown as %q and comes back as %v, %v", text, filter, again, err)
		}
	})
}
