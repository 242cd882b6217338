package server

import "slices"

// links are the values of member. Their order is unrelated to the order in which they
// were written, and is stable while nobody changes them.
type links struct {
	sorted[link]
	// gone are values that were removed but are still visible.
	gone map[*object]bool
}

// link is a value of member, and backLink a value of memberOf.
type (
	link     struct{ *object }
	backLink struct{ *object }
)

func (l link) compare(other link) int { return slices.Compare(l.guid[:], other.guid[:]) }

// compare orders groups as they are stored.
func (l backLink) compare(other backLink) int { return int(l.tag - other.tag) }

func (o *object) hasMember(m *object) bool { return o.members.has(link{m}) }

func (o *object) addMembers(members ...*object) {
	for _, m := range members {
		o.members.put(link{m})
		m.memberOf.put(backLink{o})
	}
}

func (o *object) removeMembers(members ...*object) {
	for _, m := range members {
		o.members.take(link{m})
		m.memberOf.take(backLink{o})
	}
}

// unlink removes the links from and to the object.
func (o *object) unlink() {
	for m := range o.members.objects() {
		m.memberOf.take(backLink{o})
	}
	for group := range o.memberOf.objects() {
		group.members.take(link{o})
	}
	o.members, o.memberOf = links{}, sorted[backLink]{}
}

// linger marks members as removed while they are still visible.
func (o *object) linger(members []*object) {
	if o.members.gone == nil && len(members) > 0 {
		o.members.gone = make(map[*object]bool)
	}
	for _, m := range members {
		o.members.gone[m] = true
	}
}

// finish removes the members that are still visible.
func (o *object) finish() {
	for m := range o.members.gone {
		o.removeMembers(m)
	}
	o.members.gone = nil
}
