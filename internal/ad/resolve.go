package ad

import (
	"context"
	"errors"
	"slices"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

const (
	attrConsistencyGUID = "mS-DS-ConsistencyGuid"
	// scanBatch is larger than batchSize because mS-DS-ConsistencyGuid is not indexed:
	// each search walks through the whole domain, however long its filter.
	scanBatch = 500
	// maxFailures is how many lookups may fail before no more are sent. Each of them
	// has already been tried several times.
	maxFailures = 2
	// groupTypeResource is the bit of domain-local groups, which a universal group
	// cannot contain.
	groupTypeResource = 4
)

// judge returns the reason why a member is not written, if it is known without asking
// the directory. It returns ReasonUnresolved if the directory has to be asked.
func judge(m directory.SourceMember) directory.Reason {
	switch {
	case m.Kind == directory.KindOther:
		return directory.ReasonNoAccount
	case !m.Readable:
		return directory.ReasonLimited
	case m.Synced || m.SID != "": // a member with a SID was synced once, and its account may still exist
		return directory.ReasonUnresolved
	case m.Kind == directory.KindGroup:
		return directory.ReasonGroup
	case m.Guest:
		return directory.ReasonGuest
	}
	return directory.ReasonCloudOnly
}

// choose decides among the objects found for one member.
func choose(kind directory.MemberKind, found []candidate) (directory.MemberRef, directory.Reason) {
	switch {
	case len(found) == 0:
		return directory.MemberRef{}, directory.ReasonNotFound
	case len(found) > 1:
		return directory.MemberRef{}, directory.ReasonAmbiguous
	case found[0].critical():
		return directory.MemberRef{}, directory.ReasonSystemObject
	case !fits(kind, found[0]):
		return directory.MemberRef{}, directory.ReasonWrongClass
	}
	return found[0].ref, directory.ReasonJoined
}

// firstRID is the first RID that a domain assigns to accounts created by people.
const firstRID = 1000

// critical reports whether the directory itself needs the object, as it does krbtgt and
// Administrator. No synchronization copies these to the tenant, so if a member has such
// a SID, somebody gave it that SID.
func (c candidate) critical() bool {
	return c.system || c.ref.SID != "" && c.ref.SID.RID() < firstRID
}

// fits reports whether the object's class may stand for the member. The class computer
// is derived from user, so it has to be excluded.
func fits(kind directory.MemberKind, c candidate) bool {
	is := func(class string) bool {
		return slices.ContainsFunc(c.classes, func(s string) bool { return strings.EqualFold(s, class) })
	}
	if kind == directory.KindGroup {
		return is("group") && c.groupType&groupTypeResource == 0
	}
	return (is("user") || is("inetOrgPerson")) && !is("computer")
}

// question is a member to look up, with the answer so far.
type question struct {
	kind      directory.MemberKind
	sid       directory.SID
	immutable []byte
	ref       directory.MemberRef
	reason    directory.Reason
	settled   bool
}

// answer records the objects that a lookup found. A member that was not found stays
// open for the next lookup.
func (q *question) answer(found []candidate) {
	q.ref, q.reason = choose(q.kind, found)
	q.settled = q.reason != directory.ReasonNotFound
}

// leave settles the question with a reason instead of an object.
func (q *question) leave(reason directory.Reason) {
	q.reason, q.settled = reason, true
}

// Resolve implements contract.TargetReader.
func (t *target) Resolve(ctx context.Context, members []directory.SourceMember) ([]contract.Resolution, error) {
	return t.resolve(ctx, members, false)
}

// ResolveRest implements contract.TargetReader.
func (t *target) ResolveRest(ctx context.Context, members []directory.SourceMember) ([]contract.Resolution, error) {
	return t.resolve(ctx, members, true)
}

// resolve finds members with the searches that an index answers, or with the others.
func (t *target) resolve(ctx context.Context, members []directory.SourceMember, rest bool) ([]contract.Resolution, error) {
	resolutions := make([]contract.Resolution, len(members))
	questions := make([]*question, len(members))
	var open []*question
	for i, m := range members {
		resolutions[i] = contract.Resolution{MemberID: m.ID, Reason: judge(m)}
		if resolutions[i].Reason == directory.ReasonUnresolved {
			questions[i] = &question{kind: m.Kind, sid: m.SID, immutable: m.Immutable(), reason: directory.ReasonNotFound}
			open = append(open, questions[i])
		}
	}
	known, err := t.knownForest(ctx, open)
	if err != nil {
		return nil, err
	}
	if err := resolve(ctx, open, known, rest, t.lookup); err != nil {
		return nil, t.readError(ctx, t.root.baseDN, err)
	}
	for i, q := range questions {
		if q != nil {
			resolutions[i].Ref, resolutions[i].Reason = q.ref, q.reason
		}
	}
	return resolutions, nil
}

// join is one way to find the objects of members: which value of the member to search
// for, in which attribute, and where.
type join struct {
	in        place
	attribute string
	batch     int
	value     func(*question) []byte
	applies   func(*question) bool
}

// joins returns the ways to find members in the forest, in the order in which to try
// them: first those that an index answers, and then the rest.
func joins(f forest) (indexed, rest []join) {
	sid := func(q *question) []byte { return q.sid.AD() }
	immutable := func(q *question) []byte { return q.immutable }

	local := func(q *question) bool { return q.sid.Domain() == f.own }
	elsewhere := func(q *question) bool { return !local(q) && f.mayHold(q.sid) }
	// An account of another forest does not join, whatever its immutable id says.
	ours := func(q *question) bool { return q.sid == "" || f.knows(q.sid) }
	oursElsewhere := func(q *question) bool { return ours(q) && f.several() && !local(q) }

	indexed = []join{
		{inDomain, attrSID, batchSize, sid, local},
		{inForest, attrSID, batchSize, sid, elsewhere},
		{inDomain, attrGUID, batchSize, immutable, ours},
	}
	// The account of another domain is looked for last, though an index answers that,
	// because one of this domain comes first.
	return indexed, []join{
		{inDomain, attrConsistencyGUID, scanBatch, immutable, ours},
		{inForest, attrGUID, batchSize, immutable, oursElsewhere},
	}
}

// mayAnswer reports whether the join may still answer the question.
func (j join) mayAnswer(q *question) bool {
	return !q.settled && j.value(q) != nil && j.applies(q)
}

// resolve answers the questions in as few lookups as possible, with the rest of the
// joins or with those before. A question that only the rest may still answer gets
// ReasonUnresolved. A lookup that fails leaves its questions with a reason that says so;
// the error is set only if no further lookup can succeed.
func resolve(ctx context.Context, questions []*question, f forest, rest bool, find lookup) error {
	r := resolver{find: find, failures: map[place]int{}}
	now, later := joins(f)
	if rest {
		now, later = later, nil
	}
	for _, j := range now {
		var open []*question
		for _, q := range questions {
			if j.mayAnswer(q) {
				open = append(open, q)
			}
		}
		for batch := range slices.Chunk(open, j.batch) {
			if err := r.ask(ctx, j, batch); err != nil {
				return err
			}
		}
	}
	for _, q := range questions {
		switch {
		case slices.ContainsFunc(later, func(j join) bool { return j.mayAnswer(q) }):
			q.reason = directory.ReasonUnresolved
		case !q.settled && q.sid != "" && !f.mayHold(q.sid):
			q.reason = directory.ReasonOtherForest
		}
	}
	return nil
}

// resolver looks up members and counts the lookups that fail.
type resolver struct {
	find     lookup
	failures map[place]int
}

// ask answers a batch of questions with one lookup.
func (r *resolver) ask(ctx context.Context, j join, batch []*question) error {
	found, err := r.look(ctx, j, batch)
	if err != nil && (ctx.Err() != nil || j.in == inDomain && gone(err)) {
		return err
	}
	for _, q := range batch {
		switch {
		case err == nil:
			q.answer(found[string(j.value(q))])
		case j.in == inForest:
			q.leave(directory.ReasonGCUnavailable)
		default:
			q.leave(directory.ReasonLookupFailed)
		}
	}
	return nil
}

// look sends the lookup, unless so many have failed in that place that this one would
// fail too.
func (r *resolver) look(ctx context.Context, j join, batch []*question) (map[string][]candidate, error) {
	if r.failures[j.in] >= maxFailures {
		return nil, errGivenUp
	}
	found, err := r.find(ctx, j.in, j.attribute, valuesOf(batch, j.value))
	if err != nil {
		r.failures[j.in]++
	}
	return found, err
}

// gone reports whether no further lookup can succeed after this error.
func gone(err error) bool {
	var e *contract.Error
	return errors.As(err, &e) || errors.Is(err, errClosed)
}
