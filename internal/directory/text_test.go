package directory

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// tricks are invisible characters that do not belong in a name.
var tricks = []rune{
	0x00ad, 0x034f, 0x061c, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180b, 0x180c, 0x180d, 0x180e, 0x180f, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f,
	0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2060, 0x2061, 0x2062, 0x2063, 0x2064, 0x2065, 0x2066, 0x2067, 0x2068, 0x2069, 0x206a, 0x206f,
	0x3164, 0xfe00, 0xfe0e, 0xfe0f, 0xfeff, 0xffa0, 0xfff0, 0xfff9, 0xfffa, 0xfffb, 0x1bca0, 0x1d173, 0x1d17a,
	0xe0001, 0xe0020, 0xe0041, 0xe007f, 0xe0100, 0xe01ef, 0xe0fff,
}

func TestCleanTakesTricksAway(t *testing.T) {
	for _, r := range tricks {
		for _, text := range []string{"Pay|roll", "|Payroll", "Payroll|", "Pay||roll", "P|a|yroll"} {
			if got := Clean(strings.ReplaceAll(text, "|", string(r))); got != "Payroll" {
				t.Errorf("U+%04X in %s: %q", r, text, got)
			}
		}
	}
	for in, want := range map[string]string{
		"a\tb\x00c\x1bd\x7fe\u0085f\u009bg": "a b c d e f g",
		"a\r\nb\nc\rd\u2028e\u2029f":        "a b c d e f",
		"a\xffb\xc3(":                       "a\ufffdb\ufffd(",
		"\u202egnp.exe":                     "gnp.exe",
		"":                                  "",
		"\u200b\u2060":                      "",
		// The joiners join nothing here.
		"\u0627\u200c\u0628":       "\u0627\u0628", // alef does not join the next letter
		"\u0628\u200cb":            "\u0628b",
		"\u0628\u200c\u200c\u0628": "\u0628\u200c\u0628",
		"\u0628\u200d\u0628":       "\u0628\u0628",
		"\u0915\u200d\u0937":       "\u0915\u0937", // no virama before it
		"\U0001f468\u200dx":        "\U0001f468x",
		"x\u200d\U0001f468":        "x\U0001f468",
		"\U0001f468\u200d":         "\U0001f468",
		"1\ufe0f":                  "1",
		"a\ufe0f\u20e3":            "a\u20e3",
		"\u2764\ufe0f\ufe0f":       "\u2764\ufe0f",
		"\u845b\ufe0f":             "\u845b",
		// Tags hide a text, except in the existing flags.
		"\U0001f3f4\U000e0075\U000e0073\U000e007f":  "\U0001f3f4",
		"\U0001f3f4\U000e0067\U000e0062\U000e0065":  "\U0001f3f4",
		"A\U000e0067\U000e0062\U000e0065\U000e007f": "A",
	} {
		if got := Clean(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// TestCleanKeepsWhatPeopleWrite covers letters of all scripts, and emoji.
func TestCleanKeepsWhatPeopleWrite(t *testing.T) {
	for name, text := range map[string]string{
		"Latin":              "Straße, Ærøskøbing, Đà Nẵng, naïve e\u0301",
		"Greek, Cyrillic":    "Ομάδα Група",
		"Arabic":             "مجموعة \u0600\u0661",
		"Persian":            "می\u200cخواهم کتاب\u200cها",
		"Persian, marks":     "مِ\u200cخ",
		"Hebrew":             "קבוצה שָׁלוֹם",
		"Syriac":             "ܩܢܘܢ \u070fܐ",
		"Hindi":              "क्\u200dष क्\u200cष समूह",
		"Sinhala":            "ශ්\u200dරී ලංකා",
		"Malayalam":          "ന്\u200d",
		"Bengali":            "র\u09cd\u200dয",
		"Tamil, Thai":        "குழு กลุ่ม ทำ",
		"Khmer, Lao":         "ក្រុម ກຸ່ມ",
		"Tibetan, Myanmar":   "ཚོགས་པ အုပ်စု",
		"Mongolian":          "ᠮᠣᠩᠭᠣᠯ ᠰ\u180b",
		"Chinese, Japanese":  "财务部 経理グループ ｶﾞ 葛\U000e0100城",
		"Korean":             "재무팀 \u1112\u1161\u11ab",
		"Ethiopic, Cherokee": "ቡድን ᏣᎳᎩ",
		"mathematics":        "∑ ≠ ½ ² 𝒳",
		"hearts":             "❤️ ❤ ☎︎ ©️ ™️",
		"a family":           "👨‍👩‍👧‍👦 👩🏽‍🚀 🧑🏿‍🤝‍🧑🏻",
		"with signs":         "🏳️‍🌈 🏴‍☠️ 🏳️‍⚧️ ❤️‍🔥 👁️‍🗨️ 🐻‍❄️ 🙍🏼‍♀️ 🧑‍🦰",
		"flags":              "🇩🇪 🇺🇳 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🏴󠁧󠁢󠁳󠁣󠁴󠁿 🏴󠁧󠁢󠁷󠁬󠁳󠁿",
		"keycaps":            "1️⃣ #️⃣ *️⃣ 1⃣",
		"blanks":             "a\u00a0b\u3000c d  e",
		"what is replaced":   "a\ufffdb",
	} {
		if got := Clean(text); got != text {
			t.Errorf("%s: %q became %q", name, text, got)
		}
	}
}

// TestCleanKeepsEveryLetter: each visible character stays, whatever its neighbours.
func TestCleanKeepsEveryLetter(t *testing.T) {
	for r := rune(0x20); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) || !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
			continue
		}
		for _, text := range []string{string(r), "a" + string(r) + "b", string(r) + string(r)} {
			if got := Clean(text); got != text {
				t.Fatalf("U+%04X: %q became %q", r, text, got)
			}
		}
	}
}

func TestReveal(t *testing.T) {
	for in, want := range map[string]string{
		"Pay\u202eroll\n\U000e0041": "Pay<U+202E>roll<U+000A><U+E0041>",
		"می\u200cخواهم":             "می\u200cخواهم",
		"a\xffb":                    "a\ufffdb",
	} {
		if got := Reveal(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, r := range tricks {
		f.Add("\u0628" + string(r) + "\u0628\U0001f468" + string(r) + "\U0001f468\u0915\u094d" + string(r) + "1\ufe0f\u20e3")
	}
	f.Add("\xff\r\n\u2028\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f")
	f.Fuzz(func(t *testing.T, text string) {
		got := Clean(text)
		if !utf8.ValidString(got) {
			t.Errorf("%q became %q", text, got)
		}
		if again := Clean(got); again != got {
			t.Errorf("%q became %q, and then %q", text, got, again)
		}
		visible := func(s string) string {
			return strings.Map(func(r rune) rune {
				if ignorable(r) || unicode.IsControl(r) || unicode.IsSpace(r) {
					return -1
				}
				return r
			}, strings.ToValidUTF8(s, "\ufffd"))
		}
		if visible(got) != visible(text) {
			t.Errorf("%q lost something visible: %q", text, got)
		}
		for i, r := range got {
			if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || ignorable(r) && (i == 0 || !depends(r)) {
				t.Errorf("%q became %q, with U+%04X", text, got, r)
			}
		}
	})
}
