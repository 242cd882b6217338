package server

import (
	"crypto/rand"
	"fmt"
	"maps"
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
	rid                    uint32
	linkLimit              int
	recycleBin             bool

	objects []*object // all objects, including deleted ones, in the order in which they are stored
	indexes map[*attribute]*sorted[entry]
}

// object is one object. Its name follows from its place in the tree.
type object struct {
	tag      int64 // the order in which objects are stored and searched
	guid     guid
	sid      sid
	name     rdn
	class    *class
	parent   *object
	children map[string]*object // by folded value; the attribute of the name does not matter
	below    int                // number of objects below, at any depth
	// partition says that the object is the head of a naming context.
	partition bool
	deleted   bool
	binned    *binned // only in the recycle bin

	values       map[*attribute][][]byte
	members      links
	memberOf     sorted[backLink]
	filed        []key // its positions in the indexes
	usn, created int64
	owner        sid
	entries      []ace
	protected    bool // entries of the parent are not inherited

	password string // only for accounts
}

func (o *object) self() *object { return o }

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

// context returns the head of the object's partition.
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

// touch completes every change of an object: it assigns the next update sequence number
// and updates the indexes.
func (d *domain) touch(o *object) {
	d.usn++
	o.usn = d.usn
	o.set("whenChanged", time.Now().UTC().Format(generalizedTime))
	d.file(o)
}

// generalizedTime is the format in which Active Directory writes a time, in UTC.
const generalizedTime = "20060102150405.0Z"

// attach attaches the object to a parent; nil means that it is the head of the domain.
func (o *object) attach(parent *object) {
	if o.parent = parent; parent == nil {
		return
	}
	parent.children[fold(o.name.value)] = o
	for ; parent != nil; parent = parent.parent {
		parent.below += 1 + o.below
	}
}

func (o *object) detach() {
	delete(o.parent.children, fold(o.name.value))
	for at := o.parent; at != nil; at = at.parent {
		at.below -= 1 + o.below
	}
}

// tree yields the object and all objects below it.
func (o *object) tree(yield func(*object) bool) {
	for open := []*object{o}; len(open) > 0; {
		next := open[len(open)-1]
		open = slices.AppendSeq(open[:len(open)-1], maps.Values(next.children))
		if !yield(next) {
			return
		}
	}
}

// insert stores a new object.
func (d *domain) insert(o *object, parent *object) {
	d.objects = append(d.objects, o)
	o.tag = int64(len(d.objects))
	if o.guid == (guid{}) {
		_, _ = rand.Read(o.guid[:])
	}
	o.children = make(map[string]*object)
	o.attach(parent)
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
		found = d.one("objectGUID", string(g[:]))
	case "SID":
		id, ok := parseSID(value)
		if !ok {
			return nil, badName(s)
		}
		found = d.one("objectSid", string(id))
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

var baseName, _ = parseName(baseDN)

func (d *domain) walk(name []rdn) (*object, *result) {
	if len(name) < len(baseName) || !slices.EqualFunc(name[len(name)-len(baseName):], baseName, sameRDN) {
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
	for _, r := range slices.Backward(name[:len(name)-len(baseName)]) {
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
