package ad

import (
	"context"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/directory"
)

const (
	attrMemberOf = "memberOf"
	// checkChunk is the number of names in the filter of a check.
	checkChunk = 200
)

// CheckMembers implements engine.TargetReader.
func (t *target) CheckMembers(ctx context.Context, group directory.GUID, wanted, unwanted []directory.MemberRef) (missing, lingering []directory.GUID, err error) {
	dn, err := t.dnOf(ctx, group)
	if err != nil {
		return nil, nil, err
	}
	if dn == "" {
		return nil, nil, groupNotFound(group.String(), nil)
	}
	absent, err := t.deviating(ctx, group, dn, distinct(wanted), true)
	if err != nil {
		return nil, nil, err
	}
	present, err := t.deviating(ctx, group, dn, distinct(unwanted), false)
	if err != nil {
		return nil, nil, err
	}
	return keys(absent), keys(present), nil
}

// deviating returns those of the objects that are, against expectation, no
// members of the group (expected true) or members of it (false).
//
// The back link of the objects tells first, in one search for each batch and
// by index; but only that an object is a member, since the account need not be
// allowed to read the back link. The others are asked of the group itself:
// whether all of a chunk are there, or none, halving only where that is not so.
func (t *target) deviating(ctx context.Context, group directory.GUID, dn string, refs []directory.MemberRef, expected bool) ([]directory.MemberRef, error) {
	linked, err := t.linkedTo(ctx, dn, refs)
	if err != nil {
		return nil, err
	}
	var deviating, open []directory.MemberRef
	for _, r := range refs {
		switch {
		case !linked[r.GUID]:
			open = append(open, r)
		case !expected:
			deviating = append(deviating, r)
		}
	}
	// Since the values were written the objects may have been renamed.
	if open, err = t.named(ctx, open); err != nil {
		return nil, err
	}
	join := or
	if expected {
		join = and
	}
	for chunk := range slices.Chunk(open, checkChunk) {
		found, err := deviations(chunk, func(part []directory.MemberRef) (bool, error) {
			items := make([]string, len(part))
			for i, value := range dnValues(part) {
				items[i] = equals(attrMember, value)
			}
			e, err := t.pool.read(ctx, query{base: byGUID(group), filter: join(items...), attributes: []string{"1.1"}})
			if err != nil {
				return false, t.readError(ctx, dn, err)
			}
			return (e != nil) == expected, nil
		})
		if err != nil {
			return nil, err
		}
		deviating = append(deviating, found...)
	}
	return deviating, nil
}

// linkedTo returns which of the objects have a back link to the group.
func (t *target) linkedTo(ctx context.Context, dn string, refs []directory.MemberRef) (map[directory.GUID]bool, error) {
	linked := make(map[directory.GUID]bool, len(refs))
	for batch := range slices.Chunk(refs, batchSize) {
		values := make([][]byte, len(batch))
		for i, r := range batch {
			values[i] = r.GUID.AD()
		}
		entries, err := t.pool.find(ctx, query{
			base: t.root.baseDN, scope: ldap.ScopeWholeSubtree,
			filter: and(anyOf(attrGUID, values), equals(attrMemberOf, dn)), attributes: []string{attrGUID},
		})
		if err != nil {
			return nil, t.readError(ctx, dn, err)
		}
		for _, e := range entries {
			guid, err := directory.GUIDFromAD(e.GetRawAttributeValue(attrGUID))
			if err != nil {
				return nil, t.readError(ctx, e.DN, &incompleteError{err.Error()})
			}
			linked[guid] = true
		}
	}
	return linked, nil
}

// deviations returns the members for which asExpected, asked about them alone,
// is false; asked about several it says whether it is true for all.
func deviations(refs []directory.MemberRef, asExpected func([]directory.MemberRef) (bool, error)) ([]directory.MemberRef, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	ok, err := asExpected(refs)
	if ok || err != nil {
		return nil, err
	}
	if len(refs) == 1 {
		return refs, nil
	}
	left, err := deviations(refs[:len(refs)/2], asExpected)
	if err != nil {
		return nil, err
	}
	right, err := deviations(refs[len(refs)/2:], asExpected)
	return slices.Concat(left, right), err
}

func keys(refs []directory.MemberRef) []directory.GUID {
	var guids []directory.GUID
	for _, r := range refs {
		guids = append(guids, r.GUID)
	}
	return guids
}
