package server

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"
)

func start(t *testing.T) *Server {
	t.Helper()
	s, err := Start(Options{Report: t.Errorf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func (s *Server) dial(t testing.TB, user, password string) *ldap.Conn {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CA)
	c, err := ldap.DialURL("ldaps://127.0.0.1:"+s.LDAPS, ldap.DialWithTLSConfig(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if user != "" {
		if err := c.Bind(user, password); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (s *Server) admin(t *testing.T) *ldap.Conn {
	return s.dial(t, Administrator, AdministratorPassword)
}

// many stores contacts in a unit of their own, without LDAP.
func (s *Server) many(t *testing.T, n int) (unit string, members []string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	w := writer{domain: s.domain, system: true}
	unit = "OU=many," + Other
	if _, bad := w.create(unit, map[string][]string{"objectclass": {"organizationalUnit"}}); bad != nil {
		t.Fatal(bad)
	}
	for i := range n {
		dn := fmt.Sprintf("CN=c%05d,%s", i, unit)
		if _, bad := w.create(dn, map[string][]string{"objectclass": {"contact"}}); bad != nil {
			t.Fatal(bad)
		}
		members = append(members, dn)
	}
	return unit, members
}

func search(base string, scope int, filter string, attributes ...string) *ldap.SearchRequest {
	return ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, 0, 0, false, filter, attributes, nil)
}

func get(t *testing.T, c *ldap.Conn, dn string, attributes ...string) *ldap.Entry {
	t.Helper()
	result, err := c.Search(search(dn, ldap.ScopeBaseObject, "(objectClass=*)", attributes...))
	if err != nil {
		t.Fatal(err)
	}
	return result.Entries[0]
}

func add(t *testing.T, c *ldap.Conn, dn string, attributes map[string][]string) {
	t.Helper()
	if err := tryAdd(c, dn, attributes); err != nil {
		t.Fatal(err)
	}
}

func tryAdd(c *ldap.Conn, dn string, attributes map[string][]string) error {
	request := ldap.NewAddRequest(dn, nil)
	for name, values := range attributes {
		request.Attribute(name, values)
	}
	return c.Add(request)
}

func code(err error) uint16 {
	var e *ldap.Error
	if errors.As(err, &e) {
		return e.ResultCode
	}
	return 0
}

// shape returns the descriptions of member in an entry, each with its number of values.
func shape(e *ldap.Entry) map[string]int {
	counts := make(map[string]int)
	for _, a := range e.Attributes {
		counts[a.Name] = len(a.Values)
	}
	return counts
}

// sizes maps the number of members to a shape.
type sizes map[int]map[string]int

// TestRanges tests MS-ADTS 3.1.1.3.1.3.3.
func TestRanges(t *testing.T) {
	s := start(t)
	c := s.admin(t)
	_, members := s.many(t, 5001)
	for _, n := range []int{0, 1, 1499, 1500, 1501, 5001} {
		dn := fmt.Sprintf("CN=group of %d,%s", n, Container)
		attributes := map[string][]string{"objectClass": {"group"}}
		if n > 0 {
			attributes["member"] = members[:n]
		}
		add(t, c, dn, attributes)
		want := map[string]int{"member": n}
		if n == 0 {
			want = map[string]int{}
		}
		if n > 1500 {
			want = map[string]int{"member": 0, "member;range=0-1499": 1500}
		}
		if diff := cmp.Diff(want, shape(get(t, c, dn, "member"))); diff != "" {
			t.Errorf("%d members: %s", n, diff)
		}
		for asked, want := range map[string]map[string]int{
			"member;range=0-*":      sizes{0: {}, 1: {"member;range=0-*": 1}, 1499: {"member;range=0-*": 1499}, 1500: {"member;range=0-*": 1500}, 1501: {"member;range=0-1499": 1500}, 5001: {"member;range=0-1499": 1500}}[n],
			"member;range=0-0":      sizes{0: {}, 1: {"member;range=0-*": 1}}[n],
			"member;range=1500-*":   sizes{1501: {"member;range=1500-*": 1}, 5001: {"member;range=1500-2999": 1500}}[n],
			"member;range=10-12":    sizes{1499: {"member;range=10-12": 3}}[n],
			"Member;Range=4500-*":   sizes{5001: {"member;range=4500-*": 501}}[n],
			"member;range=0-999999": sizes{5001: {"member;range=0-1499": 1500}}[n],
		} {
			if want == nil {
				continue
			}
			if diff := cmp.Diff(want, shape(get(t, c, dn, asked))); diff != "" {
				t.Errorf("%d members, %s: %s", n, asked, diff)
			}
		}
		if n > 0 {
			_, err := c.Search(search(dn, ldap.ScopeBaseObject, "(objectClass=*)", fmt.Sprintf("member;range=%d-*", n)))
			if code(err) != ldap.LDAPResultOperationsError {
				t.Errorf("behind the last of %d: %v", n, err)
			}
		}
		var all []string
		for len(all) < n {
			e := get(t, c, dn, fmt.Sprintf("member;range=%d-*", len(all)))
			all = append(all, e.Attributes[0].Values...)
		}
		slices.Sort(all)
		if diff := cmp.Diff(members[:n], all); n > 0 && diff != "" {
			t.Errorf("%d members: %s", n, diff)
		}
	}
}

// TestBackLinkRanges: memberOf is returned in ranges too, in the order of the groups.
func TestBackLinkRanges(t *testing.T) {
	s := start(t)
	s.SetMaxValRange(2)
	c := s.admin(t)
	user := s.People[1].DN
	var groups, have []string
	for i := range 5 {
		groups = append(groups, fmt.Sprintf("CN=group %d,%s", i, Container))
		add(t, c, groups[i], map[string][]string{"objectClass": {"group"}, "member": {user}})
	}
	for len(have) < len(groups) {
		e := get(t, c, user, fmt.Sprintf("memberOf;range=%d-*", len(have)))
		have = append(have, e.Attributes[0].Values...)
	}
	if diff := cmp.Diff(groups, have); diff != "" {
		t.Error(diff)
	}
}

// TestPages tests MaxPageSize without and with the paging control.
func TestPages(t *testing.T) {
	s := start(t)
	c := s.admin(t)
	unit, members := s.many(t, 2205)
	all := search(unit, ldap.ScopeSingleLevel, "(objectClass=contact)", "cn")
	result, err := c.Search(all)
	if code(err) != ldap.LDAPResultSizeLimitExceeded || len(result.Entries) != 1000 {
		t.Errorf("%d entries at once, %v", len(result.Entries), err)
	}
	limited := search(unit, ldap.ScopeSingleLevel, "(objectClass=contact)", "cn")
	limited.SizeLimit = 7
	if result, err := c.Search(limited); code(err) != ldap.LDAPResultSizeLimitExceeded || len(result.Entries) != 7 {
		t.Errorf("%d entries of at most 7, %v", len(result.Entries), err)
	}
	paging := ldap.NewControlPaging(5000)
	all.Controls = []ldap.Control{paging}
	var sizes []int
	names := make(map[string]bool)
	for {
		result, err := c.Search(all)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(result.Entries))
		for _, e := range result.Entries {
			names[e.DN] = true
		}
		cookie := ldap.FindControl(result.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging).Cookie
		if len(cookie) == 0 {
			break
		}
		other := search(unit, ldap.ScopeSingleLevel, "(objectClass=user)", "cn")
		other.Controls = []ldap.Control{&ldap.ControlPaging{PagingSize: 10, Cookie: cookie}}
		if _, err := c.Search(other); code(err) != ldap.LDAPResultUnwillingToPerform {
			t.Errorf("the cookie of another search: %v", err)
		}
		paging.SetCookie(cookie)
	}
	if diff := cmp.Diff([]int{1000, 1000, 205}, sizes); diff != "" || len(names) != len(members) {
		t.Errorf("%d names, %s", len(names), diff)
	}
}

func TestFilters(t *testing.T) {
	s := start(t)
	c := s.admin(t)
	add(t, c, "CN=Größe,"+Other, map[string][]string{"objectClass": {"group"}, "sAMAccountName": {"size"}, "groupType": {"8"}, "displayName": {"a*b(c)\\d"}, "member": {"CN=user0001," + PeopleUnit, "CN=user0002," + PeopleUnit}})
	user := s.People[len(s.People)-1]
	id, _ := parseGUID(user.ObjectGUID)
	security, _ := parseSID(user.ObjectSID)
	everything := len(s.People) + 3 // with three groups
	for filter, want := range map[string]int{
		"(objectClass=*)":     everything,
		"(objectClass=GROUP)": 3,
		"(&(objectClass=user)(sAMAccountName=USER000*))":          9,
		"(sAMAccountName=u*0*1)":                                  4,
		"(sAMAccountName=*004*)":                                  2,
		"(&)":                                                     everything,
		"(|)":                                                     0,
		"(cn=grosse)":                                             0, // ß is a letter of its own
		"(cn=GROßE)":                                              1,
		"(cn=Gro\\cc\\88ße)":                                      1,
		"(displayName=a\\2ab\\28c\\29\\5cd)":                      1,
		"(displayName=a\\2a*)":                                    1,
		"(displayName=*)":                                         45,
		"(!(displayName=*))":                                      2,
		"(unknownAttribute=x)":                                    0,
		"(!(unknownAttribute=x))":                                 0, // undefined, not true
		"(|(unknownAttribute=x)(cn=user0001))":                    1,
		"(&(unknownAttribute=x)(cn=user0001))":                    0,
		"(!(|(unknownAttribute=x)(cn=user0001)))":                 0,
		"(groupType:1.2.840.113556.1.4.803:=8)":                   1,
		"(groupType:1.2.840.113556.1.4.804:=14)":                  3,
		"(groupType<=-1)":                                         2,
		"(groupType>=8)":                                          1,
		"(sAMAccountName>=user0039)":                              2,
		"(member=cn=USER0001,ou=people," + Base + ")":             3,
		"(member=<GUID=" + guidOf(s, "user0002") + ">)":           1,
		"(memberOf=CN=Größe," + Other + ")":                       2,
		"(member=CN=nobody," + Base + ")":                         0,
		"(!(member=CN=nobody," + Base + "))":                      0,
		"(objectGUID=" + ldap.EscapeFilter(string(id[:])) + ")":   1,
		"(objectSid=" + ldap.EscapeFilter(string(security)) + ")": 1,
		"(objectSid=" + user.ObjectSID + ")":                      1,
		"(mS-DS-ConsistencyGuid=" + hexFilter(user.ConsistencyGUID) + ")":      1,
		"(&(objectGUID=" + ldap.EscapeFilter(string(id[:])) + ")(cn=another))": 0,
		"(isDeleted=TRUE)": 0,
	} {
		result, err := c.Search(search(Base, ldap.ScopeWholeSubtree, "(&(|(distinguishedName=*)(cn=*))"+filter+")", "distinguishedName"))
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		n := 0
		for _, e := range result.Entries {
			if strings.HasSuffix(e.DN, ","+PeopleUnit) || strings.HasSuffix(e.DN, ","+Other) {
				n++
			}
		}
		if n != want {
			t.Errorf("%s: %d objects, want %d", filter, n, want)
		}
	}
}

func guidOf(s *Server, account string) string {
	for _, p := range s.People {
		if p.SAMAccountName == account {
			return p.ObjectGUID
		}
	}
	return ""
}

func hexFilter(b []byte) string {
	var text strings.Builder
	for _, c := range b {
		fmt.Fprintf(&text, `\%02x`, c)
	}
	return text.String()
}

// TestRefusals tests what Active Directory does not accept, and its result codes.
func TestRefusals(t *testing.T) {
	s := start(t)
	admin, service := s.admin(t), s.dial(t, Service, Password)
	group := "CN=Group é," + Container
	add(t, service, group, map[string][]string{"objectClass": {"group"}, "sAMAccountName": {"a-group"}, "groupType": {"8"}, "member": {"CN=user0001," + PeopleUnit}})
	adding := func(c *ldap.Conn, dn string, attributes map[string][]string) error {
		if attributes["objectClass"] == nil {
			attributes["objectClass"] = []string{"group"}
		}
		return tryAdd(c, dn, attributes)
	}
	changing := func(change func(*ldap.ModifyRequest), controls ...ldap.Control) error {
		request := ldap.NewModifyRequest(group, controls)
		change(request)
		return service.Modify(request)
	}
	permissive := ldap.NewControlString(oidPermissiveModify, true, "")
	member := func(values ...string) func(*ldap.ModifyRequest) {
		return func(r *ldap.ModifyRequest) { r.Add("member", values) }
	}
	for name, c := range map[string]struct {
		err  error
		code uint16
	}{
		"name taken, but for the accent":  {adding(service, "CN=GROUP E,"+Container, map[string][]string{}), ldap.LDAPResultEntryAlreadyExists},
		"name taken by another class":     {adding(admin, "OU=Group é,"+Container, map[string][]string{"objectClass": {"organizationalUnit"}}), ldap.LDAPResultEntryAlreadyExists},
		"account name taken":              {adding(service, "CN=x,"+Container, map[string][]string{"sAMAccountName": {"USER0001"}}), ldap.LDAPResultEntryAlreadyExists},
		"account name with a colon":       {adding(service, "CN=x,"+Container, map[string][]string{"sAMAccountName": {"a:b"}}), ldap.LDAPResultConstraintViolation},
		"no parent":                       {adding(service, "CN=x,OU=none,"+Container, map[string][]string{}), ldap.LDAPResultNoSuchObject},
		"another domain":                  {adding(service, "CN=x,DC=fabrikam,DC=example", map[string][]string{}), ldap.LDAPResultReferral},
		"no right there":                  {adding(service, "CN=x,"+Other, map[string][]string{}), ldap.LDAPResultInsufficientAccessRights},
		"no right for that class":         {adding(service, "CN=x,"+Container, map[string][]string{"objectClass": {"contact"}}), ldap.LDAPResultInsufficientAccessRights},
		"below a group":                   {adding(admin, "CN=x,"+group, map[string][]string{}), ldap.LDAPResultNamingViolation},
		"an OU as CN":                     {adding(admin, "CN=x,"+Other, map[string][]string{"objectClass": {"organizationalUnit"}}), ldap.LDAPResultNamingViolation},
		"no class":                        {tryAdd(admin, "CN=x,"+Other, map[string][]string{"cn": {"x"}}), ldap.LDAPResultObjectClassViolation},
		"name of 65":                      {adding(service, "CN="+strings.Repeat("x", 65)+","+Container, map[string][]string{}), ldap.LDAPResultConstraintViolation},
		"name of 33 surrogate pairs":      {adding(service, "CN="+strings.Repeat("😀", 33)+","+Container, map[string][]string{}), ldap.LDAPResultConstraintViolation},
		"name with a line feed":           {adding(service, `CN=x\0ay,`+Container, map[string][]string{}), ldap.LDAPResultNamingViolation},
		"unknown attribute":               {adding(service, "CN=x,"+Container, map[string][]string{"nothing": {"x"}}), ldap.LDAPResultNoSuchAttribute},
		"attribute of another class":      {adding(service, "CN=x,"+Container, map[string][]string{"userPrincipalName": {"x"}}), ldap.LDAPResultObjectClassViolation},
		"two descriptions":                {adding(service, "CN=x,"+Container, map[string][]string{"description": {"x", "y"}}), ldap.LDAPResultAttributeOrValueExists},
		"two display names":               {adding(service, "CN=x,"+Container, map[string][]string{"displayName": {"x", "y"}}), ldap.LDAPResultConstraintViolation},
		"display name of 257":             {adding(service, "CN=x,"+Container, map[string][]string{"displayName": {strings.Repeat("é", 257)}}), ldap.LDAPResultConstraintViolation},
		"an empty value":                  {adding(service, "CN=x,"+Container, map[string][]string{"displayName": {""}}), ldap.LDAPResultInvalidAttributeSyntax},
		"one value twice":                 {adding(service, "CN=x,"+Container, map[string][]string{"extensionName": {"x", "X"}}), ldap.LDAPResultAttributeOrValueExists},
		"a SID":                           {adding(service, "CN=x,"+Container, map[string][]string{"objectSid": {"x"}}), ldap.LDAPResultConstraintViolation},
		"a member that does not exist":    {changing(member("CN=user0002,"+PeopleUnit, "CN=nobody,"+PeopleUnit), permissive), ldap.LDAPResultNoSuchObject},
		"a GUID that does not exist":      {changing(member("<GUID=11111111-2222-3333-4444-555555555555>"), permissive), ldap.LDAPResultNoSuchObject},
		"a member of no form":             {changing(member("nobody"), permissive), ldap.LDAPResultInvalidDNSyntax},
		"a domain-local group":            {changing(member("CN=people-local,"+PeopleUnit), permissive), ldap.LDAPResultUnwillingToPerform},
		"a member again":                  {changing(member("CN=user0001," + PeopleUnit)), ldap.LDAPResultEntryAlreadyExists},
		"a member again, permissive":      {changing(member("CN=user0001,"+PeopleUnit), permissive), ldap.LDAPResultSuccess},
		"one object in two forms":         {changing(member("CN=user0003,"+PeopleUnit, "<GUID="+guidOf(s, "user0003")+">"), permissive), ldap.LDAPResultAttributeOrValueExists},
		"no member to remove":             {changing(func(r *ldap.ModifyRequest) { r.Delete("member", []string{"CN=user0009," + PeopleUnit}) }), ldap.LDAPResultUnwillingToPerform},
		"no member to remove, permissive": {changing(func(r *ldap.ModifyRequest) { r.Delete("member", []string{"CN=user0009," + PeopleUnit}) }, permissive), ldap.LDAPResultSuccess},
		"a dead member to remove":         {changing(func(r *ldap.ModifyRequest) { r.Delete("member", []string{"CN=nobody," + PeopleUnit}) }, permissive), ldap.LDAPResultNoSuchObject},
		"no value to remove":              {changing(func(r *ldap.ModifyRequest) { r.Delete("info", nil) }), ldap.LDAPResultNoSuchAttribute},
		"no value to remove, permissive":  {changing(func(r *ldap.ModifyRequest) { r.Delete("info", nil) }, permissive), ldap.LDAPResultSuccess},
		"the name by a modify":            {changing(func(r *ldap.ModifyRequest) { r.Replace("cn", []string{"x"}) }), ldap.LDAPResultNotAllowedOnRDN},
		"a back link":                     {changing(func(r *ldap.ModifyRequest) { r.Replace("memberOf", []string{group}) }), ldap.LDAPResultConstraintViolation},
		"half of a request": {changing(func(r *ldap.ModifyRequest) {
			r.Replace("displayName", []string{"half"})
			r.Replace("info", []string{""})
		}), ldap.LDAPResultInvalidAttributeSyntax},
		"a tree without the control": {admin.Del(ldap.NewDelRequest(Container, nil)), ldap.LDAPResultNotAllowedOnNonLeaf},
		"a unit below itself":        {admin.ModifyDN(ldap.NewModifyDNRequest(Other, "OU=x", true, Other)), ldap.LDAPResultUnwillingToPerform},
		"delete without the right":   {service.Del(ldap.NewDelRequest("CN=people-global,"+PeopleUnit, nil)), ldap.LDAPResultInsufficientAccessRights},
		"move without the right":     {service.ModifyDN(ldap.NewModifyDNRequest(group, "CN=x", true, Other)), ldap.LDAPResultInsufficientAccessRights},
		"a critical control unknown": {changing(func(r *ldap.ModifyRequest) { r.Replace("info", []string{"x"}) }, ldap.NewControlString("1.2.3", true, "")),
			ldap.LDAPResultUnavailableCriticalExtension},
	} {
		if code(c.err) != c.code {
			t.Errorf("%s: %v, want code %d", name, c.err, c.code)
		}
		if text := fmt.Sprint(c.err); c.code != ldap.LDAPResultSuccess && !strings.HasSuffix(text, "\x00") {
			t.Errorf("%s: the text is not that of Windows: %q", name, text)
		}
	}
	e := get(t, admin, group, "member", "displayName")
	if diff := cmp.Diff([]string{"CN=user0001," + PeopleUnit}, e.GetAttributeValues("member")); diff != "" || e.GetAttributeValue("displayName") != "" {
		t.Errorf("something refused was written: %v", e.Attributes)
	}
	if result, _ := admin.Search(search(Base, ldap.ScopeWholeSubtree, "(cn=x)")); len(result.Entries) > 0 {
		t.Errorf("something refused was added: %s", result.Entries[0].DN)
	}
}

// TestMembersInTurn: each change of a request starts from the result of the previous
// one.
func TestMembersInTurn(t *testing.T) {
	s := start(t)
	c := s.admin(t)
	users := func(numbers string) (dns []string) {
		for _, n := range strings.Fields(numbers) {
			dns = append(dns, "CN=user000"+n+","+PeopleUnit)
		}
		return dns
	}
	for _, test := range []struct {
		name    string
		changes func(*ldap.ModifyRequest)
		want    string
	}{
		{"added, then replaced", func(r *ldap.ModifyRequest) { r.Add("member", users("3")); r.Replace("member", users("4")) }, "4"},
		{"all removed, then one added", func(r *ldap.ModifyRequest) { r.Delete("member", nil); r.Add("member", users("1")) }, "1"},
		{"added, then removed", func(r *ldap.ModifyRequest) { r.Add("member", users("3")); r.Delete("member", users("3")) }, "1 2"},
		{"removed, then added", func(r *ldap.ModifyRequest) { r.Delete("member", users("1")); r.Add("member", users("1 3")) }, "1 2 3"},
		{"replaced by what is there", func(r *ldap.ModifyRequest) { r.Replace("member", users("3 2")) }, "2 3"},
		{"replaced by nothing", func(r *ldap.ModifyRequest) { r.Replace("member", nil) }, ""},
	} {
		dn := "CN=" + escape(test.name) + "," + Container
		add(t, c, dn, map[string][]string{"objectClass": {"group"}, "member": users("1 2")})
		r := ldap.NewModifyRequest(dn, nil)
		test.changes(r)
		if err := c.Modify(r); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		have := slices.Sorted(slices.Values(get(t, c, dn, "member").GetAttributeValues("member")))
		if !slices.Equal(have, users(test.want)) {
			t.Errorf("%s: %v", test.name, have)
		}
	}
}

// TestPrimaryGroup: the value of member goes with the change of the primary group, and
// stays if another part of that change is refused.
func TestPrimaryGroup(t *testing.T) {
	s := start(t)
	c := s.admin(t)
	dn, user := "CN=security,"+Container, "CN=user0001,"+PeopleUnit
	add(t, c, dn, map[string][]string{"objectClass": {"group"}, "groupType": {"-2147483640"}, "member": {user}})
	sid := get(t, c, dn, "objectSid").GetRawAttributeValue("objectSid")
	request := ldap.NewModifyRequest(user, nil)
	request.Replace("primaryGroupID", []string{fmt.Sprint(binary.LittleEndian.Uint32(sid[len(sid)-4:]))})
	refused := *request
	refused.Replace("isDeleted", []string{"TRUE"})
	for _, step := range []struct {
		request *ldap.ModifyRequest
		code    uint16
		members []string
	}{{&refused, ldap.LDAPResultConstraintViolation, []string{user}}, {request, ldap.LDAPResultSuccess, nil}} {
		if err := c.Modify(step.request); code(err) != step.code {
			t.Error(err)
		}
		if have := get(t, c, dn, "member").GetAttributeValues("member"); !slices.Equal(have, step.members) {
			t.Errorf("members %v, want %v", have, step.members)
		}
	}
}

// TestForeignPrincipal: as a member, the SID of an unknown domain creates an object,
// but the SID of an unknown account of this domain is refused.
func TestForeignPrincipal(t *testing.T) {
	s := start(t)
	c := s.admin(t)
	group := "CN=group," + Container
	add(t, c, group, map[string][]string{"objectClass": {"group"}, "groupType": {"8"}})
	try := func(id string) error {
		request := ldap.NewModifyRequest(group, nil)
		request.Add("member", []string{"<SID=" + id + ">"})
		return c.Modify(request)
	}
	if err := try(s.domain.sidOf(99999).String()); code(err) != ldap.LDAPResultNoSuchObject {
		t.Error(err)
	}
	if err := try(s.People[0].ObjectSID); err != nil {
		t.Error(err)
	}
	const foreign = "S-1-5-21-1-2-3-1000"
	if err := try(foreign); err != nil {
		t.Error(err)
	}
	get(t, c, "CN="+foreign+",CN=ForeignSecurityPrincipals,"+Base)
	if got := get(t, c, group, "member").GetAttributeValues("member"); len(got) != 2 {
		t.Errorf("members %v", got)
	}
}

// TestUpdateSequence tests what gets a new uSN, and what does not.
func TestUpdateSequence(t *testing.T) {
	s := start(t)
	c := s.admin(t)
	group, leaver := "CN=group,"+Container, "CN=leaver,"+Other
	add(t, c, leaver, map[string][]string{"objectClass": {"contact"}})
	add(t, c, group, map[string][]string{"objectClass": {"group"}, "member": {leaver, "CN=user0001," + PeopleUnit}})
	usn := func() int64 {
		n, _ := strconv.ParseInt(get(t, c, group, "uSNChanged").GetAttributeValue("uSNChanged"), 10, 64)
		return n
	}
	highest := func() int64 {
		n, _ := strconv.ParseInt(get(t, c, "", "highestCommittedUSN").GetAttributeValue("highestCommittedUSN"), 10, 64)
		return n
	}
	modify := func(change func(*ldap.ModifyRequest)) {
		request := ldap.NewModifyRequest(group, []ldap.Control{ldap.NewControlString(oidPermissiveModify, true, "")})
		change(request)
		if err := c.Modify(request); err != nil {
			t.Fatal(err)
		}
	}
	for name, step := range map[string]struct {
		do      func()
		changes bool
	}{
		"an attribute":    {func() { modify(func(r *ldap.ModifyRequest) { r.Replace("info", []string{"x"}) }) }, true},
		"a member":        {func() { modify(func(r *ldap.ModifyRequest) { r.Add("member", []string{"CN=user0002," + PeopleUnit}) }) }, true},
		"a member again":  {func() { modify(func(r *ldap.ModifyRequest) { r.Add("member", []string{"CN=user0001," + PeopleUnit}) }) }, false},
		"deleted account": {func() { _ = c.Del(ldap.NewDelRequest(leaver, nil)) }, false},
		"unit renamed": {func() {
			_ = c.ModifyDN(ldap.NewModifyDNRequest(Container, "OU=Other name", true, ""))
			_ = c.ModifyDN(ldap.NewModifyDNRequest("OU=Other name,"+Base, "OU=Writeback", true, ""))
		}, false},
	} {
		before := usn()
		step.do()
		if after := usn(); after > before != step.changes || highest() < after {
			t.Errorf("%s: uSN %d became %d, the highest is %d", name, before, after, highest())
		}
	}
	if got := get(t, c, group, "member").GetAttributeValues("member"); slices.Contains(got, leaver) || len(got) != 2 {
		t.Errorf("members %v", got)
	}
}

func TestDeleted(t *testing.T) {
	s := start(t)
	c := s.dial(t, Deleted, Password)
	group := "CN=group," + Container
	add(t, c, group, map[string][]string{"objectClass": {"group"}, "sAMAccountName": {"gone"}, "adminDescription": {"mark"}, "msDS-ExternalDirectoryObjectId": {"Group_x"}})
	id := get(t, c, group, "objectGUID").GetRawAttributeValue("objectGUID")
	byGUID := "<GUID=" + guid(id).String() + ">"
	if err := c.Del(ldap.NewDelRequest(byGUID, nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Search(search(byGUID, ldap.ScopeBaseObject, "(objectClass=*)")); code(err) != ldap.LDAPResultNoSuchObject {
		t.Errorf("without the control: %v", err)
	}
	shown := search(byGUID, ldap.ScopeBaseObject, "(isDeleted=TRUE)", "*")
	shown.Controls = []ldap.Control{ldap.NewControlMicrosoftShowDeleted()}
	result, err := c.Search(shown)
	if err != nil || len(result.Entries) != 1 {
		t.Fatalf("%v", err)
	}
	e := result.Entries[0]
	if !strings.HasPrefix(e.DN, `CN=group\0ADEL:`+guid(id).String()+",CN=Deleted Objects,") || e.GetAttributeValue("lastKnownParent") != Container ||
		e.GetAttributeValue("adminDescription") != "" || e.GetAttributeValue("msDS-ExternalDirectoryObjectId") != "Group_x" {
		t.Errorf("the tombstone: %s %v", e.DN, shape(e))
	}
	for user, attributes := range map[string]bool{Deleted: true, Service: false} {
		well := search("<WKGUID=18E2EA80684F11D2B9AA00C04F79F805,"+Base+">", ldap.ScopeBaseObject, "(objectClass=*)", "isDeleted")
		well.Controls = shown.Controls
		result, err := s.dial(t, user, Password).Search(well)
		if err != nil || len(result.Entries) != 1 || len(result.Entries[0].Attributes) > 0 != attributes {
			t.Errorf("%s sees %v, %v", user, result, err)
		}
		shown.BaseDN, shown.Scope = result.Entries[0].DN, ldap.ScopeSingleLevel
		if result, err := s.dial(t, user, Password).Search(shown); err != nil || len(result.Entries) > 0 != attributes {
			t.Errorf("%s sees %d tombstones, %v", user, len(result.Entries), err)
		}
	}
	// The names are free again.
	add(t, c, group, map[string][]string{"objectClass": {"group"}, "sAMAccountName": {"gone"}})
}

func TestBinds(t *testing.T) {
	s := start(t)
	for user, c := range map[string]struct{ password, data string }{
		Service: {"wrong", "52e"}, "nobody@" + Domain: {"x", "52e"}, "svc-disabled@" + Domain: {Password, "533"},
		"svc-expired@" + Domain: {Password, "701"}, "svc-mustchange@" + Domain: {Password, "773"}, `LITWARE\svc-disabled`: {"wrong", "52e"},
	} {
		err := s.dial(t, "", "").Bind(user, c.password)
		if code(err) != ldap.LDAPResultInvalidCredentials || !strings.Contains(err.Error(), "data "+c.data+",") {
			t.Errorf("%s: %v", user, err)
		}
	}
	for range 5 {
		_ = s.dial(t, "", "").Bind("svc-locked@"+Domain, "wrong")
	}
	if err := s.dial(t, "", "").Bind("svc-locked@"+Domain, Password); err == nil || !strings.Contains(err.Error(), "data 775,") {
		t.Errorf("locked: %v", err)
	}
	for _, user := range []string{Service, `LITWARE\SVC-GWB`, "CN=svc-gwb,CN=Users," + Base} {
		if err := s.dial(t, "", "").Bind(user, Password); err != nil {
			t.Errorf("%s: %v", user, err)
		}
	}
	anonymous := s.dial(t, "", "")
	if _, err := anonymous.Search(search(Base, ldap.ScopeBaseObject, "(objectClass=*)")); code(err) != ldap.LDAPResultOperationsError {
		t.Errorf("anonymous search: %v", err)
	}
	if get(t, anonymous, "", "defaultNamingContext").GetAttributeValue("defaultNamingContext") != Base {
		t.Error("the rootDSE is not for everybody")
	}
	plain, err := ldap.DialURL("ldap://127.0.0.1:" + s.LDAP)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = plain.Close() }()
	if err := plain.Bind(Service, Password); code(err) != ldap.LDAPResultStrongAuthRequired {
		t.Errorf("without TLS: %v", err)
	}
}

func TestExtendedNames(t *testing.T) {
	s := start(t)
	c := s.admin(t)
	user := s.People[0]
	id, _ := parseGUID(user.ObjectGUID)
	for value, want := range map[string]string{
		"":                     fmt.Sprintf("<GUID=%x>;", id[:]),
		"\x30\x03\x02\x01\x00": fmt.Sprintf("<GUID=%x>;", id[:]),
		"\x30\x03\x02\x01\x01": "<GUID=" + user.ObjectGUID + ">;<SID=" + user.ObjectSID + ">;" + user.DN,
	} {
		request := search(user.DN, ldap.ScopeBaseObject, "(objectClass=*)", "cn")
		request.Controls = []ldap.Control{ldap.NewControlString(oidExtendedDN, true, value)}
		result, err := c.Search(request)
		if err != nil || !strings.HasPrefix(result.Entries[0].DN, want) {
			t.Errorf("%q: %v, %v", value, result, err)
		}
	}
}

// TestDescriptors: a descriptor with an entry that cannot be parsed is refused as a
// whole.
func TestDescriptors(t *testing.T) {
	trustee := string(administrators)
	entry := func(kind byte, body string) string {
		return string([]byte{kind, 2, byte(4 + len(body)), 0}) + body
	}
	allow := entry(0, "\xff\x01\x0f\x00"+trustee)
	descriptor := func(entries ...string) []byte {
		list := strings.Join(entries, "")
		b := []byte{1, 0, 0x04, 0x90}
		b = append(b, make([]byte, 12)...)
		b = binary.LittleEndian.AppendUint32(b, 20)
		b = append(b, 2, 0, byte(8+len(list)), 0, byte(len(entries)), 0, 0, 0)
		return append(b, list...)
	}
	entries, protected, bad := parseDescriptor(descriptor(allow))
	if bad != nil || !protected || len(entries) != 1 || entries[0].trustee != administrators || entries[0].mask != allRights || !entries[0].inherits {
		t.Errorf("%+v, %v, %v", entries, protected, bad)
	}
	group := classOf("group")
	id, _ := parseGUID(group.guid)
	entries, _, bad = parseDescriptor(descriptor(entry(5, "\x03\x00\x00\x00\x03\x00\x00\x00"+string(id[:])+string(id[:])+trustee)))
	if bad != nil || entries[0].child != group || entries[0].below != group || entries[0].mask != createChild|deleteChild {
		t.Errorf("an entry for a class: %+v, %v", entries, bad)
	}
	for name, b := range map[string][]byte{
		"empty": {}, "deny": descriptor(entry(1, "\xff\x01\x0f\x00"+trustee)), "cut": descriptor(allow)[:40],
		"an attribute": descriptor(entry(5, "\x20\x00\x00\x00\x01\x00\x00\x00"+strings.Repeat("a", 16)+trustee)),
	} {
		if _, _, bad := parseDescriptor(b); bad == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestReplicationCursors(t *testing.T) {
	s := start(t)
	c := s.admin(t)
	const other = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e801"
	id, _ := parseGUID(other)
	read := func(attribute string) [][]byte {
		t.Helper()
		return get(t, c, Base, attribute).GetRawAttributeValues(attribute)
	}
	for form, want := range map[CursorForm][2]int{WindowsCursors: {38, 0}, SambaCursors: {0, 48}, HiddenCursors: {0, 0}} {
		if err := s.SetCursors(form, Cursor{other, 0x0102030405}); err != nil {
			t.Fatal(err)
		}
		for i, attribute := range []string{"msDS-NCReplCursors;binary", "replUpToDateVector"} {
			values := read(attribute)
			if want[i] == 0 {
				if len(values) > 0 {
					t.Errorf("form %d: %s is shown", form, attribute)
				}
				continue
			}
			cursor := string(id[:]) + "\x05\x04\x03\x02\x01\x00\x00\x00"
			if len(values) != 1 || len(values[0]) != want[i] || !strings.Contains(string(values[0]), cursor) {
				t.Errorf("form %d: %s is %x", form, attribute, values)
			}
		}
		if values := read("msDS-NCReplCursors"); len(values) > 0 {
			t.Errorf("form %d: the text form is %q", form, values)
		}
	}
	if err := s.SetCursors(WindowsCursors, Cursor{"x", 1}); err == nil {
		t.Error("a cursor of no GUID was accepted")
	}
	if err := s.SetInvocationID(other); err != nil {
		t.Fatal(err)
	}
	if got := get(t, c, serviceDN, "invocationId").GetRawAttributeValue("invocationId"); string(got) != string(id[:]) {
		t.Errorf("invocationId %x", got)
	}
}

// TestRestoring: only an administrator can restore a tombstone, only where its name is
// free, and only with what tombstones keep.
func TestRestoring(t *testing.T) {
	s := start(t)
	c := s.admin(t)
	dn := "CN=back," + Container
	add(t, c, dn, map[string][]string{"objectClass": {"group"}, "sAMAccountName": {"back"}, "description": {"lost"}, "member": {s.People[0].DN}})
	id := get(t, c, dn, "objectGUID").GetRawAttributeValue("objectGUID")
	byGUID := "<GUID=" + guid(id).String() + ">"
	if err := c.Del(ldap.NewDelRequest(dn, nil)); err != nil {
		t.Fatal(err)
	}
	restore := func(c *ldap.Conn, to string, shown ...ldap.Control) error {
		request := ldap.NewModifyRequest(byGUID, shown)
		request.Delete("isDeleted", nil)
		request.Replace("distinguishedName", []string{to})
		return c.Modify(request)
	}
	shown := ldap.NewControlString(oidShowDeleted, true, "")
	if err := restore(c, dn); code(err) != ldap.LDAPResultNoSuchObject {
		t.Errorf("without the control: %v", err)
	}
	if err := restore(s.dial(t, Deleted, Password), dn, shown); code(err) != ldap.LDAPResultInsufficientAccessRights {
		t.Errorf("as %s: %v", Deleted, err)
	}
	if err := restore(c, s.People[0].DN, shown); code(err) != ldap.LDAPResultEntryAlreadyExists {
		t.Errorf("to a name that is taken: %v", err)
	}
	before := get(t, c, "", "highestCommittedUSN").GetAttributeValue("highestCommittedUSN")
	if err := restore(c, dn, shown); err != nil {
		t.Fatal(err)
	}
	e := get(t, c, dn, "*")
	if string(e.GetRawAttributeValue("objectGUID")) != string(id) || e.GetAttributeValue("sAMAccountName") != "back" ||
		e.GetAttributeValue("description")+e.GetAttributeValue("isDeleted")+e.GetAttributeValue("lastKnownParent") != "" || len(e.GetAttributeValues("member")) > 0 {
		t.Errorf("restored: %v", shape(e))
	}
	if usn := e.GetAttributeValue("uSNChanged"); usn <= before || e.GetAttributeValue("whenChanged") == "" {
		t.Errorf("uSNChanged is %s, was below %s", usn, before)
	}
	if err := restore(c, dn, shown); err == nil {
		t.Error("what is there was restored")
	}
}
