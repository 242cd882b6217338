package ad

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// ChangeMembers implements contract.TargetWriter.
func (t *target) ChangeMembers(ctx context.Context, group directory.GUID, add, remove []directory.MemberRef) ([]contract.Refusal, error) {
	added, err := t.changeChunks(ctx, group, distinct(add), true)
	if err != nil && !contract.HasID(err, "WriteRefused") {
		return t.explain(ctx, added, nil), err
	}
	// What is refused to be added is no reason to keep those who are to go.
	removed, removeErr := t.changeChunks(ctx, group, distinct(remove), false)
	if err == nil {
		err = removeErr
	}
	return t.explain(ctx, added, removed), err
}

// changeChunks adds or removes all values, chunk by chunk, and returns those
// that the server refuses.
func (t *target) changeChunks(ctx context.Context, group directory.GUID, refs []directory.MemberRef, add bool) ([]culprit, error) {
	var culprits []culprit
	for chunk := range slices.Chunk(refs, memberChunk) {
		refused, err := t.changeChunk(ctx, group, chunk, add)
		culprits = append(culprits, refused...)
		if err != nil {
			return culprits, err
		}
	}
	return culprits, nil
}

func (t *target) changeChunk(ctx context.Context, group directory.GUID, chunk []directory.MemberRef, add bool) ([]culprit, error) {
	refused, err := t.changeValues(ctx, group, t.memberValues(chunk), add)
	if !refused {
		return nil, err
	}
	// The refusal may be about the group itself; or about values that are as
	// they should be already, where the server knows permissive modify for
	// other attributes only (Samba); or about names that have changed.
	dn, lookErr := t.dnOf(ctx, group)
	if lookErr != nil {
		return nil, lookErr
	}
	if dn == "" {
		return nil, groupNotFound(group.String(), err)
	}
	open, lookErr := t.deviating(ctx, group, dn, chunk, add)
	if lookErr != nil {
		return nil, lookErr
	}
	values := t.memberValues
	var gone []culprit
	if add {
		if open, gone, lookErr = t.present(ctx, open, err); lookErr != nil {
			return nil, lookErr
		}
	} else {
		// By name now: a server may know a value only by that.
		values = dnValues
		if open, lookErr = t.named(ctx, open); lookErr != nil {
			return nil, lookErr
		}
	}
	culprits, err := halve(open, func(part []directory.MemberRef) (bool, error) {
		return t.changeValues(ctx, group, values(part), add)
	})
	if whole := (*refusedWhole)(nil); errors.As(err, &whole) {
		err = &contract.Error{
			Category: contract.InvalidData, ID: "WriteRefused", Object: dn,
			Message: fmt.Sprintf("%s refused %s and took none, so the refusal is about the group. The others were not tried.", t.server.host,
				directory.Plural(whole.tried, "1 member", "%d members one after the other")),
			Advice: "The cause names the rule; look at the group in Active Directory.", Err: whole.err,
		}
	}
	return append(gone, culprits...), err
}

// present parts those that the domain still has, or that are of other domains,
// from those that are gone, each of which would fail the whole.
func (t *target) present(ctx context.Context, refs []directory.MemberRef, refusal error) (there []directory.MemberRef, gone []culprit, err error) {
	for batch := range slices.Chunk(refs, batchSize) {
		found, err := t.lookup(ctx, inDomain, attrGUID, valuesOf(batch, func(r directory.MemberRef) []byte { return r.GUID.AD() }))
		if err != nil {
			return nil, nil, t.readError(ctx, t.root.baseDN, err)
		}
		for _, r := range batch {
			if len(found[string(r.GUID.AD())]) == 0 && t.local(r) {
				gone = append(gone, culprit{ref: r, err: refusal, gone: true})
			} else {
				there = append(there, r)
			}
		}
	}
	return there, gone, nil
}

// changeValues sends one request. refused says that the error may be about
// single values.
func (t *target) changeValues(ctx context.Context, group directory.GUID, values []string, add bool) (refused bool, err error) {
	request := ldap.NewModifyRequest(byGUID(group), permissive())
	if add {
		request.Add(attrMember, values)
	} else {
		request.Delete(attrMember, values)
	}
	err = t.write(ctx, group.String(), func(l *ldap.Conn) error { return l.Modify(request) }, nil)
	return refusesValues(err), t.refused(ctx, group.String(), byGUID(group), "write the attribute member of the group", err)
}

// culprit is a value that the server refuses by itself.
type culprit struct {
	ref  directory.MemberRef
	err  error
	gone bool // the domain does not have it any more
}

// fewRefusals is how many values are refused, and none taken, before some of the
// others are tried, and then the group itself is held to be refused.
const fewRefusals = 10

// refusedWhole is a refusal that is about the group and not about single values.
type refusedWhole struct {
	tried int
	err   error
}

func (e *refusedWhole) Error() string { return e.err.Error() }

