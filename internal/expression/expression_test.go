package expression

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// No test fails because the machine is slow: only those that are about the time
// limit have a short one.
func TestMain(m *testing.M) {
	matchTimeout = time.Minute
	os.Exit(m.Run())
}

// group is the object of these tests.
var group = map[string][]string{
	"displayName":    {"Sales EMEA"},
	"mail":           {"sales@contoso.com"},
	"proxyAddresses": {"SMTP:sales@contoso.com", "smtp:verkauf@contoso.com"},
	"emptyText":      {""},
	"someEmpty":      {"", "a", ""},
	"securityOn":     {"true"},
	"emoji":          {"😀a😀"},
	"broken":         {"a\xffb"},
}

func groupSource(name string) ([]string, bool) { return group[name], name != "unread" }

var environment = Environment{
	Now:    func() time.Time { return time.Date(2026, 11, 30, 13, 5, 9, 0, time.UTC) },
	Random: rand.NewChaCha8([32]byte{1}),
}

func evaluate(t *testing.T, text string) string {
	t.Helper()
	x, err := Compile(text, nil)
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return ""
	}
	return shownResult(x.Evaluate(groupSource, environment))
}

func TestSemantics(t *testing.T) {
	for text, want := range map[string]string{
		// Alone.
		`[displayName]`: "Sales EMEA",
		`[absent]`:      "absent",
		`[emptyText]`:   "empty",
		`[someEmpty]`:   "a",
		`[broken]`:      "a\uFFFDb",
		`"text"`:        "text",
		`""`:            "empty",
		`-10`:           "-10",
		`&HFF`:          "255",

		// An attribute that could not be read counts only where it is needed.
		`[unread]`: "unread",
		`IIF([displayName] = "Sales EMEA", "x", [unread])`: "x",
		`IIF([unread] = "x", "x", "x")`:                    "unread",
		`Coalesce([unread], "x")`:                          "unread",

		// Absent is empty for what works on texts, and stays absent otherwise.
		`Append([absent], "x")`:                               "x",
		`ToLower([absent])`:                                   "empty",
		`CStr([absent])`:                                      "empty",
		`Mid([absent], 1, 3)`:                                 "empty",
		`Replace([absent], "a", , , "b")`:                     "empty",
		`StringFromSID([absent])`:                             "empty",
		`ConvertFromBase64([absent])`:                         "empty",
		`CDate([absent])`:                                     "absent",
		`DateAdd("d", 1, [absent])`:                           "absent",
		`DateDiff("d", [absent], "2020-01-01")`:               "absent",
		`FormatDateTime([absent], , "yyyy", "yy")`:            "absent",
		`DateFromNum([absent])`:                               "absent",
		`NumFromDate([absent])`:                               "absent",
		`BitAnd([absent], 1)`:                                 "absent",
		`Split([absent], ",")`:                                "absent",
		`Item([absent], 1)`:                                   "absent",
		`RemoveDuplicates([absent])`:                          "absent",
		`Redact([absent])`:                                    "absent",
		`Coalesce([absent], [alsoAbsent])`:                    "absent",
		`Coalesce([absent], "", "x")`:                         "empty",
		`Count([absent])`:                                     "0",
		`InStr([absent], "x")`:                                "0",
		`Join(",", [absent], "", [displayName], [emptyText])`: "Sales EMEA",
		`Join(",", [absent])`:                                 "empty",
		`[absent] & "x"`:                                      "x",
		`IsString([absent])`:                                  "False",
		`IsString("x")`:                                       "True",
		`IsNull([emptyText])`:                                 "False",
		`IsNullOrEmpty([emptyText])`:                          "True",
		`IsPresent([someEmpty])`:                              "True",

		// No flow ends everything that needs it.
		`IgnoreFlowIfNullOrEmpty([mail])`:                                   "sales@contoso.com",
		`Append("x", IgnoreFlowIfNullOrEmpty([emptyText]))`:                 "no flow",
		`IIF("True", "x", IgnoreFlowIfNullOrEmpty([absent]))`:               "x",
		`Switch("a", "d", "b", IgnoreFlowIfNullOrEmpty([absent]))`:          "d",
		`Coalesce(IgnoreFlowIfNullOrEmpty([absent]), "x")`:                  "no flow",
		`IgnoreFlowIfNullOrEmpty(Left(Trim([absent]), 448))`:                "no flow",
		`Switch("a", IgnoreFlowIfNullOrEmpty([absent]), "a", "x")`:          "x",
		`IIF(IsNullOrEmpty([absent]), IgnoreFlowIfNullOrEmpty(""), "x")`:    "no flow",
		`Join("", "a", IIF([mail] = "", "x", IgnoreFlowIfNullOrEmpty("")))`: "no flow",

		// Several values.
		`[proxyAddresses]`:                                          "SMTP:sales@contoso.com | smtp:verkauf@contoso.com",
		`Mid([proxyAddresses], 6, 100)`:                             "sales@contoso.com | verkauf@contoso.com",
		`Append(ToLower([proxyAddresses]), ".test")`:                "smtp:sales@contoso.com.test | smtp:verkauf@contoso.com.test",
		`Replace([proxyAddresses], , "^smtp:", , "", , )`:           "SMTP:sales@contoso.com | verkauf@contoso.com",
		`Join("; ", [proxyAddresses], "x")`:                         "SMTP:sales@contoso.com; smtp:verkauf@contoso.com; x",
		`Count([proxyAddresses])`:                                   "2",
		`Count(Split("a,,b", ","))`:                                 "3",
		`Split("a, , b", ",")`:                                      "a | b",
		`Item([proxyAddresses], 2)`:                                 "smtp:verkauf@contoso.com",
		`Item(Split([displayName], " "), Count(Split("a b", " ")))`: "EMEA",
		`[proxyAddresses] = "x"`:                                    "error",
		`Append("x", [proxyAddresses])`:                             "error",
		`Switch([proxyAddresses], "", "x", "y")`:                    "error",
		`Not([proxyAddresses])`:                                     "error",
		`IsPresent([proxyAddresses])`:                               "True",
		`IsString([proxyAddresses])`:                                "False",
		`RemoveDuplicates(Split("a,A,a", ","))`:                     "a | A",

		// Comparisons heed case; numbers are numbers where one side is.
		`[displayName] = "sales emea"`: "False",
		`"B" < "a"`:                    "True",
		`"10" < "9"`:                   "True",
		`10 < 9`:                       "False",
		`"10" > 9`:                     "True",
		`"007" = 7`:                    "True",
		`"007" = "7"`:                  "False",
		`"x" = 7`:                      "False",
		`"x" <> 7`:                     "True",
		`"x" > 7`:                      "error",
		`[absent] = ""`:                "True",
		`[absent] <> "a"`:              "True",
		`[absent] < 5`:                 "False",
		`[absent] >= ""`:               "False",
		`5 >= 5`:                       "True",
		`5 <= 4`:                       "False",
		`DateDiff("d", "2020-01-01", "2020-03-01") > 59`: "True",
		`InStr([mail], "@") = 6`:                         "True",
		"\"\U0001F600\" < \"\uFF01\"":                    "True", // by UTF-16 units

		// Conditions.
		`IIF([securityOn], "yes", "no")`: "yes",
		`IIF([absent], "yes", "no")`:     "no",
		`IIF(2, "yes", "no")`:            "yes",
		`IIF(0, "yes", "no")`:            "no",
		`IIF([mail], "yes", "no")`:       "error",
		`CBool("0")`:                     "False",
		`CBool(InStr("abc", "c"))`:       "True",
		`Not([securityOn])`:              "False",
		`Not([absent])`:                  "True",

		// Characters are UTF-16 units; halves go.
		`Left([emoji], 1)`:                                     "empty",
		`Left([emoji], 3)`:                                     "😀a",
		`Mid([emoji], 2, 2)`:                                   "a",
		`Mid([emoji], 3, 2)`:                                   "a",
		`InStr([emoji], "😀", 2)`:                               "4",
		`InStr([emoji], "a", 2)`:                               "3",
		`InStr("abc", "c", 9)`:                                 "0",
		`InStr("abc", "", 2)`:                                  "2",
		`InStr("aBc", "b", 1, vbTextCompare)`:                  "2",
		`InStr("aBc", "b")`:                                    "0",
		`InStr("abc", "b", , vbBinaryCompare)`:                 "2",
		`Mid("abc", 9, 2)`:                                     "empty",
		`Mid("abc", 9223372036854775807, 9223372036854775807)`: "empty",
		`Mid("abc", 0, 2)`:                                     "error",
		`Mid("abc", 1, -1)`:                                    "error",
		`InStr("abc", "b", 0)`:                                 "error",
		`Left("abc", [displayName])`:                           "error",
		`Left("abc", [absent])`:                                "error",
		`Left("abc", "2")`:                                     "ab",
		`Word("a  b,c", 2, " ,")`:                              "b",

		// Names.
		`DNComponent("CN=Doe\\, John,OU=x", 1)`:                          "Doe, John",
		`DNComponent("CN=\"Doe, John\" ,OU=x", 1)`:                       "Doe, John",
		`DNComponent("CN=a\\C3\\A9,OU= x ", 1)`:                          "aé",
		`DNComponent("CN=a,OU= x ", 2)`:                                  "x",
		`DNComponent("CN=a", 2)`:                                         "empty",
		`DNComponent("CN=a", 0)`:                                         "error",
		`DNComponent("a", 1)`:                                            "error",
		`PCase("o'neil 3rd")`:                                            "O'neil 3Rd",
		`PCase("ǆungla a")`:                                              "ǅungla A",
		`PCase("mcDONALD-smith", "-")`:                                   "Mcdonald-Smith",
		`PCase("(second) x", " ")`:                                       "(second) X",
		`NormalizeDiacritics("Łódź Ångström Æther Øre Straße ıİ")`:       "Lodz Angstrom AEther OEre Strasse iI",
		"NormalizeDiacritics(\"a\u0304\u0301 i\u0301 œ\u0304 k\u0301\")": "a i oe k\u0301",
		`NormalizeDiacritics("ţ ķ đ ŵ ẞ Ж")`:                             "ţ ķ đ ŵ ẞ Ж",
		`ToUpper("i", [absent])`:                                         "I",

		// Dates without a date are of the year 1, not of today.
		`FormatDateTime("13:45", , "HH:mm", "yyyy-MM-dd HH:mm")`: "0001-01-01 13:45",
		`CDate("16-Mar-2020")`:                                "3/16/2020 12:00:00 AM",
		`CDate("Mon, 16 Mar 2020 07:00:00 GMT")`:              "3/16/2020 7:00:00 AM",
		`CDate("2020-03")`:                                    "3/1/2020 12:00:00 AM",
		`CDate("March 2020")`:                                 "3/1/2020 12:00:00 AM",
		`CDate(Now())`:                                        "11/30/2026 1:05:09 PM",
		`FormatDateTime(Now(), , "M/d/yyyy h:mm:ss tt", "s")`: "2026-11-30T13:05:09",
		`FormatDateTime("2009-06-15", [absent] & "DateTimeStyles.AssumeUniversal, AdjustToUniversal", "yyyy-MM-dd", "o")`: "2009-06-15T00:00:00.0000000Z",
		`FormatDateTime("2009-06-15", [displayName], "yyyy-MM-dd", "o")`:                                                  "error",
		`FormatDateTime("2009-06-15", , "yyyy-MM-dd", [displayName] & "'")`:                                               "error",
		`DateAdd([displayName], 1, "2020-01-01")`:                                                                         "error",
		`DateAdd("s", 9223372036854775807, "2020-01-01")`:                                                                 "error",
		`DateAdd("yyyy", 9223372036854775807, "2020-01-01")`:                                                              "error",

		// Replace.
		`Replace("a.b", , "(?<x>b)", "x", "$1", , )`:                               "a.$1", // with a group it is text
		`Replace("abab", , "a(?<x>b)", "x", "-", , )`:                              "a-a-",
		`Replace("ab", , "(?<=(?<x>a))b", "x", "-", , )`:                           "ab", // the group lies before the match
		`Replace("a", , "b|(?<x>c)?", "x", "-", , )`:                               "a",
		`Replace([mail], , "(?<x>z)", "x", , [mail], )`:                            "sales@contoso.com",
		`Replace([absent], , "(?<x>z)", "x", , [mail], )`:                          "empty",
		`Replace("a", , "a", , [emoji], , )`:                                       "😀a😀",
		`Replace("a", , "(a)", , "$1" & "$1", , )`:                                 "aa",
		`Replace("a", [absent], , , "b", , )`:                                      "error",
		`Replace("a", , "(a)", , "$9" & "9999999999", , )`:                         "error",
		`Replace("😀", , "^.", , "", , )`:                                           "empty", // half a pair goes
		`Replace("é", , "\\u00E9", , "e", , )`:                                     "e",
		"Replace(\"a\u200db\", , \"\\\\w+\", , \"-\", , )":                         "-\u200d-",
		"Replace(\"a\u200db\", , \"[\\\\W]\", , \"-\", , )":                        "a-b",
		"Replace(\"a\u200db\", , \"\\\\W\", , \"-\", , )":                          "a-b",
		`Replace("#[", , "(?x)[[] # a [ in a comment` + "\n" + `|\\#", , "x", , )`: "xx",
		`Replace("aB1", , "(?i:b)", , "x", , )`:                                    "ax1",
		`Replace("aé", , "[\\P{IsBasicLatin}]", , "x", , )`:                        "ax",
		"Replace(\"a\uFFFF\", , \"[\\\\P{IsSpecials}]\", , \"x\", , )":             "x\uFFFF",
	} {
		if got := evaluate(t, text); got != want {
			t.Errorf("%s = %s, want %s", text, got, want)
		}
	}
}

