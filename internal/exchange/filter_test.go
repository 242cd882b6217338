package exchange_test

import (
	"strings"
	"testing"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
)

// The filters of lists that Exchange makes, by the name of the list: those of Exchange 2003
// with their blanks, and the form that its successors store.
var defaultFilters = map[string]string{
	"All Users 2003":             "(& (mailnickname=*) (| (&(objectCategory=person)(objectClass=user)(!(homeMDB=*))(!(msExchHomeServerName=*)))(&(objectCategory=person)(objectClass=user)(|(homeMDB=*)(msExchHomeServerName=*))) ))",
	"All Groups 2003":            "(& (mailnickname=*) (| (objectCategory=group) ))",
	"All Contacts 2003":          "(& (mailnickname=*) (| (&(objectCategory=person)(objectClass=contact)) ))",
	"Public Folders 2003":        "(& (mailnickname=*) (| (objectCategory=publicFolder) ))",
	"Default Global 2003":        "(& (mailnickname=*) (| (&(objectCategory=person)(objectClass=user)(!(homeMDB=*))(!(msExchHomeServerName=*)))(&(objectCategory=person)(objectClass=user)(|(homeMDB=*)(msExchHomeServerName=*)))(&(objectCategory=person)(objectClass=contact))(objectCategory=group)(objectCategory=publicFolder)(objectCategory=msExchDynamicDistributionList) ))",
	"All Rooms":                  "(&(mailNickname=*)(msExchResourceMetaData=ResourceType:Room))",
	"Default Global":             "(&(mailNickname=*)(|(objectClass=user)(objectClass=contact)(objectClass=msExchSystemMailbox)(objectClass=msExchDynamicDistributionList)(objectClass=group)(objectClass=publicFolder)))",
	"Groups, by type":            "(&(mailNickname=*)(|(&(objectCategory=group)(groupType:1.2.840.113556.1.4.803:=8)(!(groupType:1.2.840.113556.1.4.804:=2147483648)))(objectClass=msExchDynamicDistributionList)))",
	"Groups, not security":       "(&(!(!objectClass=group))(groupType=8))",
	"Groups of the schema's DN":  "(objectCategory=CN=Group,CN=Schema,CN=Configuration,DC=contoso,DC=test)",
	"Groups without parentheses": "objectClass=group",
}

// made returns a group as it is written: a universal distribution group.
func made(values map[string][]string) exchange.Object {
	dn, _ := directory.ParseDN("CN=Sales,OU=Groups,DC=contoso,DC=test")
	o := exchange.Object{DN: dn, Values: map[string][]string{
		"mailnickname": {"sales"}, "grouptype": {"8"}, "displayname": {"Sales 10% (\\o/) Größe"}, "company": {"Contoso, Ltd."},
		"extensionattribute1": {"007"}, "homemdb": nil, "msexchhomeservername": nil, "msexchresourcemetadata": nil,
		"memberof": {"CN=Alle,OU=Groups,DC=contoso,DC=test"}, "whencreated": {"20260301120000.0Z"},
		"msexchrecipienttypedetails": {"8796093022208"}, "proxyaddresses": {"SMTP:sales@contoso.com", "smtp:verkauf@contoso.com"},
	}}
	for name, v := range values {
		o.Values[name] = v
	}
	return o
}