// halve applies a change to the values; where it is refused, to either half,
// down to the values that are refused alone. apply says whether an error is a
// refusal; any other ends the whole, as does [refusedWhole]: when a few values
// were refused and none was taken, and the same becomes of some that are spread
// among those that are left.
func halve(refs []directory.MemberRef, apply func([]directory.MemberRef) (refused bool, err error)) ([]culprit, error) {
	refusals := map[directory.GUID]error{}
	taken := false                         // any
	parts := [][]directory.MemberRef{refs} // those to do, the next one last
	try := func(part []directory.MemberRef) (refused bool, err error) {
		refused, err = apply(part)
		switch {
		case err == nil:
			taken = true
		case refused && len(part) == 1:
			refusals[part[0].GUID] = err
		}
		return refused, err
	}
	culprits := func() (all []culprit) {
		for _, r := range refs {
			if err := refusals[r.GUID]; err != nil {
				all = append(all, culprit{ref: r, err: err})
			}
		}
		return all
	}
	for len(parts) > 0 {
		part := parts[len(parts)-1]
		parts = parts[:len(parts)-1]
		if len(part) == 0 {
			continue
		}
		refused, err := try(part)
		switch {
		case err == nil:
			continue
		case !refused:
			return culprits(), err
		case len(part) > 1:
			parts = append(parts, part[len(part)/2:], part[:len(part)/2])
			continue
		case taken || len(refusals) < fewRefusals:
			continue
		}
		slices.Reverse(parts)
		left := slices.Concat(parts...)
		var untried []directory.MemberRef
		for i, r := range left {
			// Evenly spread, the last one among them.
			sample := !taken && (i+1)*fewRefusals/len(left) > i*fewRefusals/len(left)
			if !sample {
				untried = append(untried, r)
			} else if refused, err := try(left[i : i+1]); err != nil && !refused {
				return culprits(), err
			}
		}
		if !taken && len(untried) > 0 {
			return nil, &refusedWhole{tried: len(refusals), err: err}
		}
		parts = [][]directory.MemberRef{untried}
	}
	return culprits(), nil
}

// refusesValues reports whether the answer may be about single values.
func refusesValues(err error) bool {
	return ldap.IsErrorAnyOf(err,
		ldap.LDAPResultNoSuchObject, ldap.LDAPResultNoSuchAttribute, ldap.LDAPResultConstraintViolation,
		ldap.LDAPResultAttributeOrValueExists, ldap.LDAPResultEntryAlreadyExists, ldap.LDAPResultInvalidDNSyntax, ldap.LDAPResultInvalidAttributeSyntax,
		ldap.LDAPResultUnwillingToPerform)
}

// explain turns culprits into refusals; a value to add whose object is gone is
// not found, which the resolve step will find too.
func (t *target) explain(ctx context.Context, added, removed []culprit) []contract.Refusal {
	var refusals []contract.Refusal
	for _, c := range added {
		reason := directory.ReasonWriteRefused
		if c.gone {
			reason = directory.ReasonNotFound
		} else if dn, err := t.dnOf(ctx, c.ref.GUID); err == nil && dn == "" && t.local(c.ref) {
			reason = directory.ReasonNotFound
		}
		refusals = append(refusals, contract.Refusal{GUID: c.ref.GUID, Reason: reason, Err: c.about()})
	}
	for _, c := range removed {
		refusals = append(refusals, contract.Refusal{GUID: c.ref.GUID, Reason: directory.ReasonWriteRefused, Err: c.about()})
	}
	return refusals
}

// about is the error of a value. An object that is missing is the member then:
// the group was looked at when the whole was refused.
func (c *culprit) about() error {
	if !ldap.IsErrorWithCode(c.err, ldap.LDAPResultNoSuchObject) {
		return c.err
	}
	return &contract.Error{
		Category: contract.ObjectNotFound, ID: "MemberRefused", Object: cmp.Or(c.ref.DN, c.ref.GUID.String()),
		Message: "The member does not exist in the directory.",
		Advice:  "Run a sync again: it looks the member up anew.", Err: c.err,
	}
}

// distinct returns the members, each once: a value that is given twice fails
// the request.
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

// local reports whether the object is of our domain, as far as its name tells.
func (t *target) local(ref directory.MemberRef) bool {
	if ref.DN == "" {
		return true
	}
	dn, err := directory.ParseDN(ref.DN)
	return err == nil && t.root.holds(dn)
}

// memberValues are the values to add or to remove: objects of our domain by
// GUID, since a name that was read some time ago may be another's now; those of
// other domains by name, because this server need not know their GUIDs.
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

// dnValues are the values as a server tells them: by name, and by GUID where no
// name is known.
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

// named gives the members their present names. One that this domain does not
// have, or does not show, keeps its name unless that is another object's now.
func (t *target) named(ctx context.Context, refs []directory.MemberRef) ([]directory.MemberRef, error) {
	filled := slices.Clone(refs)
	for batch := range slices.Chunk(filled, batchSize) {
		var unknown []*directory.MemberRef
		found, err := t.lookup(ctx, inDomain, attrGUID, valuesOf(batch, func(r directory.MemberRef) []byte { return r.GUID.AD() }))
		if err != nil {
			return nil, t.readError(ctx, t.root.baseDN, err)
		}
		for i := range batch {
			r := &batch[i]
			if objects := found[string(r.GUID.AD())]; len(objects) == 1 {
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
