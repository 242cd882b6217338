package ad

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// edit is what a request does with values of member.
type edit int

const (
	adding edit = iota
	removing
)

// ChangeMembers implements contract.TargetWriter.
func (t *writer) ChangeMembers(ctx context.Context, group directory.GUID, add, remove []directory.MemberRef) ([]contract.Refusal, error) {
	added, err := t.changeMembers(ctx, group, adding, distinct(add))
	if err != nil && !contract.HasID(err, "WriteRefused") {
		return t.explain(ctx, added, nil), err
	}
	// A refused addition must not prevent the removals.
	removed, removeErr := t.changeMembers(ctx, group, removing, distinct(remove))
	if err == nil {
		err = removeErr
	}
	return t.explain(ctx, added, removed), err
}

// changeMembers changes the values chunk by chunk and returns those that the server
// refuses.
func (t *writer) changeMembers(ctx context.Context, group directory.GUID, e edit, refs []directory.MemberRef) ([]culprit, error) {
	var culprits []culprit
	for chunk := range slices.Chunk(refs, memberChunk) {
		refused, err := t.changeChunk(ctx, group, e, chunk)
		culprits = append(culprits, refused...)
		if err != nil {
			return culprits, err
		}
	}
	return culprits, nil
}

// changeChunk changes the values in one request, and looks for the culprits if the
// server refuses it.
func (t *writer) changeChunk(ctx context.Context, group directory.GUID, e edit, chunk []directory.MemberRef) ([]culprit, error) {
	refused, err := t.sendValues(ctx, group, e, t.memberValues(chunk))
	if !refused {
		return nil, err
	}
	dn, lookErr := t.groupDN(ctx, group, err)
	if lookErr != nil {
		return nil, lookErr
	}
	if e == adding {
		return t.addSingly(ctx, group, dn, chunk, err)
	}
	return t.removeSingly(ctx, group, dn, chunk)
}

// addSingly adds the values of a refused request, down to those that the server refuses
// alone. The refusal may be about values that are already there, if the server supports
// permissive modify only for other attributes (Samba), or about objects that are gone.
func (t *writer) addSingly(ctx context.Context, group directory.GUID, dn string, chunk []directory.MemberRef, refusal error) ([]culprit, error) {
	open, err := t.nonMembers(ctx, group, dn, chunk)
	if err != nil {
		return nil, err
	}
	open, gone, err := t.present(ctx, open, refusal)
	if err != nil {
		return nil, err
	}
	culprits, err := halve(open, func(part []directory.MemberRef) (bool, error) {
		return t.sendValues(ctx, group, adding, t.memberValues(part))
	})
	return append(gone, culprits...), t.aboutGroup(dn, err)
}

// removeSingly removes the values of a refused request, down to those that the server
// refuses alone. The refusal may be about values that are already gone, or about names
// that have changed: a server may know a value only by the current name of its object.
func (t *writer) removeSingly(ctx context.Context, group directory.GUID, dn string, chunk []directory.MemberRef) ([]culprit, error) {
	open, err := t.members(ctx, group, dn, chunk)
	if err != nil {
		return nil, err
	}
	if open, err = t.named(ctx, open); err != nil {
		return nil, err
	}
	culprits, err := halve(open, func(part []directory.MemberRef) (bool, error) {
		return t.sendValues(ctx, group, removing, dnValues(part))
	})
	return culprits, t.aboutGroup(dn, err)
}

// aboutGroup translates a refusal of the whole group, and returns other errors
// unchanged.
func (t *target) aboutGroup(dn string, err error) error {
	var whole *refusedWhole
	if !errors.As(err, &whole) {
		return err
	}
	return writeRefused(dn, fmt.Sprintf("%s rejected %s and accepted none, so the cause is the group. The remaining members were not tried.", t.server.host,
		directory.Plural(whole.tried, "1 member", "%d members one by one")),
		"The cause names the rule. Check the group in Active Directory.", whole.err)
}

// present separates the objects that the domain still has, or that belong to other
// domains, from those that are gone. A single missing object would fail the whole
// request.
func (t *target) present(ctx context.Context, refs []directory.MemberRef, refusal error) (there []directory.MemberRef, gone []culprit, err error) {
	for batch := range slices.Chunk(refs, batchSize) {
		found, err := t.lookup(ctx, inDomain, attrGUID, valuesOf(batch, guidValue))
		if err != nil {
			return nil, nil, t.readError(ctx, t.root.baseDN, err)
		}
		for _, r := range batch {
			if len(found[string(guidValue(r))]) == 0 && t.local(r) {
				gone = append(gone, culprit{ref: r, err: refusal, gone: true})
			} else {
				there = append(there, r)
			}
		}
	}
	return there, gone, nil
}

