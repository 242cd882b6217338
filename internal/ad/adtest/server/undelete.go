package server

import (
	"maps"

	"github.com/go-ldap/ldap/v3"
)

// reanimateTombstones is the right to restore what was deleted (MS-ADTS 5.1.3.2.1).
var reanimateTombstones, _ = parseGUID("45ec5156-db7e-47bb-b53f-dbeb2d03c40f")

// binned is what the recycle bin keeps of the links of a deleted object.
type binned struct{ members, memberOf []*object }

// Recycle makes a deleted object one that cannot be restored, as a domain controller with
// the recycle bin does after the lifetime of deleted objects.
func (s *Server) Recycle(dn string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, bad := s.domain.find(dn)
	if bad != nil {
		return bad
	}
	maps.DeleteFunc(o.values, func(a *attribute, _ [][]byte) bool { return !a.kept })
	o.binned = nil
	o.set("isRecycled", "TRUE")
	s.domain.touch(o)
	return nil
}

// reanimate restores a deleted object (MS-ADTS 3.1.1.5.3.7): from the recycle bin with
// everything, otherwise with the values that tombstones keep, without members and
// memberships.
func (w writer) reanimate(o *object, dn string) *result {
	if !w.token.controls(w.head, reanimateTombstones) || !w.token.sees(o) {
		return accessDenied()
	}
	if o.text("isRecycled") == "TRUE" {
		return unwilling(0x2077, "the object is recycled")
	}
	name, bad := parseName(dn)
	if bad != nil {
		return bad
	}
	if len(name) < 2 {
		return badName(dn)
	}
	parent, bad := w.walk(name[1:])
	switch {
	case bad != nil:
		return bad
	case parent.deleted || !parent.class.holds:
		return refuse(ldap.LDAPResultNamingViolation, 0x2099, "NameErr: DSID-031500AC, problem 2005 (NAMING_VIOLATION), data 0")
	case !w.token.allows(parent, createChild, o.class):
		return accessDenied()
	case parent.children[fold(name[0].value)] != nil:
		return entryExists(0x2071)
	}
	if account := o.text("sAMAccountName"); account != "" && w.named(account) != nil {
		return entryExists(0x524)
	}
	o.deleted = false
	o.set("lastKnownParent")
	w.move(o, parent, name[0].value)
	w.relink(o)
	return nil
}

// relink brings back the links that the recycle bin has kept. One to an object that is
// still deleted comes back with that object.
func (d *domain) relink(o *object) {
	if o.binned == nil {
		return
	}
	for _, m := range o.binned.members {
		if m.deleted {
			if m.binned != nil {
				m.binned.memberOf = append(m.binned.memberOf, o)
			}
			continue
		}
		o.addMembers(m)
	}
	for _, group := range o.binned.memberOf {
		if group.deleted {
			if group.binned != nil {
				group.binned.members = append(group.binned.members, o)
			}
			continue
		}
		group.addMembers(o)
	}
	o.binned = nil
}
