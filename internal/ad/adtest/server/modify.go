package server

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// modify handles a modify request (MS-ADTS 3.1.1.5.3), with or without the control that
// lets a change succeed if it is already made (3.1.1.3.4.1.8).
func (w writer) modify(p *ber.Packet, with controls) *result {
	if with.showDeleted {
		if o, bad := w.find(content(p.Children[0])); bad == nil && o.deleted {
			return w.modifyDeleted(o, p.Children[1].Children, with)
		}
	}
	o, bad := w.target(content(p.Children[0]))
	if bad != nil {
		return bad
	}
	return w.change(o, p.Children[1].Children, with)
}

// change makes the changes of a request, all or none.
func (w writer) change(o *object, items []*ber.Packet, with controls) *result {
	var bad *result
	c := change{writer: w, object: o, values: maps.Clone(o.values), permissive: with.permissive}
	for _, item := range items {
		operation := integerOf(item.Children[0])
		name := content(item.Children[1].Children[0])
		var values [][]byte
		for _, v := range item.Children[1].Children[1].Children {
			values = append(values, slices.Clone(v.Data.Bytes()))
		}
		a := attributeOf(name)
		switch {
		case a == nil:
			return refuse(ldap.LDAPResultNoSuchAttribute, 0x57, "LdapErr: DSID-0C090F2C, comment: Error in attribute conversion operation, data 0: "+name)
		case a.name == "nTSecurityDescriptor":
			bad = c.describe(operation, values, with.descriptor)
		case !w.may(o, writeProp, nil):
			bad = accessDenied()
		case strings.EqualFold(a.name, o.class.rdn):
			bad = refuse(ldap.LDAPResultNotAllowedOnRDN, 0x2016, "UpdErr: DSID-03151100, problem 6004 (CANT_MOD_RDN), data 0")
		case a.system || a.name == "objectClass" || a.constructed:
			bad = constraint(0x2077, a.name)
		case !o.class.may(a):
			bad = refuse(ldap.LDAPResultObjectClassViolation, 0x207D, "UpdErr: DSID-0315174D, problem 6002 (OBJ_CLASS_VIOLATION), data "+a.name)
		case a.name == "member":
			bad = c.link(operation, values)
		case a.name == "primaryGroupID":
			if bad = c.primary(values); bad == nil {
				bad = c.apply(operation, a, values)
			}
		default:
			bad = c.apply(operation, a, values)
		}
		if bad != nil {
			return bad
		}
	}
	return c.commit()
}

// primary sets the account's primary group, of which it must be a member. The commit
// removes the value of member.
func (c *change) primary(values [][]byte) *result {
	rid, err := strconv.ParseUint(string(slices.Concat(values...)), 10, 32)
	group := c.one("objectSid", string(c.sidOf(uint32(rid))))
	if err != nil || group == nil || !group.hasMember(c.object) {
		return unwilling(0x525, "the account is no member of the group")
	}
	c.left = group
	return nil
}

// modifyDeleted restores a deleted object: isDeleted is removed and distinguishedName
// replaced. Other changes of the request are made to the restored object (MS-ADTS
// 3.1.1.5.3.7).
func (w writer) modifyDeleted(o *object, changes []*ber.Packet, with controls) *result {
	dn := ""
	removed := false
	var others []*ber.Packet
	for _, item := range changes {
		name, values := content(item.Children[1].Children[0]), item.Children[1].Children[1].Children
		switch operation := integerOf(item.Children[0]); {
		case strings.EqualFold(name, "isDeleted") && operation == ldap.DeleteAttribute:
			removed = true
		case strings.EqualFold(name, "distinguishedName") && operation == ldap.ReplaceAttribute && len(values) == 1:
			dn = content(values[0])
		default:
			others = append(others, item)
		}
	}
	if !removed || dn == "" {
		return unwilling(0x57, "a deleted object can only be restored")
	}
	before := o.text("lastKnownParent")
	if bad := w.reanimate(o, dn); bad != nil {
		return bad
	}
	if bad := w.change(o, others, with); bad != nil {
		w.bury(o)
		o.set("lastKnownParent", before)
		return bad
	}
	return nil
}

