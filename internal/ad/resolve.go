package ad

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

const (
	attrConsistencyGUID = "mS-DS-ConsistencyGuid"
	// scanBatch is larger than batchSize because mS-DS-ConsistencyGuid is not
	// indexed: each filter is a walk through the domain, whatever its length.
	scanBatch = 500
	// maxFailures is how many failed lookups show that the next will fail too;
	// each was tried again and again already.
	maxFailures = 2
	// catalogRest is for how long a global catalog that has failed so often is
	// not asked: behind a closed port each try takes until the dialling ends,
	// and a run asks once for every thousand members.
	catalogRest = 5 * time.Minute
	// groupTypeResource is the bit of domain-local groups, which a universal
	// group cannot hold.
	groupTypeResource = 4
)

// judge says without asking the directory why a member is not written, or
// ReasonUnresolved when the directory has to be asked.
func judge(m directory.SourceMember) directory.Reason {
	switch {
	case m.Kind == directory.KindOther:
		return directory.ReasonNoAccount
	case !m.Readable:
		return directory.ReasonLimited
	case m.Synced || m.SID != "": // with a SID it was synced once, and its account may be there still
		return directory.ReasonUnresolved
	case m.Kind == directory.KindGroup:
		return directory.ReasonGroup
	case m.Guest:
		return directory.ReasonGuest
	}
	return directory.ReasonCloudOnly
}

var errGivenUp = errors.New("earlier lookups failed")

