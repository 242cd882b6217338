package ad

import (
	"cmp"
	"context"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// culprit is a value that the server refuses even when it is sent alone.
type culprit struct {
	ref  directory.MemberRef
	err  error
	gone bool // the domain no longer has the object
}

// fewRefusals is how many values may be refused, with none taken, before a sample of
// the others is tried. If the sample is refused too, the refusal is about the group.
const fewRefusals = 10

// refusedWhole is a refusal that is about the group, not about single values.
type refusedWhole struct {
	tried int
	err   error
}

func (e *refusedWhole) Error() string { return e.err.Error() }

// halve applies a change to the values. If it is refused, halve applies it to each
// half, down to the values that are refused alone. apply reports whether an error is a
// refusal; any other error ends the search. halve returns [refusedWhole] if a few
// values were refused, none was taken, and a sample of the remaining values is refused
// too.
func halve(refs []directory.MemberRef, apply func([]directory.MemberRef) (refused bool, err error)) ([]culprit, error) {
	b := bisection{apply: apply, refusals: map[directory.GUID]error{}}
	b.push(refs)
	for len(b.parts) > 0 {
		part := b.pop()
		refused, err := b.try(part)
		switch {
		case err == nil:
		case !refused:
			return b.culprits(refs), err
		case len(part) > 1:
			b.push(part[len(part)/2:])
			b.push(part[:len(part)/2])
		case !b.taken && len(b.refusals) >= fewRefusals:
			if err := b.sample(); err != nil {
				return b.culprits(refs), err
			}
			if !b.taken && len(b.parts) > 0 {
				return nil, &refusedWhole{tried: len(b.refusals), err: err}
			}
		}
	}
	return b.culprits(refs), nil
}

// bisection is the state of [halve].
type bisection struct {
	apply    func([]directory.MemberRef) (refused bool, err error)
	refusals map[directory.GUID]error
	taken    bool                    // at least one value was taken
	parts    [][]directory.MemberRef // parts still to do, the next one last
}

func (b *bisection) push(part []directory.MemberRef) {
	if len(part) > 0 {
		b.parts = append(b.parts, part)
	}
}

func (b *bisection) pop() []directory.MemberRef {
	part := b.parts[len(b.parts)-1]
	b.parts = b.parts[:len(b.parts)-1]
	return part
}

// try applies the change to a part. An error is either a refusal or ends the search.
func (b *bisection) try(part []directory.MemberRef) (refused bool, err error) {
	refused, err = b.apply(part)
	switch {
	case err == nil:
		b.taken = true
	case refused && len(part) == 1:
		b.refusals[part[0].GUID] = err
	}
	return refused, err
}

// sample tries values spread evenly over the remaining ones, including the last, until
// one is taken. The others remain to be done. An error is never a refusal.
func (b *bisection) sample() error {
	slices.Reverse(b.parts)
	left := slices.Concat(b.parts...)
	var untried []directory.MemberRef
	for i, r := range left {
		if b.taken || (i+1)*fewRefusals/len(left) == i*fewRefusals/len(left) {
			untried = append(untried, r)
		} else if refused, err := b.try(left[i : i+1]); err != nil && !refused {
			return err
		}
	}
	b.parts = nil
	b.push(untried)
	return nil
}

// culprits returns the refused values in the order of refs.
func (b *bisection) culprits(refs []directory.MemberRef) (all []culprit) {
	for _, r := range refs {
		if err := b.refusals[r.GUID]; err != nil {
			all = append(all, culprit{ref: r, err: err})
		}
	}
	return all
}

// refusesValues reports whether the server's answer may be about single values.
func refusesValues(err error) bool {
	return ldap.IsErrorAnyOf(err,
		ldap.LDAPResultNoSuchObject, ldap.LDAPResultNoSuchAttribute, ldap.LDAPResultConstraintViolation,
		ldap.LDAPResultAttributeOrValueExists, ldap.LDAPResultEntryAlreadyExists, ldap.LDAPResultInvalidDNSyntax, ldap.LDAPResultInvalidAttributeSyntax,
		ldap.LDAPResultUnwillingToPerform)
}

// explain turns culprits into refusals. If the object of a value to add is gone, the
// reason is ReasonNotFound, which the next resolve will find as well.
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

// about returns the error for a value. A missing object can only be the member: the
// group was looked at when the whole request was refused.
func (c *culprit) about() error {
	if !ldap.IsErrorWithCode(c.err, ldap.LDAPResultNoSuchObject) {
		return c.err
	}
	return &contract.Error{
		Category: contract.ObjectNotFound, ID: "MemberRefused", Object: cmp.Or(c.ref.DN, c.ref.GUID.String()),
		Message: "The member does not exist in the directory.",
		Advice:  "Start another sync. It looks up the member again.", Err: c.err,
	}
}