// sendValues sends one request. refused reports whether the error may be about single
// values.
func (t *writer) sendValues(ctx context.Context, group directory.GUID, e edit, values []string) (refused bool, err error) {
	request := ldap.NewModifyRequest(byGUID(group), permissive())
	if e == adding {
		request.Add(attrMember, values)
	} else {
		request.Delete(attrMember, values)
	}
	err = t.write(ctx, group.String(), func(l *ldap.Conn) error { return l.Modify(request) }, nil)
	return refusesValues(err), t.refused(ctx, group.String(), byGUID(group), "write the group's attribute member", err)
}

// distinct returns each member once. A duplicate value fails the request.
func distinct(refs []directory.MemberRef) []directory.MemberRef {
	seen := make(map[directory.GUID]bool, len(refs))
	var once []directory.MemberRef
	for _, r := range refs {
		if !seen[r.GUID] {
			seen[r.GUID] = true
			once = append(once, r)
		}
	}
	return once
}

// local reports whether the object belongs to our domain, as far as its name tells.
func (t *target) local(ref directory.MemberRef) bool {
	if ref.DN == "" {
		return true
	}
	dn, err := directory.ParseDN(ref.DN)
	return err == nil && t.root.holds(dn)
}

// memberValues returns the values to add or remove. Objects of our domain are named by
// GUID, because a name that was read some time ago may belong to another object by now.
// Objects of other domains are named by DN, because this server may not know their
// GUIDs.
func (t *target) memberValues(refs []directory.MemberRef) []string {
	values := make([]string, len(refs))
	for i, r := range refs {
		if t.local(r) {
			values[i] = byGUID(r.GUID)
		} else {
			values[i] = r.DN
		}
	}
	return values
}

// dnValues returns the values as a server returns them: by DN, or by GUID if the DN is
// not known.
func dnValues(refs []directory.MemberRef) []string {
	values := make([]string, len(refs))
	for i, r := range refs {
		values[i] = r.DN
		if r.DN == "" {
			values[i] = byGUID(r.GUID)
		}
	}
	return values
}

// named fills in the members' current names. A member that this domain does not have,
// or does not show, keeps its name unless another object has that name now.
func (t *target) named(ctx context.Context, refs []directory.MemberRef) ([]directory.MemberRef, error) {
	filled := slices.Clone(refs)
	for batch := range slices.Chunk(filled, batchSize) {
		var unknown []*directory.MemberRef
		found, err := t.lookup(ctx, inDomain, attrGUID, valuesOf(batch, guidValue))
		if err != nil {
			return nil, t.readError(ctx, t.root.baseDN, err)
		}
		for i := range batch {
			r := &batch[i]
			if objects := found[string(guidValue(*r))]; len(objects) == 1 {
				r.DN = objects[0].ref.DN
			} else if r.DN != "" && t.local(*r) {
				unknown = append(unknown, r)
			}
		}
		if len(unknown) == 0 {
			continue
		}
		entries, err := t.pool.find(ctx, query{
			base: t.root.baseDN, scope: ldap.ScopeWholeSubtree, attributes: []string{"1.1"},
			filter: anyOf("distinguishedName", valuesOf(unknown, func(r *directory.MemberRef) string { return r.DN })),
		})
		if err != nil {
			return nil, t.readError(ctx, t.root.baseDN, err)
		}
		for _, r := range unknown {
			if slices.ContainsFunc(entries, func(e *ldap.Entry) bool { return sameDN(e.DN, r.DN) }) {
				r.DN = ""
			}
		}
	}
	return filled, nil
}

func guidValue(r directory.MemberRef) []byte { return r.GUID.AD() }

func valuesOf[R any, V any](refs []R, value func(R) V) []V {
	values := make([]V, len(refs))
	for i, r := range refs {
		values[i] = value(r)
	}
	return values
}

func sameDN(a, b string) bool {
	x, errX := directory.ParseDN(a)
	y, errY := directory.ParseDN(b)
	return errX == nil && errY == nil && x.Equal(y)
}
