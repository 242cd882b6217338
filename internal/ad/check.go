package ad

import (
	"context"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/directory"
)

const (
	attrMemberOf = "memberOf"
	// checkChunk is the number of names in the filter of one check.
	checkChunk = 200
)

// CheckMembers implements contract.TargetReader.
func (t *target) CheckMembers(ctx context.Context, group directory.GUID, wanted, unwanted []directory.MemberRef) (missing, lingering []directory.GUID, err error) {
	dn, err := t.groupDN(ctx, group, nil)
	if err != nil {
		return nil, nil, err
	}
	absent, err := t.nonMembers(ctx, group, dn, distinct(wanted))
	if err != nil {
		return nil, nil, err
	}
	present, err := t.members(ctx, group, dn, distinct(unwanted))
	if err != nil {
		return nil, nil, err
	}
	return keys(absent), keys(present), nil
}

// members returns the objects that are members of the group.
func (t *target) members(ctx context.Context, group directory.GUID, dn string, refs []directory.MemberRef) ([]directory.MemberRef, error) {
	is, err := t.membership(ctx, group, dn, refs)
	if err != nil {
		return nil, err
	}
	return filter(refs, func(r directory.MemberRef) bool { return is[r.GUID] }), nil
}

// nonMembers returns the objects that are not members of the group.
func (t *target) nonMembers(ctx context.Context, group directory.GUID, dn string, refs []directory.MemberRef) ([]directory.MemberRef, error) {
	is, err := t.membership(ctx, group, dn, refs)
	if err != nil {
		return nil, err
	}
	return filter(refs, func(r directory.MemberRef) bool { return !is[r.GUID] }), nil
}

func filter(refs []directory.MemberRef, keep func(directory.MemberRef) bool) []directory.MemberRef {
	var kept []directory.MemberRef
	for _, r := range refs {
		if keep(r) {
			kept = append(kept, r)
		}
	}
	return kept
}

// membership returns which of the objects are members of the group.
//
// It first looks at the objects' back link, in one indexed search per batch. The back
// link only proves that an object is a member: the account may not be allowed to read
// it, and it does not show objects of other domains. For the remaining objects,
// membership asks the group itself.
func (t *target) membership(ctx context.Context, group directory.GUID, dn string, refs []directory.MemberRef) (map[directory.GUID]bool, error) {
	member, err := t.linkedTo(ctx, dn, refs)
	if err != nil {
		return nil, err
	}
	open := filter(refs, func(r directory.MemberRef) bool { return !member[r.GUID] })
	// The objects may have been renamed since the values were written.
	if open, err = t.named(ctx, open); err != nil {
		return nil, err
	}
	for chunk := range slices.Chunk(open, checkChunk) {
		found, err := among(chunk, func(part []directory.MemberRef, join func(...string) string) (bool, error) {
			return t.hasMembers(ctx, group, dn, dnValues(part), join)
		})
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			member[r.GUID] = true
		}
	}
	return member, nil
}

// hasMembers asks whether the group has one of the values (join is [or]) or all of them
// (join is [and]).
func (t *target) hasMembers(ctx context.Context, group directory.GUID, dn string, values []string, join func(...string) string) (bool, error) {
	items := valuesOf(values, func(value string) string { return equals(attrMember, value) })
	e, err := t.pool.read(ctx, query{base: byGUID(group), filter: join(items...), attributes: []string{"1.1"}})
	if err != nil {
		return false, t.readError(ctx, dn, err)
	}
	return e != nil, nil
}

// linkedTo returns the objects that have a back link to the group.
func (t *target) linkedTo(ctx context.Context, dn string, refs []directory.MemberRef) (map[directory.GUID]bool, error) {
	linked := make(map[directory.GUID]bool, len(refs))
	entries, err := findAny(ctx, t.pool, query{
		base: t.root.baseDN, scope: ldap.ScopeWholeSubtree, filter: equals(attrMemberOf, dn), attributes: []string{attrGUID},
	}, attrGUID, valuesOf(refs, guidValue))
	if err != nil {
		return nil, t.readError(ctx, dn, err)
	}
	for _, e := range entries {
		guid, err := guidOf(e)
		if err != nil {
			return nil, t.readError(ctx, e.DN, err)
		}
		linked[guid] = true
	}
	return linked, nil
}

// among returns which of the objects are members. holds answers for several objects at
// once whether one is a member (or) or all are (and). Usually none or all are; only
// otherwise does among split them in half.
func among(refs []directory.MemberRef, holds func(refs []directory.MemberRef, join func(...string) string) (bool, error)) ([]directory.MemberRef, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	if one, err := holds(refs, or); !one || err != nil {
		return nil, err
	}
	if len(refs) == 1 {
		return refs, nil
	}
	if all, err := holds(refs, and); all || err != nil {
		return refs, err
	}
	left, err := among(refs[:len(refs)/2], holds)
	if err != nil {
		return nil, err
	}
	right, err := among(refs[len(refs)/2:], holds)
	return slices.Concat(left, right), err
}

func keys(refs []directory.MemberRef) []directory.GUID {
	var guids []directory.GUID
	for _, r := range refs {
		guids = append(guids, r.GUID)
	}
	return guids
}