func TestRandomOnes(t *testing.T) {
	if got := evaluate(t, "Now()"); got != "11/30/2026 1:05:09 PM" {
		t.Error(got)
	}
	guid := evaluate(t, "Guid()")
	if len(guid) != 36 || guid[14] != '4' || strings.IndexByte("89ab", guid[19]) < 0 || guid == evaluate(t, "Guid()") {
		t.Error(guid)
	}
	count := func(s, of string) int {
		return len(s) - len(strings.Map(func(r rune) rune {
			if strings.ContainsRune(of, r) {
				return -1
			}
			return r
		}, s))
	}
	for range 200 {
		s := evaluate(t, `RandomString(10,2,2,2,1,"?,1A")`)
		if len(s) != 10 || count(s, digitCharacters) < 2 || count(s, specialCharacters) < 2 ||
			count(s, capitalCharacters) < 2 || count(s, lowerCharacters) < 1 || strings.ContainsAny(s, "?,1A") {
			t.Fatal(s)
		}
		if s := evaluate(t, `RandomString(6,3,0,0,3)`); len(s) != 6 || count(s, digitCharacters) != 3 || count(s, lowerCharacters) != 3 {
			t.Fatal(s)
		}
	}
	if s := evaluate(t, `RandomString(256, 0, 0, 0, 0)`); len(s) != 256 || count(s, specialCharacters) > 0 {
		t.Error(s)
	}
	for text, random := range map[string]Environment{
		"Guid()": {}, "Now()": {}, "RandomString(1,0,0,0,0)": {Random: strings.NewReader("")},
		`RandomString(2,1,0,0,0,"0123456789")`: environment,
		`RandomString(Count([none]),1,0,0,0)`:  environment,
	} {
		x, err := Compile(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := x.Evaluate(groupSource, random); err == nil {
			t.Errorf("%s = %v", text, r)
		}
	}
	// A source that never gives a byte that can be used ends.
	x, _ := Compile("RandomString(1,1,0,0,0)", nil)
	if _, err := x.Evaluate(groupSource, Environment{Random: bytes.NewReader(bytes.Repeat([]byte{255}, 2000))}); err == nil {
		t.Error("255 is beyond the last whole ten")
	}
}

func TestWhatAnExpressionTells(t *testing.T) {
	x, err := Compile(`IIF([b] = "x", Replace([a], , "r", , [b], , ), Redact(Append([c], Guid())))`, []string{"a", "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	if got := x.Attributes(); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Error(got)
	}
	var e *Error
	if !errors.As(x.Repeatable(), &e) || e.Name != "Guid" || e.Column != 67 {
		t.Error(x.Repeatable())
	}
	if !x.Redacted() {
		t.Error("Redact was not seen")
	}
	if x, _ := Compile(`ToLower([a])`, nil); x.Repeatable() != nil || x.Redacted() || len(x.Differences()) > 0 {
		t.Error("ToLower is repeatable, to be logged and the same everywhere")
	}
	for text, want := range map[string]string{
		`[a] & "b"`:                                   "&",
		`IIF([a] = "", "b", "c")`:                     "IIF",
		`IIF(Not(IsPresent([a])), "b", "c")`:          "IIF",
		`Switch(IsNull([a]), "", "True", "b")`:        "Switch",
		`IIF(IsNull([a]), "b" & "c", Trim([a] & ""))`: "IIF & &",
		`IIF([a] = "b", "b", "c")`:                    "",
	} {
		x, err := Compile(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, d := range x.Differences() {
			names = append(names, d.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// A message of an expression with Redact has nothing of the object.
func TestRedactedMessages(t *testing.T) {
	for _, text := range []string{
		`CDate(Redact([mail]))`, `Left("a", Redact([mail]))`, `Redact([mail]) > 5`, `Error("x" & Redact([mail]))`,
		`FormatDateTime(Redact([mail]), , "yyyy", "yy")`, `IIF(Redact([mail]), "a", "b")`, `ConvertFromBase64(Redact([mail]))`,
		`DNComponent(Redact([mail]), 1)`,
	} {
		x, err := Compile(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Evaluate(groupSource, environment); err == nil || strings.Contains(err.Error(), "sales") || !strings.Contains(err.Error(), "[Redact]") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The table of letters is what Unicode's decomposition makes of it.
func TestDiacriticsAgreeWithUnicode(t *testing.T) {
	exceptions := "æÆøØœŒłŁıß"
	for r := rune(0xC0); r < 0x1F00; r++ {
		if r == 0x250 {
			r = 0x1E00
		}
		parts := []rune(norm.NFD.String(string(r)))
		known := len(parts) > 1
		for _, mark := range parts[1:] {
			known = known && strings.ContainsRune(follows[parts[0]], mark)
		}
		want := string(r)
		if known {
			want = string(parts[0])
			if letter, ok := replaced[parts[0]]; ok {
				want = letter
			}
		}
		if got := normalizeDiacritics(string(r)); got != want && !strings.ContainsRune(exceptions, r) {
			t.Errorf("%c is %s, by decomposition %s", r, got, want)
		}
		if unicode.IsLetter(r) && normalizeDiacritics(norm.NFD.String(string(r))) != normalizeDiacritics(string(r)) && known {
			t.Errorf("%c written with combining marks is another", r)
		}
	}
}
