package exchange_test

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
)

// evaluate is what PowerShell makes of an expression that Quote returns: it resolves the
// doubled quotes, and [regex]::Unescape the rest. ok is false if the text is anything else
// than one literal, or one call with one literal.
func evaluate(expression string) (value string, ok bool) {
	inner, escaped := strings.CutPrefix(expression, "([regex]::Unescape('")
	if escaped {
		if inner, ok = strings.CutSuffix(inner, "'))"); !ok {
			return "", false
		}
	} else if len(expression) < 2 || expression[0] != '\'' || expression[len(expression)-1] != '\'' {
		return "", false
	} else {
		inner = expression[1 : len(expression)-1]
	}
	for _, quote := range []string{"'", "\u2018", "\u2019", "\u201a", "\u201b"} {
		if strings.Contains(strings.ReplaceAll(inner, quote+quote, ""), quote) {
			return "", false // it ends the literal
		}
	}
	inner = strings.ReplaceAll(inner, "''", "'")
	if !escaped {
		return inner, true
	}
	var units []uint16
	for i := 0; i < len(inner); i++ {
		switch {
		case inner[i] != '\\':
			units = append(units, uint16(inner[i]))
		case i+1 < len(inner) && inner[i+1] == '\\':
			units = append(units, '\\')
			i++
		case i+5 < len(inner) && inner[i+1] == 'u':
			n, err := strconv.ParseUint(inner[i+2:i+6], 16, 16)
			if err != nil {
				return "", false
			}
			units = append(units, uint16(n))
			i += 5
		default:
			return "", false
		}
	}
	return string(utf16.Decode(units)), true
}

var printable = regexp.MustCompile(`^[ -~]*$`)

// scriptable reports whether the step is lines of printable ASCII, of which only a command
// that nobody has to decide about is more than a comment.
func scriptable(s exchange.Step) bool {
	for _, line := range s.Script {
		if !printable.MatchString(line) || !strings.HasPrefix(line, "# ") && (s.Decide || line != s.Command) {
			return false
		}
	}
	return len(s.Script) > 0
}

func TestQuote(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "''",
		"CN=Sales,DC=x":              "'CN=Sales,DC=x'",
		"O'Brien":                    "'O''Brien'",
		`CN=a\,b`:                    `'CN=a\,b'`,
		"$(Remove-Item x) `n $env:A": "'$(Remove-Item x) `n $env:A'",
		"Gr\u00f6\u00dfe":            `([regex]::Unescape('Gr\u00f6\u00dfe'))`,
		"a\u2019; Remove-Item x #":   `([regex]::Unescape('a\u2019; Remove-Item x #'))`,
		"C:\\\u00e4 'x'":             `([regex]::Unescape('C:\\\u00e4 ''x'''))`,
		"a\nb":                       `([regex]::Unescape('a\u000ab'))`,
		"😀":                          `([regex]::Unescape('\ud83d\ude00'))`,
	} {
		if got := exchange.Quote(text); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.OneOf(rapid.SampledFrom([]rune("'\"‘’‚‛“”`$(){};|&#\\\n\r\x00\u0085\u2028\u202eäĒ😀")), rapid.Rune())).Draw(t, "text")
		quoted := exchange.Quote(text)
		if value, ok := evaluate(quoted); !ok || value != text || !printable.MatchString(quoted) || strings.Contains(quoted, "\n") {
			t.Fatalf("%q is quoted as %s, which is %q", text, quoted, value)
		}
	})
}

func FuzzQuote(f *testing.F) {
	f.Add("O'Brien \u2019 \\u0027")
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "?")
		if value, ok := evaluate(exchange.Quote(text)); !ok || value != text {
			t.Errorf("%q is quoted as %s", text, exchange.Quote(text))
		}
	})
}

func TestUpdateStep(t *testing.T) {
	id := directory.MustGUID("01234567-89ab-cdef-0123-456789abcdef")
	whole := exchange.Recipient{GroupID: id, GUID: id, DN: "CN=Größe\\, 'x'\u2019; Remove-Item #,DC=x", Alias: "x", Target: "SMTP:x@y", LegacyDN: "/o=x", Lists: 2}
	for name, test := range map[string]struct {
		change  func(r *exchange.Recipient)
		changed int64
		says    string
	}{
		"done":                        {func(*exchange.Recipient) {}, 0, ""},
		"no recipient":                {func(r *exchange.Recipient) { r.Alias, r.LegacyDN = "", "" }, 7, ""},
		"new":                         {func(r *exchange.Recipient) { r.LegacyDN = "" }, 0, "is new: Exchange has not given it a legacyExchangeDN."},
		"in no list":                  {func(r *exchange.Recipient) { r.Lists = 0 }, 0, "is new: it is in no address list."},
		"hidden":                      {func(r *exchange.Recipient) { r.Lists, r.Hidden = 0, true }, 0, ""},
		"changed":                     {func(*exchange.Recipient) {}, 7, "was changed by run 7."},
		"new, and changed since then": {func(r *exchange.Recipient) { r.LegacyDN = "" }, 7, "is new"},
	} {
		r := whole
		test.change(&r)
		step, due := exchange.UpdateStep(r, test.changed)
		if due != (test.says != "") || !strings.Contains(step.Message, test.says) || step.RunID != test.changed && due {
			t.Errorf("%s: %+v", name, step)
		}
		if !due {
			continue
		}
		dn, ok := evaluate(strings.TrimPrefix(step.Command, "Update-Recipient -Identity "))
		if !ok || dn != r.DN || !scriptable(step) || len(step.Script) != 2 || !strings.HasPrefix(step.Script[0], "# CN=Gr") {
			t.Errorf("%s: %s", name, step.Script)
		}
	}
}