// candidate is an object that a lookup found.
type candidate struct {
	ref       directory.MemberRef
	classes   []string
	groupType int32
	system    bool // isCriticalSystemObject
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

// firstRID is the first that a domain gives to accounts that people make.
const firstRID = 1000

// critical reports whether the object is one of those that the directory itself
// needs, such as krbtgt and Administrator: no synchronization takes them to the
// tenant, so a member that has their SID was made to have it.
func (c candidate) critical() bool {
	return c.system || c.ref.SID != "" && c.ref.SID.RID() < firstRID
}

// fits reports whether the object is of a class that may stand for the member.
// The class computer is derived from user.
func fits(kind directory.MemberKind, c candidate) bool {
	is := func(class string) bool {
		return slices.ContainsFunc(c.classes, func(s string) bool { return strings.EqualFold(s, class) })
	}
	if kind == directory.KindGroup {
		return is("group") && c.groupType&groupTypeResource == 0
	}
	return (is("user") || is("inetOrgPerson")) && !is("computer")
}

// question is a member that is looked up, with the answer so far.
type question struct {
	kind      directory.MemberKind
	sid       directory.SID
	immutable []byte
	ref       directory.MemberRef
	reason    directory.Reason
	settled   bool
}

// lookup finds the objects whose attribute has one of the values, in the
// domain or, with catalog, in the forest; the answer is keyed by value.
type lookup func(ctx context.Context, catalog bool, attribute string, values [][]byte) (map[string][]candidate, error)

// Resolve implements contract.TargetReader.
func (t *target) Resolve(ctx context.Context, members []directory.SourceMember) ([]contract.Resolution, error) {
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
	if err := resolve(ctx, open, known, t.lookup); err != nil {
		return nil, t.readError(ctx, t.root.baseDN, err)
	}
	for i, q := range questions {
		if q != nil {
			resolutions[i].Ref, resolutions[i].Reason = q.ref, q.reason
		}
	}
	return resolutions, nil
}

// resolve answers the questions in as few lookups as possible. A lookup that
// fails leaves its questions open with a reason that says so; err is set only
// when nothing more can be asked.
func resolve(ctx context.Context, questions []*question, f forest, find lookup) error {
	sid := func(q *question) []byte { return q.sid.AD() }
	immutable := func(q *question) []byte { return q.immutable }
	local := func(q *question) bool { return q.sid.Domain() == f.own }
	// An account of another forest is none of ours, whatever its immutable id says.
	ours := func(q *question) bool { return q.sid == "" || f.knows(q.sid) }
	failures := map[bool]int{}
	for _, step := range []struct {
		catalog   bool
		attribute string
		batch     int
		value     func(*question) []byte
		applies   func(*question) bool
	}{
		{false, attrSID, batchSize, sid, local},
		{true, attrSID, batchSize, sid, func(q *question) bool { return !local(q) && f.mayHold(q.sid) }},
		{false, attrGUID, batchSize, immutable, ours},
		{false, attrConsistencyGUID, scanBatch, immutable, ours},
		{true, attrGUID, batchSize, immutable, func(q *question) bool { return ours(q) && f.several() && !local(q) }},
	} {
		var asked []*question
		for _, q := range questions {
			if !q.settled && step.value(q) != nil && step.applies(q) {
				asked = append(asked, q)
			}
		}
		for batch := range slices.Chunk(asked, step.batch) {
			values := make([][]byte, 0, len(batch))
			for _, q := range batch {
				values = append(values, step.value(q))
			}
			var found map[string][]candidate
			err := error(errGivenUp)
			if failures[step.catalog] < maxFailures {
				found, err = find(ctx, step.catalog, step.attribute, values)
			}
			if err != nil {
				failures[step.catalog]++
			}
			if err != nil && (ctx.Err() != nil || !step.catalog && gone(err)) {
				return err
			}
			for _, q := range batch {
				switch {
				case err != nil && step.catalog:
					q.reason, q.settled = directory.ReasonGCUnavailable, true
				case err != nil:
					q.reason, q.settled = directory.ReasonLookupFailed, true
				default:
					q.ref, q.reason = choose(q.kind, found[string(step.value(q))])
					q.settled = q.reason != directory.ReasonNotFound
				}
			}
		}
	}
	for _, q := range questions {
		if !q.settled && q.sid != "" && !f.mayHold(q.sid) {
			q.reason = directory.ReasonOtherForest
		}
	}
	return nil
}

// gone reports whether the error means that no further lookup can succeed.
func gone(err error) bool {
	var e *contract.Error
	return errors.As(err, &e) || errors.Is(err, errClosed)
}

// lookup is the lookup on the domain controller and its global catalog.
// A foreignSecurityPrincipal bears the SID of an account of another forest and
// never stands for it here.
func (t *target) lookup(ctx context.Context, catalog bool, attribute string, values [][]byte) (map[string][]candidate, error) {
	p, base := t.pool, t.root.baseDN
	if catalog {
		p, base = t.catalog, ""
		if t.catalogRests() {
			return nil, errGivenUp
		}
		ctx = contract.WithShortPatience(ctx) // without it a few members stay unknown
	}
	entries, err := p.find(ctx, query{
		base: base, scope: ldap.ScopeWholeSubtree,
		filter:     and(anyOf(attribute, values), "(!(objectClass=foreignSecurityPrincipal))"),
		attributes: []string{attrGUID, attrSID, "objectClass", "groupType", attrCritical, attribute},
	})
	if catalog && ctx.Err() == nil {
		t.noteCatalog(err)
	}
	if err != nil {
		return nil, err
	}
	found := make(map[string][]candidate, len(entries))
	for _, e := range entries {
		object, ok, err := parseCandidate(e)
		if err != nil {
			return nil, err
		}
		for _, value := range e.GetRawAttributeValues(attribute) {
			if ok {
				found[string(value)] = append(found[string(value)], object)
			}
		}
	}
	return found, nil
}

// parseCandidate reads an entry of a lookup. ok is false for an object of which
// the account may not read what it is: whom nobody can tell was not found.
func parseCandidate(e *ldap.Entry) (c candidate, ok bool, err error) {
	raw, sid := e.GetRawAttributeValue(attrGUID), e.GetRawAttributeValue(attrSID)
	c.ref.DN, c.classes = e.DN, e.GetAttributeValues("objectClass")
	if len(raw) == 0 || len(c.classes) == 0 {
		return c, false, nil
	}
	if c.ref.GUID, err = directory.GUIDFromAD(raw); err == nil && len(sid) > 0 {
		c.ref.SID, err = directory.SIDFromAD(sid)
	}
	if err != nil {
		return c, false, &incompleteError{e.DN + ": " + err.Error()}
	}
	kind, _ := strconv.ParseInt(e.GetAttributeValue("groupType"), 10, 32)
	c.groupType = int32(kind)
	c.system = strings.EqualFold(e.GetAttributeValue(attrCritical), "TRUE")
	return c, true, nil
}

// outage counts how often in a row the global catalog has failed.
type outage struct {
	failures int
	last     time.Time
}

func (t *target) catalogRests() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.outage.failures >= maxFailures && time.Since(t.outage.last) < catalogRest
}

func (t *target) noteCatalog(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.outage = outage{}
		return
	}
	t.outage = outage{failures: t.outage.failures + 1, last: time.Now()}
}

// BySID implements contract.TargetReader.
func (t *target) BySID(ctx context.Context, sids []directory.SID) (map[directory.SID]directory.MemberRef, error) {
	refs := make(map[directory.SID]directory.MemberRef)
	for batch := range slices.Chunk(sids, batchSize) {
		var values [][]byte
		for _, s := range batch {
			if b := s.AD(); b != nil {
				values = append(values, b)
			}
		}
		if len(values) == 0 {
			continue
		}
		found, err := t.lookup(ctx, false, attrSID, values)
		if err != nil {
			return nil, t.readError(ctx, t.root.baseDN, err)
		}
		for _, s := range batch {
			if objects := found[string(s.AD())]; len(objects) == 1 {
				refs[s] = objects[0].ref
			}
		}
	}
	return refs, nil
}
