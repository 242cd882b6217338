package exchange

import (
	"fmt"
	"strings"
	"unicode/utf16"
)

// Quote returns an expression of PowerShell whose value is the text, in printable ASCII
// alone. Names and DNs come from users of the tenant, so nothing in them may end the
// literal: PowerShell also takes typographic quotes for quotes, and a script without a byte
// order mark is read in the code page of the machine, where a byte of another letter may be
// one. What is not plain is escaped, and the regular expressions of .NET read the escapes.
func Quote(text string) string {
	var b strings.Builder
	escaped := false
	for _, unit := range utf16.Encode([]rune(text)) {
		switch {
		case unit == '\'':
			b.WriteString("''")
		case unit == '\\':
			b.WriteString(`\\`)
		case unit >= ' ' && unit < 0x7f:
			b.WriteByte(byte(unit))
		default:
			escaped = true
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	if !escaped {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return "([regex]::Unescape('" + b.String() + "'))"
}

// comment returns the text as a line of comment in printable ASCII.
func comment(text string) string {
	return "# " + strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f {
			return '?'
		}
		return r
	}, text)
}