// hybridSteps returns the steps for groups with these addresses; one with "!" is no
// recipient.
func hybridSteps(o *exchange.Organization, mails ...string) []exchange.Step {
	var c exchange.Census
	for _, mail := range mails {
		mail, stranded := strings.CutSuffix(mail, "!")
		r := exchange.Recipient{Mail: mail, Alias: "x", Target: "SMTP:x@contoso.mail.onmicrosoft.com"}
		if stranded {
			r.Alias, r.Target = "", ""
		}
		c.Add(r)
	}
	return exchange.OrganizationSteps(o, &c, []string{"contoso.com", "contoso.onmicrosoft.com", "contoso.mail.onmicrosoft.com"})
}

func contoso(t *testing.T) *exchange.Organization {
	o := spaces(t, "SMTP:contoso.mail.onmicrosoft.com;1")
	o.Name, o.DN, o.SchemaLevel, o.OrganizationLevel = "Contoso", parseDN(t, "CN=Contoso,DC=x"), 17003, 16763
	o.Servers = []exchange.Server{{Version: exchange.Version{Major: 15, Minor: 2, Build: 1}}}
	o.AddressSpaces[0].Connector = "Outbound to Office 365 - it's"
	o.Connectors = []exchange.Connector{
		{Name: "Internet", Enabled: true, Spaces: []string{"SMTP:*;1"}},
		{Name: "Outbound to Office 365 - it's", Enabled: true, Spaces: []string{"SMTP:contoso.mail.onmicrosoft.com;1", "X400:c=US;a= ;p=x;5"}},
	}
	o.AcceptedDomains = []exchange.AcceptedDomain{{Name: "contoso.com", Type: exchange.Authoritative}, {Name: "relay.contoso.com", Type: exchange.InternalRelay}}
	return o
}

// commands returns the commands of the steps, with a "?" if there is something to decide.
func commands(steps []exchange.Step) []string {
	var all []string
	for _, s := range steps {
		if s.Command != "" {
			all = append(all, s.Command+strings.Repeat("?", map[bool]int{true: 1}[s.Decide]))
		}
	}
	return all
}

func TestOrganizationSteps(t *testing.T) {
	addition := func(domain string) string {
		return "Set-SendConnector -Identity 'Outbound to Office 365 - it''s' -AddressSpaces 'SMTP:contoso.mail.onmicrosoft.com;1','X400:c=US;a= ;p=x;5','SMTP:" + domain + ";1'"
	}
	for name, test := range map[string]struct {
		change func(o *exchange.Organization)
		mails  string
		want   []string
	}{
		"nothing written":                {func(*exchange.Organization) {}, "", nil},
		"recipients at home":             {func(*exchange.Organization) {}, "a@contoso.com b@CONTOSO.com", nil},
		"a relayed domain without a way": {func(*exchange.Organization) {}, "a@relay.contoso.com", []string{addition("relay.contoso.com")}},
		"a new domain": {func(*exchange.Organization) {}, "a@groups.contoso.com", []string{
			"New-AcceptedDomain -Name 'groups.contoso.com' -DomainName 'groups.contoso.com' -DomainType InternalRelay", addition("groups.contoso.com")}},
		"done": {func(o *exchange.Organization) {
			o.AddressSpaces = append(o.AddressSpaces, exchange.AddressSpace{Domain: "relay.contoso.com"})
		}, "a@relay.contoso.com", nil},
		"no recipients in an authoritative domain": {func(*exchange.Organization) {}, "a@contoso.com! b@contoso.com", []string{
			"Set-AcceptedDomain -Identity 'contoso.com' -DomainType InternalRelay?",
			"New-EmailAddressPolicy -Name 'Groups' -IncludeUnifiedGroupRecipients -EnabledEmailAddressTemplates 'SMTP:@contoso.com','smtp:@contoso.mail.onmicrosoft.com' -Priority 1?"}},
		"no routing domain": {func(o *exchange.Organization) {
			o.AddressSpaces, o.Connectors[1].Spaces = nil, nil
		}, "a@contoso.com", []string{"Set-SendConnector -Identity 'Outbound to Office 365 - it''s' -AddressSpaces 'SMTP:contoso.mail.onmicrosoft.com;1'"}},
		"no connector": {func(o *exchange.Organization) { o.AddressSpaces, o.Connectors = nil, o.Connectors[:1] }, "a@contoso.com", nil},
		"domains unread": {func(o *exchange.Organization) {
			o.AcceptedDomains, o.Unread = nil, []exchange.Part{{Name: exchange.PartAcceptedDomains, Reason: exchange.AccessDenied, Object: "CN=X", Message: "No."}}
		}, "a@groups.contoso.com", nil},
		"the tenant's own domain": {func(*exchange.Organization) {}, "a@contoso.onmicrosoft.com", []string{addition("contoso.onmicrosoft.com")}},
		"no address":              {func(*exchange.Organization) {}, "nonsense x@ y@a..b", nil},
	} {
		o := contoso(t)
		test.change(o)
		steps := hybridSteps(o, strings.Fields(test.mails)...)
		if got := commands(steps); !slices.Equal(got, test.want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
		for _, s := range steps {
			if !scriptable(s) || s.Message == "" || (s.Kind == exchange.StepWarning) != (s.Command == "") {
				t.Errorf("%s: %+v", name, s)
			}
		}
		if len(o.Unread) > 0 && !strings.Contains(steps[0].Message, "(AcceptedDomains, AccessDenied): No.") {
			t.Errorf("%s: %+v", name, steps)
		}
	}
	if steps := hybridSteps(&exchange.Organization{}, "a@contoso.com"); len(steps) != 1 || steps[0].Kind != exchange.StepWarning {
		t.Errorf("without an organisation: %+v", steps)
	}
}
