package ad

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// catalogRest is how long a global catalog is left alone after it has failed
// maxFailures times in a row. Behind a closed port each attempt takes until the dial
// times out, and a run asks once per thousand members.
const catalogRest = 5 * time.Minute

var errGivenUp = errors.New("earlier lookups failed")

// place says where a lookup searches.
type place int

const (
	inDomain place = iota // the domain of the domain controller
	inForest              // the whole forest, through a global catalog
)

// lookup finds the objects whose attribute has one of the values. The answer is keyed
// by value.
type lookup func(ctx context.Context, in place, attribute string, values [][]byte) (map[string][]candidate, error)

// candidate is an object that a lookup found.
type candidate struct {
	ref       directory.MemberRef
	classes   []string
	groupType int32
	system    bool // isCriticalSystemObject
}

// lookup searches the domain controller or its global catalog. It excludes
// foreignSecurityPrincipals: such an object carries the SID of an account in another
// forest, and must never be taken for that account.
func (t *target) lookup(ctx context.Context, in place, attribute string, values [][]byte) (map[string][]candidate, error) {
	q := query{
		base: t.root.baseDN, scope: ldap.ScopeWholeSubtree,
		filter:     and(anyOf(attribute, values), "(!(objectClass=foreignSecurityPrincipal))"),
		attributes: []string{attrGUID, attrSID, "objectClass", "groupType", attrCritical, attribute},
	}
	search := t.pool.find
	if in == inForest {
		search = t.findInForest
	}
	entries, err := search(ctx, q)
	if err != nil {
		return nil, err
	}
	return candidates(entries, attribute)
}

// findInForest runs the search on a global catalog, unless the catalog is being left
// alone after failures.
func (t *target) findInForest(ctx context.Context, q query) ([]*ldap.Entry, error) {
	if t.outage.lasts() {
		return nil, errGivenUp
	}
	q.base = ""
	// A run can do without the answer; a few members then stay unknown.
	entries, err := t.catalog.find(contract.WithShortPatience(ctx), q)
	if ctx.Err() == nil {
		t.outage.note(err)
	}
	return entries, err
}

// candidates groups the objects of the entries by each value of the attribute.
func candidates(entries []*ldap.Entry, attribute string) (map[string][]candidate, error) {
	found := make(map[string][]candidate, len(entries))
	for _, e := range entries {
		object, ok, err := parseCandidate(e)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		for _, value := range e.GetRawAttributeValues(attribute) {
			found[string(value)] = append(found[string(value)], object)
		}
	}
	return found, nil
}

// parseCandidate parses an entry of a lookup. ok is false if the account may not read
// the object's identity; such an object counts as not found.
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

// outage counts the global catalog's consecutive failures.
type outage struct {
	mu       sync.Mutex
	failures int
	last     time.Time
}

// lasts reports whether the catalog is currently left alone.
func (o *outage) lasts() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failures >= maxFailures && time.Since(o.last) < catalogRest
}

// note records the outcome of a search on the catalog.
func (o *outage) note(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		o.failures = 0
		return
	}
	o.failures, o.last = o.failures+1, time.Now()
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
		found, err := t.lookup(ctx, inDomain, attrSID, values)
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