func match(t *testing.T, text string, o exchange.Object) exchange.Truth {
	t.Helper()
	f, err := exchange.ParseFilter(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return f.Match(o)
}

func TestDefaultFilters(t *testing.T) {
	for name, text := range defaultFilters {
		want := exchange.Yes
		if strings.Contains(name, "Users") || strings.Contains(name, "Contacts") || strings.Contains(name, "Rooms") || strings.Contains(name, "Public") {
			want = exchange.No
		}
		if got := match(t, text, made(nil)); got != want {
			t.Errorf("%s: %d", name, got)
		}
		// Without an alias Exchange takes nothing for a recipient.
		if got := match(t, text, made(map[string][]string{"mailnickname": nil})); strings.Contains(strings.ToLower(text), "mailnickname") && got != exchange.No {
			t.Errorf("%s of a group without alias: %d", name, got)
		}
	}
}

func TestMatch(t *testing.T) {
	for text, want := range map[string]exchange.Truth{
		// Equality: letter case does not matter, values are unescaped, any value counts.
		"(mailNickname=SALES)":                                      exchange.Yes,
		"(company=Contoso\\2c Ltd.)":                                exchange.Yes,
		"(displayName=sales 10% \\28\\5co/\\29 größe)":              exchange.Yes,
		"(displayName=sales 10% \\28\\5co/\\29 grosse)":             exchange.Unknown, // Active Directory ignores accents
		"(proxyAddresses=smtp:VERKAUF@contoso.com)":                 exchange.Yes,
		"(proxyAddresses=smtp:other@contoso.com)":                   exchange.No,
		"(mailNickname~=sales)":                                     exchange.Yes,
		"(extensionAttribute1=7)":                                   exchange.Unknown, // the same number, another text
		"(extensionAttribute1=007)":                                 exchange.Yes,
		"(memberOf=cn=alle, ou=groups,dc=contoso,dc=test)":          exchange.Yes,
		"(memberOf=cn=keine,ou=groups,dc=contoso,dc=test)":          exchange.No,
		"(distinguishedName=cn=sales,ou=groups,dc=contoso,dc=test)": exchange.Yes,
		"(objectCategory=person)":                                   exchange.No,
		"(objectClass=TOP)":                                         exchange.Yes,
		"(objectClass=*)":                                           exchange.Yes,
		"(objectClass=msExchDynamicDistributionList)":               exchange.No,
		// Substrings.
		"(mailNickname=s*s)":              exchange.Yes,
		"(mailNickname=*AL*)":             exchange.Yes,
		"(mailNickname=sales*sales)":      exchange.No, // the parts may not overlap
		"(company=*, *td*)":               exchange.Yes,
		"(proxyAddresses=*@contoso.com)":  exchange.Yes,
		"(proxyAddresses=*@fabrikam.com)": exchange.No,
		"(displayName=*gross*)":           exchange.Unknown,
		"(memberOf=*Groups*)":             exchange.Unknown, // names have no substrings
		// Order.
		"(groupType>=8)":                   exchange.Yes,
		"(groupType<=7)":                   exchange.No,
		"(msExchRecipientTypeDetails>=10)": exchange.Yes, // as numbers
		"(whenCreated>=20260101000000.0Z)": exchange.Yes,
		"(whenCreated<=20260101000000.0Z)": exchange.No,
		"(company>=Contoso)":               exchange.Unknown,
		"(mailNickname<=SALES)":            exchange.Yes,
		// Bits.
		"(groupType:1.2.840.113556.1.4.803:=12)":                                      exchange.No,
		"(groupType:1.2.840.113556.1.4.804:=12)":                                      exchange.Yes,
		"(memberOf:1.2.840.113556.1.4.1941:=CN=Alle,OU=Groups,DC=contoso,DC=test)":    exchange.Unknown,
		"(!(memberOf:1.2.840.113556.1.4.1941:=CN=Alle,OU=Groups,DC=contoso,DC=test))": exchange.Unknown,
		"(homeMDB:1.2.3:=x)":   exchange.Unknown, // of an absent attribute, too
		"(:caseExactMatch:=x)": exchange.Unknown,
		// Absent and unknown attributes.
		"(homeMDB=*)":                           exchange.No,
		"(!(homeMDB=*))":                        exchange.Yes,
		"(!homeMDB=x)":                          exchange.Yes,
		"(department=Sales)":                    exchange.Unknown,
		"(!(department=Sales))":                 exchange.Unknown,
		"(|(department=Sales)(mailNickname=*))": exchange.Yes,
		"(&(department=Sales)(homeMDB=*))":      exchange.No,
		"(&(department=Sales)(mailNickname=*))": exchange.Unknown,
	} {
		if got := match(t, text, made(nil)); got != want {
			t.Errorf("%s is %d, want %d", text, got, want)
		}
	}
	security := made(map[string][]string{"grouptype": {"-2147483640"}})
	for text, want := range map[string]exchange.Truth{
		"(groupType=2147483656)": exchange.Yes, "(groupType=-2147483640)": exchange.Yes, "(groupType=8)": exchange.No,
		"(groupType:1.2.840.113556.1.4.803:=2147483648)": exchange.Yes,
	} {
		if got := match(t, text, security); got != want {
			t.Errorf("a security group: %s is %d", text, got)
		}
	}
}

func TestBrokenFilters(t *testing.T) {
	for _, text := range []string{
		"", "()", "(", ")", "(&)", "(|)", "(!)", "(mailNickname)", "(mailNickname=*", "mailNickname=*)", "(mailNickname=*)(x=y)",
		"(&(mailNickname=*)", "(&(mailNickname=*)x)", "(a=b**c)", "(mail Nickname=*)", "(a=\\zz)", "(a=\\5)", "(=x)", "(a=x)\\", "(!a=b)(c=d)",
		strings.Repeat("(!", 5000) + "(a=b)" + strings.Repeat(")", 5000), strings.Repeat("(", 100) + "a=b" + strings.Repeat(")", 100),
		"(a=" + strings.Repeat("x", 40000) + ")",
	} {
		if _, err := exchange.ParseFilter(text); err == nil {
			t.Errorf("%.60q is a filter", text)
		} else if len(err.Error()) > 200 {
			t.Errorf("%.60q: the error has %d bytes", text, len(err.Error()))
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, text := range defaultFilters {
		f.Add(text)
	}
	f.Add("(&(a=b*c)(!(d:1.2.840.113556.1.4.803:=4))(e>=1)(f<=2)(g=\\2a))")
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := exchange.ParseFilter(text)
		if err != nil {
			return
		}
		whole := made(nil)
		for _, name := range filter.Attributes() {
			if _, known := whole.Values[name]; !known {
				whole.Values[name] = []string{"x"}
			}
		}
		got := filter.Match(whole)
		negated, err := exchange.ParseFilter("(!" + text + ")")
		if err == nil && strings.HasPrefix(strings.TrimSpace(text), "(") && negated.Match(whole) != exchange.Yes-got {
			t.Errorf("%q is %d, and its negation %d", text, got, negated.Match(whole))
		}
		// Knowing less never turns a yes into a no.
		if less := filter.Match(exchange.Object{}); less != exchange.Unknown && less != got && len(filter.Attributes()) > 0 && !builtIn(filter) {
			t.Errorf("%q is %d of an unknown object and %d of a known one", text, less, got)
		}
	})
}

// builtIn reports whether the filter names what every object has.
func builtIn(f *exchange.Filter) bool {
	for _, name := range f.Attributes() {
		if strings.HasPrefix(name, "object") || name == "distinguishedname" {
			return true
		}
	}
	return false
}
