package ad

import (
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

const someGUID = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"

func TestParseExtendedDN(t *testing.T) {
	guid := directory.MustGUID(someGUID)
	for in, want := range map[string]extendedDN{
		"<GUID=" + someGUID + ">;<SID=S-1-5-21-1-2-3-500>;CN=a,DC=b":             {guid, "S-1-5-21-1-2-3-500", "CN=a,DC=b"},
		"<GUID=" + someGUID + ">;CN=a,DC=b":                                      {guid, "", "CN=a,DC=b"},
		"<guid=" + strings.ToUpper(someGUID) + ">;CN=a":                          {guid, "", "CN=a"},
		"CN=only a name,DC=b":                                                    {directory.GUID{}, "", "CN=only a name,DC=b"},
		"<GUID=" + someGUID + ">;<OTHER=x>;CN=\\<SID=y\\>;z":                     {guid, "", "CN=\\<SID=y\\>;z"},
		"<GUID=" + someGUID + ">;<SID=S-1-5-21-1-2-3-500>;CN=a\\0ACNF:x,DC=b\\;": {guid, "S-1-5-21-1-2-3-500", "CN=a\\0ACNF:x,DC=b\\;"},
		"": {},
	} {
		got, err := parseExtendedDN(in)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"<GUID=zz>;CN=a", "<GUID=" + someGUID, "<SID=S-2>;CN=a", "<x>;CN=a", "<"} {
		if got, err := parseExtendedDN(in); err == nil {
			t.Errorf("%q was read as %+v", in, got)
		}
	}
}

func FuzzParseExtendedDN(f *testing.F) {
	f.Add("<GUID=" + someGUID + ">;<SID=S-1-5-21-1-2-3-500>;CN=a,DC=b")
	f.Add("<GUID=>;<")
	f.Fuzz(func(t *testing.T, s string) {
		x, err := parseExtendedDN(s)
		if err == nil && !strings.HasSuffix(s, x.dn) {
			t.Errorf("%q: the name %q was not there", s, x.dn)
		}
		if err == nil && strings.HasPrefix(x.dn, "<") {
			t.Errorf("%q: the name %q still has a component", s, x.dn)
		}
	})
}

func TestParseRange(t *testing.T) {
	type want struct {
		attribute string
		r         rangeOption
		ok        bool
	}
	for in, w := range map[string]want{
		"member":                              {"member", rangeOption{}, false},
		"member;range=0-1499":                 {"member", rangeOption{0, 1499, false}, true},
		"member;Range=1500-*":                 {"member", rangeOption{1500, 0, true}, true},
		"member;binary;range=0-0":             {"member", rangeOption{0, 0, false}, true},
		"member;binary":                       {"member", rangeOption{}, false},
		"member;range=10-19;lang-de":          {"member", rangeOption{10, 19, false}, true},
		"member;ranges=0-1;x;range=":          {},
		"member;range=5-4":                    {},
		"member;range=-1-4":                   {},
		"member;range=0":                      {},
		"member;range=*-5":                    {},
		"member;range=0-99999999999999999999": {},
	} {
		attribute, r, ok, err := parseRange(in)
		if w.attribute == "" {
			if err == nil {
				t.Errorf("%q was read as %q %+v %v", in, attribute, r, ok)
			}
		} else if err != nil || attribute != w.attribute || r != w.r || ok != w.ok {
			t.Errorf("%q: %q %+v %v %v", in, attribute, r, ok, err)
		}
	}
}

func FuzzParseRange(f *testing.F) {
	f.Add("member;range=0-1499")
	f.Add("member;range=0-*")
	f.Fuzz(func(t *testing.T, s string) {
		_, r, ok, err := parseRange(s)
		if err == nil && ok && (r.low < 0 || !r.last && r.high < r.low) {
			t.Errorf("%q: %+v", s, r)
		}
		if err != nil && ok {
			t.Errorf("%q: an error and a range", s)
		}
	})
}

func entry(attributes ...*ldap.EntryAttribute) *ldap.Entry {
	return &ldap.Entry{Attributes: attributes}
}

func TestRangedValues(t *testing.T) {
	values := ldap.NewEntryAttribute
	for name, c := range map[string]struct {
		entry  *ldap.Entry
		start  int
		values []string
		next   int
		fails  bool
	}{
		"no members":                  {entry(values("cn", []string{"x"})), 0, nil, -1, false},
		"whole, without range":        {entry(values("member", []string{"a", "b"})), 0, []string{"a", "b"}, -1, false},
		"whole, with range":           {entry(values("member;range=0-*", []string{"a", "b"})), 0, []string{"a", "b"}, -1, false},
		"first part beside an empty":  {entry(values("member", nil), values("member;range=0-1", []string{"a", "b"})), 0, []string{"a", "b"}, 2, false},
		"empty beside the first part": {entry(values("MEMBER;range=0-1", []string{"a", "b"}), values("member", nil)), 0, []string{"a", "b"}, 2, false},
		"last part":                   {entry(values("member;range=2-*", []string{"c"})), 2, []string{"c"}, -1, false},
		"no more":                     {entry(), 2, nil, -1, false},
		"another part":                {entry(values("member;range=0-1", []string{"a", "b"})), 2, nil, 0, true},
		"too few values":              {entry(values("member;range=0-1499", []string{"a"})), 0, nil, 0, true},
		"malformed":                   {entry(values("member;range=0", []string{"a"})), 0, nil, 0, true},
		"everything in place of part": {entry(values("member", []string{"a"})), 2, nil, 0, true},
	} {
		got, next, err := rangedValues(c.entry, "member", c.start)
		if (err != nil) != c.fails || err == nil && (next != c.next || !cmp.Equal(got, c.values)) {
			t.Errorf("%s: %v, next %d, %v", name, got, next, err)
		}
	}
}

func TestParseMembers(t *testing.T) {
	value := "<GUID=" + someGUID + ">;CN=a,DC=b"
	const other = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f0"
	deleted := "<GUID=" + other + `>;CN=a\0ADEL:` + other + ",CN=Deleted Objects,DC=b"
	parseMembers := func(values ...string) ([]directory.MemberRef, error) {
		var l memberList
		err := l.add(values)
		return l.members, err
	}
	got, err := parseMembers(value, "CN=known by name only,DC=b", deleted, value)
	want := []directory.MemberRef{{GUID: directory.MustGUID(someGUID), DN: "CN=a,DC=b"}}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := parseMembers("<GUID=x>;CN=a"); err == nil {
		t.Error("a malformed value was passed over")
	}
}

func TestParseGroupRefusesNonsense(t *testing.T) {
	name := "<GUID=" + someGUID + ">;CN=a,DC=b"
	for what, e := range map[string]*ldap.Entry{
		"no GUID":   {DN: "CN=a,DC=b"},
		"a SID":     {DN: name, Attributes: []*ldap.EntryAttribute{ldap.NewEntryAttribute("objectSid", []string{"xx"})}},
		"groupType": {DN: name, Attributes: []*ldap.EntryAttribute{ldap.NewEntryAttribute("groupType", []string{"99999999999"})}},
		"a GUID":    {DN: "CN=a", Attributes: []*ldap.EntryAttribute{ldap.NewEntryAttribute("objectGUID", []string{"short"})}},
	} {
		if g, err := parseGroup(e); err == nil {
			t.Errorf("%s: %+v", what, g)
		}
	}
}

func TestFilterValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := string(rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "value"))
		packet, err := ldap.CompileFilter(and("(objectClass=group)", equals("cn", value)))
		if err != nil {
			t.Fatalf("%q: %v", value, err)
		}
		condition := packet.Children[1]
		if packet.Tag != ldap.FilterAnd || condition.Tag != ldap.FilterEqualityMatch {
			t.Fatalf("%q made it another filter", value)
		}
		if got := condition.Children[1].Data.String(); got != value {
			t.Fatalf("%q became %q", value, got)
		}
	})
}

