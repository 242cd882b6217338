package server

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

const (
	domainName = "litware.test"
	netbios    = "LITWARE"
	hostName   = "dc1." + domainName
	baseDN     = "DC=litware,DC=test"
	configDN   = "CN=Configuration," + baseDN
	schemaDN   = "CN=Schema," + configDN
	serviceDN  = "CN=NTDS Settings,CN=DC1,CN=Servers,CN=Default-First-Site-Name,CN=Sites," + configDN
	// wellKnownDeleted is GUID_DELETED_OBJECTS_CONTAINER_W of MS-ADTS 6.1.1.4.
	wellKnownDeleted = "18e2ea80684f11d2b9aa00c04f79f805"
)

// domain is what the domain controller stores.
type domain struct {
	head, deleted, foreign *object
	service                *object // nTDSDSA, of this domain controller
	sid                    sid
	usn                    int64 // highestCommittedUSN
	tag                    int64 // of the last object
	rid                    uint32
	linkLimit              int

	byGUID    map[guid]*object // all, deleted ones included
	bySID     map[sid]*object
	byAccount map[string]*object // by folded sAMAccountName, without deleted ones
}

// object is one object. Its name follows from where it stands.
type object struct {
	tag      int64 // the order in which objects are stored and searched
	guid     guid
	sid      sid
	name     rdn
	class    *class
	parent   *object
	children map[string]*object // by folded value: the kind does not count
	// partition: the object is the head of a naming context.
	partition bool
	deleted   bool

	values       map[*attribute][][]byte
	members      links
	memberOf     map[*object]bool
	usn, created int64
	owner        sid
	entries      []ace
	protected    bool // entries of the parent do not apply

	password string // of accounts
}

func (o *object) dn() string {
	if o.parent == nil {
		return baseDN
	}
	return o.name.String() + "," + o.parent.dn()
}

func (o *object) within(base *object) bool {
	for ; o != nil; o = o.parent {
		if o == base {
			return true
		}
	}
	return false
}

// context returns the head of the partition that the object is in.
func (o *object) context() *object {
	for !o.partition {
		o = o.parent
	}
	return o
}

func (o *object) text(name string) string {
	if v := o.values[attributeOf(name)]; len(v) > 0 {
		return string(v[0])
	}
	return ""
}

func (o *object) number(name string) int64 {
	n, _ := strconv.ParseInt(o.text(name), 10, 64)
	return n
}

func (o *object) set(name string, values ...string) {
	a := attributeOf(name)
	if len(values) == 0 {
		delete(o.values, a)
		return
	}
	o.values[a] = nil
	for _, v := range values {
		o.values[a] = append(o.values[a], []byte(v))
	}
}

// touch gives the object the next update sequence number.
func (d *domain) touch(o *object) {
	d.usn++
	o.usn = d.usn
	o.set("whenChanged", time.Now().UTC().Format(generalizedTime))
}

// generalizedTime is how Active Directory writes a time, in UTC.
const generalizedTime = "20060102150405.0Z"

// links are the values of member. Their order has nothing to do with the one
// in which they were written, and stays while nobody changes them.
type links struct {
	order []*object
	set   map[*object]bool
	// gone are values that were removed and are still seen.
	gone map[*object]bool
}

func (l *links) has(o *object) bool { return l.set[o] }

func (l *links) add(group *object, members []*object) {
	if l.set == nil {
		l.set = make(map[*object]bool)
	}
	for _, m := range members {
		l.set[m] = true
		m.memberOf[group] = true
	}
	l.order = append(l.order, members...)
	slices.SortFunc(l.order, func(a, b *object) int { return slices.Compare(a.guid[:], b.guid[:]) })
}

func (l *links) remove(group *object, members []*object) {
	going := make(map[*object]bool, len(members))
	for _, m := range members {
		going[m] = true
		delete(l.set, m)
		delete(m.memberOf, group)
	}
	l.order = slices.DeleteFunc(l.order, func(o *object) bool { return going[o] })
}

