package ad

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

func TestJudge(t *testing.T) {
	user := directory.SourceMember{Kind: directory.KindUser, Readable: true}
	with := func(change func(*directory.SourceMember)) directory.SourceMember {
		m := user
		change(&m)
		return m
	}
	for name, c := range map[string]struct {
		member directory.SourceMember
		want   directory.Reason
	}{
		"cloud user":        {user, directory.ReasonCloudOnly},
		"synced user":       {with(func(m *directory.SourceMember) { m.Synced = true }), directory.ReasonUnresolved},
		"once synced user":  {with(func(m *directory.SourceMember) { m.SID = "S-1-5-21-1-2-3-1001" }), directory.ReasonUnresolved},
		"guest":             {with(func(m *directory.SourceMember) { m.Guest = true }), directory.ReasonGuest},
		"synced guest":      {with(func(m *directory.SourceMember) { m.Guest, m.Synced = true, true }), directory.ReasonUnresolved},
		"unreadable":        {with(func(m *directory.SourceMember) { m.Readable = false }), directory.ReasonLimited},
		"unreadable synced": {with(func(m *directory.SourceMember) { m.Readable, m.Synced = false, true }), directory.ReasonLimited},
		"device":            {with(func(m *directory.SourceMember) { m.Kind = directory.KindOther }), directory.ReasonNoAccount},
		"unreadable device": {with(func(m *directory.SourceMember) { m.Kind, m.Readable = directory.KindOther, false }), directory.ReasonNoAccount},
		"cloud group":       {with(func(m *directory.SourceMember) { m.Kind = directory.KindGroup }), directory.ReasonGroup},
		"synced group":      {with(func(m *directory.SourceMember) { m.Kind, m.Synced = directory.KindGroup, true }), directory.ReasonUnresolved},
	} {
		if got := judge(c.member); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestChoose(t *testing.T) {
	object := func(groupType int32, classes ...string) candidate {
		return candidate{ref: directory.MemberRef{GUID: directory.MustGUID(someGUID)}, classes: classes, groupType: groupType}
	}
	user := object(0, "top", "person", "organizationalPerson", "user")
	critical, administrator, admins, first := user, user, object(-2147483646, "top", "group"), user
	critical.system, administrator.ref.SID, admins.ref.SID, first.ref.SID = true, ownDomain+"-500", ownDomain+"-512", ownDomain+"-1000"
	for name, c := range map[string]struct {
		kind  directory.MemberKind
		found []candidate
		want  directory.Reason
	}{
		"none":                    {directory.KindUser, nil, directory.ReasonNotFound},
		"a user":                  {directory.KindUser, []candidate{user}, directory.ReasonJoined},
		"an inetOrgPerson":        {directory.KindUser, []candidate{object(0, "top", "INETORGPERSON")}, directory.ReasonJoined},
		"krbtgt":                  {directory.KindUser, []candidate{critical}, directory.ReasonSystemObject},
		"Administrator":           {directory.KindUser, []candidate{administrator}, directory.ReasonSystemObject},
		"Domain Admins":           {directory.KindGroup, []candidate{admins}, directory.ReasonSystemObject},
		"the first account":       {directory.KindUser, []candidate{first}, directory.ReasonJoined},
		"two":                     {directory.KindUser, []candidate{user, user}, directory.ReasonAmbiguous},
		"a computer":              {directory.KindUser, []candidate{object(0, "top", "user", "computer")}, directory.ReasonWrongClass},
		"a contact":               {directory.KindUser, []candidate{object(0, "top", "contact")}, directory.ReasonWrongClass},
		"a group for a user":      {directory.KindUser, []candidate{object(8, "top", "group")}, directory.ReasonWrongClass},
		"a user for a group":      {directory.KindGroup, []candidate{user}, directory.ReasonWrongClass},
		"a universal group":       {directory.KindGroup, []candidate{object(8, "top", "group")}, directory.ReasonJoined},
		"a global security group": {directory.KindGroup, []candidate{object(-2147483646, "top", "group")}, directory.ReasonJoined},
		"a domain-local group":    {directory.KindGroup, []candidate{object(-2147483644, "top", "group")}, directory.ReasonWrongClass},
		"a builtin group":         {directory.KindGroup, []candidate{object(-2147483643, "top", "group")}, directory.ReasonWrongClass},
	} {
		ref, reason := choose(c.kind, c.found)
		if reason != c.want || (reason == "") == ref.GUID.IsZero() {
			t.Errorf("%s: %q, %v", name, reason, ref)
		}
	}
}

const (
	ownDomain   = directory.SID("S-1-5-21-1-1-1")
	otherDomain = directory.SID("S-1-5-21-2-2-2")
)

// fakeLookup answers from maps of "attribute value" to objects, one for the domain and
// one for the catalog, and counts the calls.
type fakeLookup struct {
	domain, catalog map[string]int // how many objects have the value
	fail            func(in place, attribute string, call int) error
	calls           []string
}

func (f *fakeLookup) find(_ context.Context, in place, attribute string, values [][]byte) (map[string][]candidate, error) {
	f.calls = append(f.calls, fmt.Sprintf("%s %s %d", attribute, map[place]string{inDomain: "in the domain", inForest: "in the forest"}[in], len(values)))
	if f.fail != nil {
		if err := f.fail(in, attribute, len(f.calls)); err != nil {
			return nil, err
		}
	}
	known := f.domain
	if in == inForest {
		known = f.catalog
	}
	found := make(map[string][]candidate)
	for _, v := range values {
		for range known[attribute+string(v)] {
			found[string(v)] = append(found[string(v)], candidate{ref: directory.MemberRef{GUID: directory.MustGUID(someGUID), DN: attribute}, classes: []string{"user"}})
		}
	}
	return found, nil
}

func TestResolveSteps(t *testing.T) {
	immutable := []byte("0123456789abcdef")
	own, other, alien := ownDomain+"-1000", otherDomain+"-1000", directory.SID("S-1-5-21-9-9-9-1000")
	single := forest{own: ownDomain, domains: []directory.SID{ownDomain}}
	double := forest{own: ownDomain, domains: []directory.SID{ownDomain, otherDomain}}
	partial := forest{own: ownDomain, domains: []directory.SID{ownDomain}, partial: true}
	has := func(attribute string, value []byte) map[string]int {
		return map[string]int{attribute + string(value): 1}
	}
	catalogDown := func(in place, _ string, _ int) error {
		if in == inForest {
			return unreachable(endpoint{}, errors.New("refused"))
		}
		return nil
	}
	for name, c := range map[string]struct {
		forest    forest
		sid       directory.SID
		immutable []byte
		fake      fakeLookup
		want      directory.Reason
		by        string
	}{
		"own SID":                        {single, own, nil, fakeLookup{domain: has(attrSID, own.AD())}, "", attrSID},
		"own SID unknown":                {double, own, nil, fakeLookup{}, directory.ReasonNotFound, ""},
		"other domain by catalog":        {double, other, nil, fakeLookup{catalog: has(attrSID, other.AD())}, "", attrSID},
		"other domain, not there":        {double, other, nil, fakeLookup{}, directory.ReasonNotFound, ""},
		"other domain, no catalog":       {double, other, immutable, fakeLookup{fail: catalogDown}, directory.ReasonGCUnavailable, ""},
		"alien":                          {double, alien, nil, fakeLookup{}, directory.ReasonOtherForest, ""},
		"alien, never by objectGUID":     {single, alien, immutable, fakeLookup{domain: has(attrGUID, immutable)}, directory.ReasonOtherForest, ""},
		"alien, nor by consistency GUID": {double, alien, immutable, fakeLookup{domain: has(attrConsistencyGUID, immutable), catalog: has(attrGUID, immutable)}, directory.ReasonOtherForest, ""},
		"alien, half known, by neither":  {partial, alien, immutable, fakeLookup{domain: has(attrGUID, immutable)}, directory.ReasonNotFound, ""},
		"alien in a forest half known":   {partial, alien, nil, fakeLookup{catalog: has(attrSID, alien.AD())}, "", attrSID},
		"alien, half known, no catalog":  {partial, alien, nil, fakeLookup{fail: catalogDown}, directory.ReasonGCUnavailable, ""},
		"consistency GUID":               {single, own, immutable, fakeLookup{domain: has(attrConsistencyGUID, immutable)}, "", attrConsistencyGUID},
		"objectGUID in another domain":   {double, "", immutable, fakeLookup{catalog: has(attrGUID, immutable)}, "", attrGUID},
		"objectGUID, no catalog":         {double, "", immutable, fakeLookup{fail: catalogDown}, directory.ReasonGCUnavailable, ""},
		"consistency GUID, no catalog":   {double, "", immutable, fakeLookup{domain: has(attrConsistencyGUID, immutable), fail: catalogDown}, "", attrConsistencyGUID},
		"no catalog needed":              {single, own, immutable, fakeLookup{fail: catalogDown}, directory.ReasonNotFound, ""},
		"ambiguous is not looked beyond": {single, own, immutable, fakeLookup{domain: map[string]int{attrSID + string(own.AD()): 2, attrGUID + string(immutable): 1}}, directory.ReasonAmbiguous, ""},
		"nothing to ask by":              {single, "", nil, fakeLookup{}, directory.ReasonNotFound, ""},
	} {
		q := &question{kind: directory.KindUser, sid: c.sid, immutable: c.immutable, reason: directory.ReasonNotFound}
		if err := resolveWholly(t.Context(), []*question{q}, c.forest, c.fake.find); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if q.reason != c.want || q.ref.DN != c.by {
			t.Errorf("%s: %q by %q, want %q by %q; asked %v", name, q.reason, q.ref.DN, c.want, c.by, c.fake.calls)
		}
	}
}

// resolveWholly resolves the questions, and then those that were left for the rest.
func resolveWholly(ctx context.Context, questions []*question, f forest, find lookup) error {
	if err := resolve(ctx, questions, f, false, find); err != nil {
		return err
	}
	var rest []*question
	for _, q := range questions {
		if q.reason == directory.ReasonUnresolved {
			q.reason = directory.ReasonNotFound
			rest = append(rest, q)
		}
	}
	return resolve(ctx, rest, f, true, find)
}

func manyQuestions(n int) []*question {
	questions := make([]*question, n)
	for i := range questions {
		questions[i] = &question{kind: directory.KindUser, sid: ownDomain + directory.SID(fmt.Sprintf("-%d", 1000+i)), reason: directory.ReasonNotFound}
	}
	return questions
}

func TestResolveInBatches(t *testing.T) {
	single := forest{own: ownDomain, domains: []directory.SID{ownDomain}}
	fake := fakeLookup{}
	if err := resolveWholly(t.Context(), manyQuestions(250), single, fake.find); err != nil {
		t.Fatal(err)
	}
	want := []string{"objectSid in the domain 100", "objectSid in the domain 100", "objectSid in the domain 50"}
	if diff := cmp.Diff(want, fake.calls); diff != "" {
		t.Error(diff)
	}
}

// Only the rest is searched for through the whole domain, 500 members at a time.
func TestTheRestIsSearchedForTogether(t *testing.T) {
	single := forest{own: ownDomain, domains: []directory.SID{ownDomain}}
	questions := manyQuestions(700)
	fake := fakeLookup{domain: map[string]int{}}
	for i, q := range questions {
		q.immutable = fmt.Appendf(nil, "%016d", i)
		if i%100 > 0 {
			fake.domain[attrSID+string(q.sid.AD())] = 1
		}
	}
	fake.domain[attrConsistencyGUID+string(questions[300].immutable)] = 1
	if err := resolve(t.Context(), questions, single, false, fake.find); err != nil {
		t.Fatal(err)
	}
	for i, q := range questions {
		if left := q.reason == directory.ReasonUnresolved; left != (i%100 == 0) {
			t.Errorf("question %d: %q", i, q.reason)
		}
	}
	want := append(slices.Repeat([]string{"objectSid in the domain 100"}, 7), "objectGUID in the domain 7")
	if diff := cmp.Diff(want, fake.calls); diff != "" {
		t.Error(diff)
	}
	fake.calls = nil
	for _, q := range questions {
		q.settled = false
	}
	if err := resolve(t.Context(), questions, single, true, fake.find); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{attrConsistencyGUID + " in the domain 500", attrConsistencyGUID + " in the domain 200"}, fake.calls); diff != "" {
		t.Error(diff)
	}
	if q := questions[300]; q.reason != directory.ReasonJoined || q.ref.DN != attrConsistencyGUID {
		t.Errorf("%q by %q", q.reason, q.ref.DN)
	}
}

func TestResolveFailures(t *testing.T) {
	single := forest{own: ownDomain, domains: []directory.SID{ownDomain}}
	double := forest{own: ownDomain, domains: []directory.SID{ownDomain, otherDomain}}
	count := func(questions []*question, reason directory.Reason) (n int) {
		for _, q := range questions {
			if q.reason == reason {
				n++
			}
		}
		return n
	}
	t.Run("one batch", func(t *testing.T) {
		questions := manyQuestions(250)
		fake := fakeLookup{fail: func(_ place, _ string, call int) error {
			if call == 2 {
				return &incompleteError{"cut off"}
			}
			return nil
		}}
		if err := resolveWholly(t.Context(), questions, single, fake.find); err != nil {
			t.Fatal(err)
		}
		if failed := count(questions, directory.ReasonLookupFailed); failed != 100 || count(questions, directory.ReasonNotFound) != 150 {
			t.Errorf("%d lookups failed", failed)
		}
	})
	t.Run("no more is asked after several", func(t *testing.T) {
		questions := manyQuestions(2000)
		fake := fakeLookup{fail: func(place, string, int) error { return &incompleteError{"cut off"} }}
		if err := resolveWholly(t.Context(), questions, single, fake.find); err != nil {
			t.Fatal(err)
		}
		if len(fake.calls) != maxFailures || count(questions, directory.ReasonLookupFailed) != 2000 {
			t.Errorf("%d calls, %d lookups failed", len(fake.calls), count(questions, directory.ReasonLookupFailed))
		}
	})
	t.Run("domain controller gone", func(t *testing.T) {
		gone := unreachable(endpoint{}, errors.New("refused"))
		fake := fakeLookup{fail: func(place, string, int) error { return gone }}
		if err := resolveWholly(t.Context(), manyQuestions(1), single, fake.find); err != gone {
			t.Errorf("%v", err)
		}
	})
	t.Run("context ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		fake := fakeLookup{fail: func(place, string, int) error { cancel(); return context.Canceled }}
		if err := resolveWholly(ctx, manyQuestions(1), double, fake.find); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

// A catalog that cannot be reached costs a few attempts in all, not a few for each of a
// run's many batches. After a while it is tried again.
func TestACatalogThatFailsIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dials := 0
		down := true
		refused := unreachable(endpoint{}, errors.New("refused"))
		target := &target{catalog: newPool(newAccount(), "dc", func(context.Context) (*conn, error) {
			if dials++; down {
				return nil, refused
			}
			return nil, &incompleteError{"up again"}
		})}
		ask := func() error {
			_, err := target.lookup(t.Context(), inForest, attrSID, [][]byte{{1}})
			return err
		}
		for range 20 {
			if err := ask(); err == nil {
				t.Fatal("found")
			}
		}
		if want := maxFailures * maxTries; dials != want {
			t.Errorf("%d connections were tried, want %d", dials, want)
		}
		down = false
		time.Sleep(catalogRest)
		if err := ask(); err == nil || err.Error() != "up again" {
			t.Errorf("after a rest: %v", err)
		}
	})
}

func TestResolveTranslatesErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (&target{}).readError(ctx, "x", context.Canceled); !contract.HasID(err, "Cancelled") || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
