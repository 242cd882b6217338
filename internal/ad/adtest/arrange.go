package adtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// host returns the server without a port.
func (env Env) host() string {
	host, _, found := strings.Cut(env.Config.Server, ":")
	if !found {
		return env.Config.Server
	}
	return host
}

// at returns the server with another port.
func (env Env) at(port string) string { return net.JoinHostPort(env.host(), port) }

// admin is the independent connection that arranges and checks.
type admin struct{ *ldap.Conn }

func connectAdmin(t *testing.T, env Env) *admin {
	t.Helper()
	pem, err := os.ReadFile(env.Config.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c, err := ldap.DialURL("ldaps://"+env.at(env.LDAPS), ldap.DialWithTLSConfig(&tls.Config{ServerName: env.host(), RootCAs: roots, MinVersion: tls.VersionTLS12}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Bind(env.AdminUser, env.AdminPassword); err != nil {
		t.Fatal(err)
	}
	return &admin{c}
}

// open opens a target as the service account, with changes to its configuration.
func (s *suite) open(t *testing.T, change ...func(*contract.TargetConfig)) contract.Target {
	t.Helper()
	target, err := s.tryOpen(t, change...)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func (s *suite) tryOpen(t *testing.T, change ...func(*contract.TargetConfig)) (contract.Target, error) {
	t.Helper()
	config := s.Config
	for _, f := range change {
		f(&config)
	}
	target, err := s.Open(testContext(t), config)
	if err == nil {
		t.Cleanup(func() { _ = target.Close() })
	}
	return target, err
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// wantError fails unless err is a contract.Error with that id, which names an object,
// gives advice, and contains no password.
func (s *suite) wantError(t *testing.T, err error, id string) *contract.Error {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", id)
	}
	e := contract.AsError(err)
	if e.ID != id {
		t.Fatalf("error %s (%v), want %s", e.ID, err, id)
	}
	if e.Message == "" || e.Advice == "" || e.Category == "" {
		t.Errorf("the error %s lacks a message, an advice or a category: %+v", id, e)
	}
	if text := fmt.Sprintf("%v %+v", err, e); strings.Contains(text, s.Config.Password.Reveal()) || strings.Contains(text, wrongPassword) {
		t.Errorf("the error %s shows the password: %s", id, text)
	}
	return e
}

// wantDenied fails unless the write was refused because the right is missing, and the
// message names the right.
func (s *suite) wantDenied(t *testing.T, err error, right string) {
	t.Helper()
	if e := s.wantError(t, err, "AccessDenied"); !strings.Contains(e.Message, right) || e.Object == "" {
		t.Errorf("the error does not name the object and the right to %s: %+v", right, e)
	}
}

// wantOneOf is like wantError, for ids that depend on the server, separated by |.
func (s *suite) wantOneOf(t *testing.T, err error, ids string) {
	t.Helper()
	id, _, several := strings.Cut(ids, "|")
	if err != nil && several && slices.Contains(strings.Split(ids, "|"), contract.AsError(err).ID) {
		id = contract.AsError(err).ID
	}
	s.wantError(t, err, id)
}

const wrongPassword = "Not-the-password-1"

var serial atomic.Int64

// unit creates an organisational unit below the parent for one test, and removes it
// with everything in it when the test ends.
func (s *suite) unit(t *testing.T, target contract.Target, parent string) contract.Container {
	t.Helper()
	container := s.lastingUnit(t, target, parent)
	t.Cleanup(func() {
		err := s.admin.Del(ldap.NewDelRequest(byGUID(container.GUID), []ldap.Control{ldap.NewControlSubtreeDelete()}))
		if err != nil && !ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
			t.Errorf("removing %s: %v", container.DN, err)
		}
	})
	return container
}

func (s *suite) lastingUnit(t *testing.T, target contract.Target, parent string) contract.Container {
	t.Helper()
	dn := fmt.Sprintf("OU=test-%s-%d,%s", s.run, serial.Add(1), parent)
	s.admin.add(t, dn, map[string][]string{"objectClass": {"organizationalUnit"}})
	container, err := target.Container(testContext(t), dn, directory.GUID{})
	if err != nil {
		t.Fatal(err)
	}
	return container
}

func (a *admin) add(t *testing.T, dn string, attributes map[string][]string) directory.GUID {
	t.Helper()
	request := ldap.NewAddRequest(dn, nil)
	for name, values := range attributes {
		request.Attribute(name, values)
	}
	if err := a.Add(request); err != nil {
		t.Fatalf("adding %s: %v", dn, err)
	}
	return a.guid(t, dn)
}

// get reads one object; it returns nil if there is none.
func (a *admin) get(t *testing.T, dn string, attributes ...string) *ldap.Entry {
	t.Helper()
	result, err := a.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", attributes, nil))
	if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		return nil
	}
	if err != nil {
		t.Fatalf("reading %s: %v", dn, err)
	}
	return result.Entries[0]
}

func (a *admin) guid(t *testing.T, dn string) directory.GUID {
	t.Helper()
	e := a.get(t, dn, "objectGUID")
	if e == nil {
		t.Fatalf("there is no %s", dn)
	}
	guid, err := directory.GUIDFromAD(e.GetRawAttributeValue("objectGUID"))
	if err != nil {
		t.Fatal(err)
	}
	return guid
}

// members reads the members of a group by name, sorted. Deleted members, which Samba
// shows when the recycle bin is enabled, do not count.
func (a *admin) members(t *testing.T, guid directory.GUID) []string {
	t.Helper()
	e := a.get(t, byGUID(guid), "member")
	if e == nil {
		t.Fatalf("there is no group %s", guid)
	}
	members := slices.DeleteFunc(slices.Clone(e.GetAttributeValues("member")), func(dn string) bool { return strings.Contains(dn, `\0ADEL:`) })
	slices.Sort(members)
	return members
}

func (a *admin) modify(t *testing.T, dn string, change func(*ldap.ModifyRequest)) {
	t.Helper()
	request := ldap.NewModifyRequest(dn, nil)
	change(request)
	if err := a.Modify(request); err != nil {
		t.Fatalf("changing %s: %v", dn, err)
	}
}

func (a *admin) rename(t *testing.T, dn, rdn, superior string) {
	t.Helper()
	if err := a.ModifyDN(ldap.NewModifyDNRequest(dn, rdn, true, superior)); err != nil {
		t.Fatalf("renaming %s: %v", dn, err)
	}
}

func (a *admin) remove(t *testing.T, dn string) {
	t.Helper()
	if err := a.Del(ldap.NewDelRequest(dn, nil)); err != nil {
		t.Fatalf("removing %s: %v", dn, err)
	}
}

// veil hides an object from everybody but administrators.
func (a *admin) veil(t *testing.T, dn string) {
	t.Helper()
	a.modify(t, dn, func(r *ldap.ModifyRequest) {
		r.Replace("nTSecurityDescriptor", []string{string(administratorsOnly())})
	})
}

func byGUID(guid directory.GUID) string { return "<GUID=" + guid.String() + ">" }

// contacts returns objects to use as members. They are cheaper than users, are created
// once, and stay, because a server takes many times as long to remove them.
func (s *suite) contacts(t *testing.T, target contract.Target, n int) []directory.MemberRef {
	t.Helper()
	if n <= len(s.made) {
		return slices.Clone(s.made[:n])
	}
	unit := s.lastingUnit(t, target, s.Other)
	for i := range n {
		s.admin.contact(t, fmt.Sprintf("CN=c%05d,%s", i, unit.DN))
	}
	result, err := s.admin.SearchWithPaging(ldap.NewSearchRequest(unit.DN, ldap.ScopeSingleLevel, ldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=contact)", []string{"objectGUID"}, nil), 500)
	if err != nil {
		t.Fatal(err)
	}
	s.made = nil
	for _, e := range result.Entries {
		guid, err := directory.GUIDFromAD(e.GetRawAttributeValue("objectGUID"))
		if err != nil {
			t.Fatal(err)
		}
		s.made = append(s.made, directory.MemberRef{GUID: guid, DN: e.DN})
	}
	if len(s.made) != n {
		t.Fatalf("%d contacts, want %d", len(s.made), n)
	}
	slices.SortFunc(s.made, func(a, b directory.MemberRef) int { return strings.Compare(a.DN, b.DN) })
	return slices.Clone(s.made)
}

func (a *admin) contact(t *testing.T, dn string) {
	t.Helper()
	request := ldap.NewAddRequest(dn, nil)
	request.Attribute("objectClass", []string{"contact"})
	if err := a.Add(request); err != nil {
		t.Fatalf("adding %s: %v", dn, err)
	}
}

// foreignPrincipals lists the contents of CN=ForeignSecurityPrincipals.
func (s *suite) foreignPrincipals(t *testing.T) string {
	t.Helper()
	result, err := s.admin.Search(ldap.NewSearchRequest("CN=ForeignSecurityPrincipals,"+s.Base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=*)", []string{"1.1"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range result.Entries {
		names = append(names, e.DN)
	}
	slices.Sort(names)
	return strings.Join(names, "; ")
}

var testTenant = directory.MustGUID("7e57ab1e-0000-4000-8000-000000000001")

// newID returns the id of a new cloud group.
func newID() directory.GUID {
	return directory.MustGUID(fmt.Sprintf("c10d0000-0000-4000-8000-%012x", serial.Add(1)))
}

// attributes returns the attributes of a new group.
func (s *suite) attributes(id directory.GUID, cn string) []plan.AttributeChange {
	attributes := []plan.AttributeChange{
		{Name: "cn", New: []string{cn}},
		{Name: "sAMAccountName", New: []string{directory.Mark(id)}},
		{Name: "groupType", New: []string{fmt.Sprint(directory.GroupTypeUniversalDistribution)}},
		{Name: "displayName", New: []string{"Group " + id.String()}},
		{Name: "adminDescription", New: []string{directory.Mark(id)}},
		{Name: "extensionName", New: []string{directory.Stamp(testTenant)}, Shared: true},
	}
	if s.ExternalID {
		attributes = append(attributes, plan.AttributeChange{Name: "msDS-ExternalDirectoryObjectId", New: []string{directory.Mark(id)}})
	}
	return attributes
}

// create creates a group of ours.
func (s *suite) create(t *testing.T, target contract.Target, parent directory.GUID, members ...directory.MemberRef) (contract.Created, directory.GUID) {
	t.Helper()
	id := newID()
	attributes := s.attributes(id, directory.Mark(id))
	refused, err := target.Writer(nil).Create(testContext(t), parent, attributes, members)
	if err != nil || len(refused) > 0 {
		t.Fatalf("creating: %v, refused %v", err, refused)
	}
	return s.created(t, target, parent, attributes), id
}

// created looks up a group that was just created.
func (s *suite) created(t *testing.T, target contract.Target, parent directory.GUID, attributes []plan.AttributeChange) contract.Created {
	t.Helper()
	created, err := target.Created(testContext(t), parent, [][]plan.AttributeChange{attributes})
	if err != nil || len(created) != 1 || created[0].GUID.IsZero() {
		t.Fatalf("looking up what was created: %v, %v", created, err)
	}
	return created[0]
}

// groups reads all groups of the container.
func (s *suite) groups(t *testing.T, target contract.Target, container directory.GUID) []directory.TargetGroup {
	t.Helper()
	var groups []directory.TargetGroup
	if err := target.Groups(testContext(t), container, contract.WithMembers, func(g directory.TargetGroup) error {
		groups = append(groups, g)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return groups
}

func names(refs []directory.MemberRef) []string {
	var dns []string
	for _, r := range refs {
		dns = append(dns, r.DN)
	}
	slices.Sort(dns)
	return dns
}

// user is a synced user as described by the lab.
type user struct {
	SAMAccountName  string         `json:"samAccountName"`
	DN              string         `json:"dn"`
	ObjectGUID      directory.GUID `json:"objectGUID"`
	ObjectSID       directory.SID  `json:"objectSid"`
	ConsistencyGUID string         `json:"consistencyGuid"`
}

func (u user) ref() directory.MemberRef {
	return directory.MemberRef{GUID: u.ObjectGUID, DN: u.DN, SID: u.ObjectSID}
}

// people reads the users, by account name.
func (s *suite) people(t *testing.T) map[string]user {
	t.Helper()
	text, err := os.ReadFile(s.Users)
	if err != nil {
		t.Fatal(err)
	}
	var list []user
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	users := make(map[string]user, len(list))
	for _, u := range list {
		users[u.SAMAccountName] = u
	}
	return users
}