func TestMarkedGroups(t *testing.T) {
	for external, want := range map[bool]string{
		true:  "(&(objectClass=group)(|(adminDescription=Group_*)(msDS-ExternalDirectoryObjectId=Group_*)))",
		false: "(&(objectClass=group)(adminDescription=Group_*))",
	} {
		if got := markedGroups(contract.Schema{ExternalID: external}); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestPageEnd(t *testing.T) {
	control := func(cookie string) []ldap.Control {
		return []ldap.Control{&ldap.ControlPaging{Cookie: []byte(cookie)}}
	}
	for name, c := range map[string]struct {
		result ldap.SearchResult
		paged  bool
		cookie string
		fails  bool
	}{
		"last page":         {ldap.SearchResult{Controls: control("")}, true, "", false},
		"more pages":        {ldap.SearchResult{Controls: control("x")}, true, "x", false},
		"one object":        {ldap.SearchResult{}, false, "", false},
		"control missing":   {ldap.SearchResult{}, true, "", true},
		"referred":          {ldap.SearchResult{Controls: control(""), Referrals: []string{"ldap://other"}}, true, "", true},
		"referred, object":  {ldap.SearchResult{Referrals: []string{"ldap://other"}}, false, "", true},
		"size limit":        {ldap.SearchResult{Controls: control(""), ResultCode: ldap.LDAPResultSizeLimitExceeded}, true, "", true},
		"another's control": {ldap.SearchResult{Controls: []ldap.Control{ldap.NewControlString(ldap.ControlTypePaging, false, "")}}, true, "", true},
	} {
		var cookie []byte
		err := succeeded(&c.result)
		if err == nil && c.paged {
			cookie, err = nextPage(&c.result)
		}
		if (err != nil) != c.fails || err == nil && string(cookie) != c.cookie {
			t.Errorf("%s: %q, %v", name, cookie, err)
		}
	}
}