// remain marks values as removed while they are still seen.
func (l *links) remain(members []*object) {
	if l.gone == nil && len(members) > 0 {
		l.gone = make(map[*object]bool)
	}
	for _, m := range members {
		l.gone[m] = true
	}
}

func (l *links) finish(group *object) {
	var members []*object
	for m := range l.gone {
		members = append(members, m)
	}
	l.gone = nil
	if len(members) > 0 {
		l.remove(group, members)
	}
}

// insert stores a new object.
func (d *domain) insert(o *object, parent *object) {
	d.tag++
	o.tag, o.parent = d.tag, parent
	if o.guid == (guid{}) {
		_, _ = rand.Read(o.guid[:])
	}
	if o.children == nil {
		o.children, o.memberOf = make(map[string]*object), make(map[*object]bool)
	}
	if parent != nil {
		parent.children[fold(o.name.value)] = o
	}
	d.byGUID[o.guid] = o
	if o.sid != "" {
		d.bySID[o.sid] = o
	}
	if account := o.text("sAMAccountName"); account != "" {
		d.byAccount[fold(account)] = o
	}
	d.touch(o)
	o.created = o.usn
	o.set("whenCreated", time.Now().UTC().Format(generalizedTime))
}

func (d *domain) nextSID() sid {
	d.rid++
	parts := []byte(d.sid)
	parts[1]++
	return sid(append(parts, byte(d.rid), byte(d.rid>>8), byte(d.rid>>16), byte(d.rid>>24)))
}

// find resolves a name in any of its forms (MS-ADTS 3.1.1.3.1.2.4).
func (d *domain) find(s string) (*object, *result) {
	if !strings.HasPrefix(s, "<") {
		name, bad := parseName(s)
		if bad != nil {
			return nil, bad
		}
		return d.walk(name)
	}
	form, _, closed := strings.Cut(s[1:], ">")
	kind, value, named := strings.Cut(form, "=")
	if !closed || !named {
		return nil, badName(s)
	}
	var found *object
	switch strings.ToUpper(kind) {
	case "GUID":
		g, ok := parseGUID(value)
		if !ok {
			return nil, badName(s)
		}
		found = d.byGUID[g]
	case "SID":
		id, ok := parseSID(value)
		if !ok {
			return nil, badName(s)
		}
		found = d.bySID[id]
	case "WKGUID":
		which, where, _ := strings.Cut(value, ",")
		if head, bad := d.find(where); bad == nil && head == d.head && strings.EqualFold(which, wellKnownDeleted) {
			found = d.deleted
		}
	default:
		return nil, badName(s)
	}
	if found == nil {
		return nil, noSuchObject("")
	}
	return found, nil
}

func (d *domain) walk(name []rdn) (*object, *result) {
	base, _ := parseName(baseDN)
	if len(name) < len(base) || !slices.EqualFunc(name[len(name)-len(base):], base, sameRDN) {
		host := "unknown"
		for i, r := range slices.Backward(name) {
			if !strings.EqualFold(r.kind, "DC") {
				break
			}
			host = r.value
			if i < len(name)-1 && strings.EqualFold(name[i+1].kind, "DC") {
				host += "." + name[i+1].value
			}
		}
		r := refuse(ldap.LDAPResultReferral, 0x202B, fmt.Sprintf("RefErr: DSID-03100781, data 0, 1 access points\n\tref 1: '%s'", host))
		r.referrals = []string{"ldap://" + host}
		return nil, r
	}
	at := d.head
	for _, r := range slices.Backward(name[:len(name)-len(base)]) {
		next := at.children[fold(r.value)]
		if next == nil || !strings.EqualFold(next.name.kind, r.kind) {
			return nil, noSuchObject(at.dn())
		}
		at = next
	}
	return at, nil
}

func sameRDN(a, b rdn) bool {
	return strings.EqualFold(a.kind, b.kind) && fold(a.value) == fold(b.value)
}