// change is a modify in progress; nothing is stored before commit.
type change struct {
	writer
	object     *object
	permissive bool
	values     map[*attribute][][]byte
	changed    bool
	members    map[*object]bool // the named objects, and whether each will be a member
	left       *object          // the new primary group
	descriptor bool
	entries    []ace
	protected  bool
	owner      sid // empty means unchanged
}

// describe changes the owner, the access control list, or both.
func (c *change) describe(operation int64, values [][]byte, parts int64) *result {
	if operation != ldap.ReplaceAttribute || len(values) != 1 {
		return unwilling(0x57, "a security descriptor can only be replaced")
	}
	parts = meant(parts)
	var bad *result
	if parts&ownerPart != 0 {
		if !c.may(c.object, writeOwner, nil) {
			return accessDenied()
		}
		if c.owner, bad = parseOwner(values[0]); bad != nil {
			return bad
		}
	}
	if parts&listPart == 0 {
		return nil
	}
	if !c.may(c.object, writeDAC, nil) {
		return accessDenied()
	}
	c.entries, c.protected, bad = parseDescriptor(values[0])
	c.descriptor = true
	return bad
}

func (c *change) apply(operation int64, a *attribute, values [][]byte) *result {
	has := c.values[a]
	find := func(v []byte) int {
		wanted, _ := comparable(a, v)
		return slices.IndexFunc(has, func(h []byte) bool {
			have, _ := comparable(a, h)
			return have == wanted
		})
	}
	next := slices.Clone(has)
	switch operation {
	case ldap.AddAttribute:
		for _, v := range values {
			if find(v) >= 0 {
				if !c.permissive {
					return valueExists(a.name)
				}
				continue
			}
			next = append(next, v)
		}
	case ldap.DeleteAttribute:
		if len(values) == 0 {
			if len(has) == 0 && !c.permissive {
				return noSuchValue(a.name)
			}
			next = nil
		}
		for _, v := range values {
			at := find(v)
			if at < 0 {
				if !c.permissive {
					return noSuchValue(a.name)
				}
				continue
			}
			next = slices.DeleteFunc(next, func(n []byte) bool { return string(n) == string(has[at]) })
		}
	case ldap.ReplaceAttribute:
		next = values
	default:
		return refuse(ldap.LDAPResultProtocolError, 0x57, "an unknown change")
	}
	next, bad := c.check(a, c.object.class, next)
	if bad != nil {
		return bad
	}
	if slices.EqualFunc(has, next, slices.Equal) {
		return nil
	}
	if a.name == "sAMAccountName" && len(next) == 1 {
		if holder := c.named(string(next[0])); holder != nil && holder != c.object {
			return entryExists(0x524)
		}
	}
	c.changed = true
	c.values[a] = next
	return nil
}

// link changes values of member.
func (c *change) link(operation int64, values [][]byte) *result {
	if len(c.object.members.gone) > 0 {
		return busy()
	}
	objects, bad := c.objects(values)
	if bad != nil {
		return bad
	}
	if c.members == nil {
		c.members = make(map[*object]bool)
	}
	switch operation {
	case ldap.AddAttribute:
		if bad := acceptable(c.object, objects); bad != nil {
			return bad
		}
		for _, m := range objects {
			if c.isMember(m) && !c.permissive {
				return entryExists(0x562)
			}
			c.members[m] = true
		}
	case ldap.DeleteAttribute:
		if len(values) == 0 {
			c.removeAll()
		}
		for _, m := range objects {
			if !c.isMember(m) && !c.permissive {
				return unwilling(0x561, "the account is no member")
			}
			c.members[m] = false
		}
	case ldap.ReplaceAttribute:
		if bad := acceptable(c.object, objects); bad != nil {
			return bad
		}
		c.removeAll()
		for _, m := range objects {
			c.members[m] = true
		}
	default:
		return refuse(ldap.LDAPResultProtocolError, 0x57, "an unknown change")
	}
	return nil
}

func (c *change) isMember(m *object) bool {
	if is, named := c.members[m]; named {
		return is
	}
	return c.object.hasMember(m)
}

func (c *change) removeAll() {
	clear(c.members)
	for m := range c.object.members.objects() {
		c.members[m] = false
	}
}

