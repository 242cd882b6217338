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

// CheckMembers implements contract.TargetReader.
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
// allowed to read the back link, and objects of other domains are not seen
// here. The others are asked of the group itself.
func (t *target) deviating(ctx context.Context, group directory.GUID, dn string, refs []directory.MemberRef, expected bool) ([]directory.MemberRef, error) {
	member, err := t.linkedTo(ctx, dn, refs)
	if err != nil {
		return nil, err
	}
	var open []directory.MemberRef
	for _, r := range refs {
		if !member[r.GUID] {
			open = append(open, r)
		}
	}
	// Since the values were written the objects may have been renamed.
	if open, err = t.named(ctx, open); err != nil {
		return nil, err
	}
	for chunk := range slices.Chunk(open, checkChunk) {
		found, err := among(chunk, func(part []directory.MemberRef, join func(...string) string) (bool, error) {
			items := make([]string, len(part))
			for i, value := range dnValues(part) {
				items[i] = equals(attrMember, value)
			}
			e, err := t.pool.read(ctx, query{base: byGUID(group), filter: join(items...), attributes: []string{"1.1"}})
			if err != nil {
				return false, t.readError(ctx, dn, err)
			}
			return e != nil, nil
		})
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			member[r.GUID] = true
		}
	}
	var deviating []directory.MemberRef
	for _, r := range refs {
		if member[r.GUID] != expected {
			deviating = append(deviating, r)
		}
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

// among returns which of the objects are members, where holds answers for
// several at once whether one of them is (or) or all are (and). Nearly always
// none is, or all are; only else they are halved.
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
