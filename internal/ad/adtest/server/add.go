package server

import (
	"crypto/rand"
	"fmt"
	"strings"
	"unicode/utf16"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// writer makes changes for an account, each completely or not at all. The domain is
// locked in the meantime.
type writer struct {
	*domain
	token token
	// account is the writing account; nil means the server itself.
	account *object
	// system says that the server writes its own content, without checking rights.
	system bool
}

// target finds the object to change. If the account cannot see an object, it does not
// exist for it.
func (w writer) target(name string) (*object, *result) {
	o, bad := w.find(name)
	if bad != nil {
		return nil, bad
	}
	if o.deleted || !w.system && !w.token.sees(o) {
		return nil, noSuchObject("")
	}
	return o, nil
}

func (w writer) may(o *object, right uint32, child *class) bool {
	return w.system || w.token.allows(o, right, child)
}

// add handles an add request (MS-ADTS 3.1.1.5.2).
func (w writer) add(p *ber.Packet) *result {
	values := make(map[string][]string)
	for _, c := range p.Children[1].Children {
		name := content(c.Children[0])
		if _, twice := values[strings.ToLower(name)]; twice {
			return valueExists(name)
		}
		for _, v := range c.Children[1].Children {
			values[strings.ToLower(name)] = append(values[strings.ToLower(name)], content(v))
		}
	}
	_, bad := w.create(content(p.Children[0]), values)
	return bad
}

// create adds an object. The names of the attributes are in lower case.
func (w writer) create(dn string, values map[string][]string) (*object, *result) {
	name, bad := parseName(dn)
	if bad != nil {
		return nil, bad
	}
	if len(name) < 2 {
		return nil, badName(dn)
	}
	parent, bad := w.walk(name[1:])
	if bad != nil {
		return nil, bad
	}
	var kind *class
	for _, c := range values["objectclass"] {
		if k := classOf(c); k == nil {
			return nil, refuse(ldap.LDAPResultNoSuchAttribute, 0x57, "LdapErr: DSID-0C090F2C, comment: unknown class "+c)
		} else if kind == nil || k.is(kind.name) {
			kind = k
		}
	}
	switch {
	case kind == nil || kind.name == "top":
		return nil, refuse(ldap.LDAPResultObjectClassViolation, 0x2093, "UpdErr: DSID-0315089C, problem 6002 (OBJ_CLASS_VIOLATION), data 0")
	case parent.deleted || !w.system && !w.token.sees(parent):
		return nil, noSuchObject("")
	case !w.may(parent, createChild, kind):
		return nil, accessDenied()
	case kind.system && !w.system:
		return nil, unwilling(0x2141, "objects of this class are not created over LDAP")
	case !strings.EqualFold(kind.rdn, name[0].kind) || !parent.class.holds:
		return nil, refuse(ldap.LDAPResultNamingViolation, 0x2099, "NameErr: DSID-031500AC, problem 2005 (NAMING_VIOLATION), data 0")
	}
	if bad := checkRDN(name[0].value); bad != nil {
		return nil, bad
	}
	o := &object{name: rdn{kind.rdn, name[0].value}, class: kind, values: make(map[*attribute][][]byte)}
	if parent.children[fold(o.name.value)] != nil {
		return nil, entryExists(0x2071)
	}
	var members []*object
	for name, list := range values {
		a := attributeOf(name)
		switch {
		case a == nil:
			return nil, refuse(ldap.LDAPResultNoSuchAttribute, 0x57, "LdapErr: DSID-0C090F2C, comment: Error in attribute conversion operation, data 0: "+name)
		case a.name == "objectClass":
			continue
		case strings.EqualFold(a.name, kind.rdn):
			if len(list) != 1 || list[0] != o.name.value {
				return nil, refuse(ldap.LDAPResultNamingViolation, 0x2099, "NameErr: DSID-031500AC, problem 2005 (NAMING_VIOLATION), data 0")
			}
			continue
		case a.system && !w.system || a.name == "nTSecurityDescriptor":
			return nil, constraint(0x2077, a.name)
		case !kind.may(a):
			return nil, refuse(ldap.LDAPResultObjectClassViolation, 0x207D, "UpdErr: DSID-0315174D, problem 6002 (OBJ_CLASS_VIOLATION), data "+a.name)
		}
		raw := make([][]byte, len(list))
		for i, v := range list {
			raw[i] = []byte(v)
		}
		if a.name == "member" {
			if members, bad = w.objects(raw); bad != nil {
				return nil, bad
			}
			continue
		}
		if raw, bad = w.check(a, kind, raw); bad != nil {
			return nil, bad
		}
		if len(raw) > 0 {
			o.values[a] = raw
		}
	}
	if kind.is("group") && o.text("groupType") == "" {
		o.set("groupType", "-2147483646")
	}
	if kind.principal() {
		if o.text("sAMAccountName") == "" {
			o.set("sAMAccountName", fmt.Sprintf("$%.6s-%.12s", rand.Text(), rand.Text()))
		}
		if w.named(o.text("sAMAccountName")) != nil {
			return nil, entryExists(0x524)
		}
		o.sid = w.nextSID()
	}
	if bad := acceptable(o, members); bad != nil {
		return nil, bad
	}
	o.owner = w.owner()
	w.insert(o, parent)
	o.addMembers(members...)
	return o, nil
}

// checkRDN implements MS-ADTS 3.1.1.5.1.2.
func checkRDN(value string) *result {
	if strings.ContainsAny(value, "\n\x00") {
		return refuse(ldap.LDAPResultNamingViolation, 0x2099, "NameErr: DSID-031500AC, problem 2005 (NAMING_VIOLATION), data 0")
	}
	if n := len(utf16.Encode([]rune(value))); n > 64 {
		return constraint(0x2082, "the name has more than 64 characters")
	}
	return nil
}

// check returns the values in their stored form, or the reason why the schema forbids
// them.
func (w writer) check(a *attribute, kind *class, values [][]byte) ([][]byte, *result) {
	one := a.single || a.name == "description" && kind.principal()
	if one && len(values) > 1 {
		if a.name == "description" {
			return nil, valueExists(a.name)
		}
		return nil, constraint(0x2081, a.name)
	}
	seen := make(map[string]bool, len(values))
	for i, v := range values {
		form, ok := comparable(a, v)
		if len(v) == 0 || !ok || a.syntax == boolean && form != "true" && form != "false" {
			return nil, refuse(ldap.LDAPResultInvalidAttributeSyntax, 0x2080, "AtrErr: DSID-03151F1E, problem 1000 (INVALID_ATT_SYNTAX), "+a.name)
		}
		if seen[form] {
			return nil, valueExists(a.name)
		}
		seen[form] = true
		if n := len(utf16.Encode([]rune(string(v)))); a.syntax == text && (n < a.low || a.top > 0 && n > a.top) {
			return nil, constraint(0x2082, a.name)
		}
		if a.syntax == dnSyntax {
			o, bad := w.reference(string(v))
			if bad != nil {
				return nil, bad
			}
			values[i] = []byte(o.dn())
		}
		if a.name == "sAMAccountName" {
			if strings.ContainsAny(string(v), "\"/\\[]:|<>+=;?,*") || strings.HasSuffix(string(v), ".") || strings.TrimSpace(string(v)) == "" || strings.IndexFunc(string(v), func(r rune) bool { return r < 0x20 }) >= 0 {
				return nil, constraint(0x523, a.name)
			}
			if kind.is("user") && len(v) > 20 {
				return nil, constraint(0x523, a.name)
			}
		}
	}
	return values, nil
}

// reference finds the object that a value names. For a SID of an unknown domain it
// creates a foreignSecurityPrincipal, which stays even if the change fails.
func (w writer) reference(value string) (*object, *result) {
	o, bad := w.find(value)
	if bad != nil && len(value) > 5 && strings.EqualFold(value[:5], "<SID=") {
		if id, ok := parseSID(strings.Trim(value[5:], ">")); ok && !strings.HasPrefix(id.String(), w.sid.String()+"-") {
			o = &object{name: rdn{"CN", id.String()}, sid: id, class: classOf("foreignSecurityPrincipal"), values: make(map[*attribute][][]byte)}
			w.insert(o, w.foreign)
			return o, nil
		}
	}
	if bad != nil || o.deleted {
		if bad != nil && bad.code == ldap.LDAPResultInvalidDNSyntax {
			return nil, bad
		}
		return nil, refuse(ldap.LDAPResultNoSuchObject, 0x525, "NameErr: DSID-031A12D2, problem 2001 (NO_OBJECT), data 0, best match of:\n\t''")
	}
	return o, nil
}

// objects resolves values of member; a duplicate value is refused.
func (w writer) objects(values [][]byte) ([]*object, *result) {
	seen := make(map[*object]bool, len(values))
	objects := make([]*object, 0, len(values))
	for _, v := range values {
		o, bad := w.reference(string(v))
		if bad != nil {
			return nil, bad
		}
		if seen[o] {
			return nil, valueExists("member")
		}
		seen[o] = true
		objects = append(objects, o)
	}
	return objects, nil
}

// Bits of groupType.
const globalGroup, localGroup, universalGroup = 2, 4, 8

// acceptable checks which groups may be members of a group (MS-SAMR 3.1.1.8.9).
func acceptable(group *object, members []*object) *result {
	kind := group.number("groupType")
	for _, m := range members {
		if !m.class.is("group") {
			continue
		}
		inner := m.number("groupType")
		switch {
		case kind&universalGroup != 0 && inner&localGroup != 0:
			return unwilling(0x2146, "a universal group cannot have a local member")
		case kind&globalGroup != 0 && inner&globalGroup == 0:
			return unwilling(0x2144, "a global group can only have global members")
		}
	}
	return nil
}