func (c *change) commit() *result {
	o := c.object
	var added, removed []*object
	for m, is := range c.members {
		switch was := o.hasMember(m); {
		case is && !was:
			added = append(added, m)
		case was && !is:
			removed = append(removed, m)
		}
	}
	c.changed = c.changed || len(added)+len(removed) > 0
	now := min(len(removed), c.linkLimit)
	o.removeMembers(removed[:now]...)
	o.linger(removed[now:])
	o.addMembers(added...)
	if c.left != nil {
		c.left.removeMembers(o)
		c.touch(c.left)
	}
	if c.owner != "" && c.owner != o.owner {
		o.owner, c.changed = c.owner, true
	}
	if c.descriptor {
		o.entries, o.protected, c.changed = c.entries, c.protected, true
	}
	if !c.changed {
		return nil
	}
	maps.DeleteFunc(c.values, func(_ *attribute, v [][]byte) bool { return len(v) == 0 })
	o.values = c.values
	c.touch(o)
	return nil
}

// modifyDN renames and moves an object (MS-ADTS 3.1.1.5.4).
func (w writer) modifyDN(p *ber.Packet) *result {
	o, bad := w.target(content(p.Children[0]))
	if bad != nil {
		return bad
	}
	name, bad := parseName(content(p.Children[1]))
	if bad != nil {
		return bad
	}
	if deleteOld, _ := p.Children[2].Value.(bool); !deleteOld {
		return unwilling(0x57, "deleteoldrdn must be true")
	}
	parent := o.parent
	if len(p.Children) > 3 {
		if parent, bad = w.target(content(p.Children[3])); bad != nil {
			return bad
		}
	}
	switch {
	case o.partition || parent == nil:
		return unwilling(0x2112, "the head of a partition stays")
	case len(name) != 1 || !strings.EqualFold(name[0].kind, o.class.rdn) || !parent.class.holds:
		return refuse(ldap.LDAPResultNamingViolation, 0x2099, "NameErr: DSID-031500AC, problem 2005 (NAMING_VIOLATION), data 0")
	case !w.may(o, writeProp, nil):
		return accessDenied()
	case parent != o.parent && !(w.system || w.token.mayDelete(o) && w.token.allows(parent, createChild, o.class)):
		return accessDenied()
	case parent.within(o):
		return unwilling(0x2112, "an object cannot be moved below itself")
	case parent.context() != o.context():
		return refuse(ldap.LDAPResultAffectsMultipleDSAs, 0x2079, "UpdErr: DSID-031A0F78, problem 6006 (AFFECTS_MULTIPLE_DSAS), data 0")
	}
	if bad := checkRDN(name[0].value); bad != nil {
		return bad
	}
	if holder := parent.children[fold(name[0].value)]; holder != nil && holder != o {
		return entryExists(0x2071)
	}
	w.move(o, parent, name[0].value)
	return nil
}

func (d *domain) move(o, parent *object, value string) {
	o.detach()
	o.name.value = value
	o.attach(parent)
	d.touch(o)
}

// delete turns an object, or a whole tree, into tombstones (MS-ADTS 3.1.1.5.5).
func (w writer) delete(name string, tree bool) *result {
	o, bad := w.target(name)
	if bad != nil {
		return bad
	}
	switch {
	case o.partition || o.name.value == "Deleted Objects":
		return unwilling(0x2077, "the object cannot be deleted")
	case len(o.children) > 0 && !tree:
		return refuse(ldap.LDAPResultNotAllowedOnNonLeaf, 0x2015, "UpdErr: DSID-031A1268, problem 6003 (CANT_ON_NON_LEAF), data 0")
	case tree && !w.may(o, deleteTree, nil):
		return accessDenied()
	case !w.system && !tree && !w.token.mayDelete(o):
		return accessDenied()
	}
	w.bury(o)
	return nil
}

func (d *domain) bury(o *object) {
	for _, c := range o.children {
		d.bury(c)
	}
	lastParent := o.parent.dn()
	if d.recycleBin {
		o.binned = &binned{members: slices.Collect(o.members.objects()), memberOf: slices.Collect(o.memberOf.objects())}
	} else {
		maps.DeleteFunc(o.values, func(a *attribute, _ [][]byte) bool { return !a.kept })
	}
	// The links from and to the object disappear. The groups that it was in get no new
	// update sequence number.
	o.unlink()
	o.deleted = true
	o.set("lastKnownParent", lastParent)
	d.move(o, d.deleted, fmt.Sprintf("%s\nDEL:%s", o.name.value, o.guid))
}
