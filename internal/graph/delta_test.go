package graph

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/graph/graphtest"
	"groupwriteback/internal/plan"
)

func groupChanges(t *testing.T, s contract.Source, link string) (changes []contract.GroupChange, next string) {
	t.Helper()
	next, err := s.GroupChanges(t.Context(), link, func(page []contract.GroupChange) error {
		changes = append(changes, page...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return changes, next
}

func userChanges(t *testing.T, s contract.Source, link string) (changes []contract.UserChange, next string) {
	t.Helper()
	next, err := s.UserChanges(t.Context(), link, func(page []contract.UserChange) error {
		changes = append(changes, page...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return changes, next
}

func startDelta(t *testing.T, s contract.Source) contract.DeltaLinks {
	t.Helper()
	links, err := s.StartDelta(t.Context())
	if err != nil || !links.Taken.IsZero() {
		t.Fatal(links, err)
	}
	return links
}

func do(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func user(n byte) directory.GUID {
	id := directory.MustGUID("00000000-0000-4000-8000-000000000000")
	id[15] = n
	return id
}

func TestADeltaTellsWhatHappenedToGroups(t *testing.T) {
	l := startLab(t, smallSeed(), graphtest.Options{})
	s := open(t, l.config)
	links := startDelta(t, s)
	changes, next := groupChanges(t, s, links.Groups)
	if len(changes) != 0 || next == "" {
		t.Fatalf("at once there were changes: %+v", changes)
	}

	a, b := directory.MustGUID(groupA), directory.MustGUID(groupB)
	do(t, l.PatchGroup(groupA, map[string]any{"displayName": "Sales 2", "description": nil}),
		l.RemoveMember(groupA, "cloud@contoso.com"), l.AddMember(groupB, "ann@contoso.com"), l.AddMember(groupB, "00000000-0000-4000-8000-000000000004"),
		l.AddMember("dddddddd-0000-4000-8000-00000000000d", groupB))
	changes, next = groupChanges(t, s, next)
	got := map[directory.GUID]contract.GroupChange{}
	for _, c := range changes {
		got[c.ID] = c
	}
	one := got[a]
	if one.Properties.First("displayName") != "Sales 2" || !nulled(one.Properties, "description") ||
		one.OnPremisesSID != nil || one.Removed != contract.NotRemoved {
		t.Errorf("the changed properties: %+v", one)
	}
	if diff := cmp.Diff([]contract.MemberChange{{ID: user(2), Kind: directory.KindUser, Removed: true}}, one.Members); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]contract.MemberChange{{ID: user(1), Kind: directory.KindUser}, {ID: user(4), Kind: directory.KindOther}}, got[b].Members); diff != "" {
		t.Error(diff)
	}
	if sid := got[b].OnPremisesSID; sid == nil || *sid != "S-1-5-21-1-2-3-2002" {
		t.Errorf("the SID: %v", sid)
	}
	nested := got[directory.MustGUID("dddddddd-0000-4000-8000-00000000000d")].Members
	if diff := cmp.Diff([]contract.MemberChange{{ID: b, Kind: directory.KindGroup}}, nested); diff != "" {
		t.Error(diff)
	}

	do(t, l.DeleteGroup(groupA), l.DeleteGroup(groupB), l.PurgeGroup(groupB))
	changes, next = groupChanges(t, s, next)
	removals := map[directory.GUID]contract.Removal{}
	for _, c := range changes {
		removals[c.ID] = c.Removed
	}
	if removals[a] != contract.RemovedChanged || removals[b] != contract.RemovedDeleted {
		t.Errorf("removals %v", removals)
	}

	do(t, l.RestoreGroup(groupA))
	changes, _ = groupChanges(t, s, next)
	if len(changes) != 1 || changes[0].Removed != contract.NotRemoved || len(changes[0].Members) != 3 {
		t.Errorf("a restored group: %+v", changes)
	}

	// Using a link does not consume it: an old one replays.
	replayed, _ := groupChanges(t, s, links.Groups)
	if len(replayed) < 2 {
		t.Errorf("replayed: %+v", replayed)
	}
	for _, r := range l.Requests() {
		if strings.HasSuffix(r.Path, "/delta") && r.Priority != "low" {
			t.Errorf("%s has priority %q", r.Path, r.Priority)
		}
	}
}

// TestDeltasLeadToTheTenant changes a tenant at random, in rounds with very small
// pages, and applies what the deltas report to the initial state.
func TestDeltasLeadToTheTenant(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := graphtest.Generate(6, 5, rapid.Uint64().Draw(rt, "seed"))
		seed.Generate.SecurityGroups = 2
		tenant := graphtest.New(seed, graphtest.Options{
			PageLimit: rapid.IntRange(1, 4).Draw(rt, "page"), DeltaMembers: rapid.IntRange(1, 4).Draw(rt, "members"),
		})
		s, _ := inTenant(t, tenant)
		selection := contract.SourceSelection{SecurityGroups: true}
		var ids []directory.GUID
		read := func() map[directory.GUID][]directory.GUID {
			state := map[directory.GUID][]directory.GUID{}
			do(t, s.Groups(t.Context(), selection, func(page []directory.SourceGroup) error {
				for _, g := range page {
					state[g.ID] = nil
				}
				return nil
			}))
			do(t, s.Members(t.Context(), slices.Collect(maps.Keys(state)), func(p contract.MemberPage) error {
				for _, m := range p.Members {
					state[p.Group] = append(state[p.Group], m.ID)
				}
				return p.Err
			}))
			for _, members := range state {
				slices.SortFunc(members, directory.GUID.Compare)
			}
			return state
		}
		state := read()
		var users []directory.GUID
		for id, members := range state {
			ids = append(ids, id)
			users = append(users, members...)
		}
		slices.SortFunc(ids, directory.GUID.Compare)
		slices.SortFunc(users, directory.GUID.Compare)
		link := startDelta(t, s).Groups
		for range rapid.IntRange(1, 4).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 12).Draw(rt, "edits") {
				group := rapid.SampledFrom(ids).Draw(rt, "group").String()
				member := rapid.SampledFrom(users).Draw(rt, "user").String()
				// Edits that do not fit the tenant's state do nothing.
				switch rapid.IntRange(0, 6).Draw(rt, "edit") {
				case 0, 1:
					_ = tenant.AddMember(group, member)
				case 2:
					_ = tenant.RemoveMember(group, member)
				case 3:
					_ = tenant.PatchGroup(group, map[string]any{"description": member})
				case 4:
					_ = tenant.DeleteGroup(group)
				case 5:
					_ = tenant.RestoreGroup(group)
				case 6:
					_ = tenant.DeleteUser(member)
				}
			}
			var changes []contract.GroupChange
			changes, link = groupChanges(t, s, link)
			for _, c := range changes {
				if c.Removed != contract.NotRemoved {
					delete(state, c.ID)
					continue
				}
				members := state[c.ID]
				for _, m := range c.Members {
					at, is := slices.BinarySearchFunc(members, m.ID, directory.GUID.Compare)
					switch {
					case m.Removed && is:
						members = slices.Delete(members, at, at+1)
					case !m.Removed && !is:
						members = slices.Insert(members, at, m.ID)
					}
				}
				state[c.ID] = members
			}
			if truth := read(); !maps.EqualFunc(truth, state, slices.Equal) {
				rt.Fatal(cmp.Diff(truth, state))
			}
		}
	})
}

func TestALargeGroupComesOnManyPages(t *testing.T) {
	l := startLab(t, smallSeed(), graphtest.Options{DeltaMembers: 7})
	s := open(t, l.config)
	links := startDelta(t, s)
	var members []string
	for i := range 40 {
		id, err := l.PutUser(graphtest.User{UserPrincipalName: "m" + strconv.Itoa(i) + "@contoso.com"})
		do(t, err)
		members = append(members, id)
	}
	_, err := l.PutGroup(graphtest.Group{MailNickname: "large", DisplayName: "Large", GroupTypes: []string{"Unified"}, Members: members})
	do(t, err)
	l.ClearRequests()
	var told []string
	entries := 0
	_, err = s.GroupChanges(t.Context(), links.Groups, func(page []contract.GroupChange) error {
		for _, c := range page {
			entries++
			for _, m := range c.Members {
				told = append(told, m.ID.String())
			}
		}
		return nil
	})
	do(t, err)
	slices.Sort(members)
	slices.Sort(told)
	if diff := cmp.Diff(members, told); diff != "" || entries < 6 || l.Count("GET", "/groups/delta") < 6 {
		t.Errorf("%d entries: %s", entries, diff)
	}
}

// nulled reports whether a property is present and has no value.
func nulled(v directory.Values, name string) bool {
	values, told := v[name]
	return told && len(values) == 0
}

func TestAbsentIsNotNull(t *testing.T) {
	unified, security, none := directory.UnifiedGroup, directory.SecurityGroup, directory.GroupKind("")
	empty, sid := directory.SID(""), directory.SID("S-1-5-21-1-2-3-4")
	str := func(s string) *string { return &s }
	id := directory.MustGUID(groupA)
	for body, want := range map[string]contract.GroupChange{
		`{}`: {},
		`{"displayName":"A","description":null,"mail":"","visibility":"Private"}`: {Properties: directory.Values{"displayName": {"A"}, "description": nil, "mail": nil}, Visibility: str("Private")},
		`{"onPremisesSecurityIdentifier":null}`:                                   {OnPremisesSID: &empty},
		`{"onPremisesSecurityIdentifier":"s-1-5-21-1-2-3-4"}`:                     {OnPremisesSID: &sid},

		`{"groupTypes":["Unified"]}`:                              {Kind: &unified}, // never synced, so no entry ever says so
		`{"onPremisesSyncEnabled":null}`:                          {Retyped: true},
		`{"onPremisesSyncEnabled":true}`:                          {Kind: &none},
		`{"groupTypes":["Unified"],"onPremisesSyncEnabled":null}`: {Kind: &unified},
		`{"groupTypes":["Unified","DynamicMembership"],"onPremisesSyncEnabled":false,"securityEnabled":true}`:          {Kind: &unified},
		`{"groupTypes":["Unified"],"onPremisesSyncEnabled":true}`:                                                      {Kind: &none},
		`{"groupTypes":[],"securityEnabled":true,"mailEnabled":false,"onPremisesSyncEnabled":null}`:                    {Kind: &security},
		`{"groupTypes":["DynamicMembership"],"securityEnabled":true,"mailEnabled":false,"onPremisesSyncEnabled":null}`: {Kind: &security},
		`{"groupTypes":[],"securityEnabled":true,"mailEnabled":false}`:                                                 {Kind: &security},
		`{"groupTypes":[],"mailEnabled":false,"onPremisesSyncEnabled":null}`:                                           {Retyped: true},
		`{"groupTypes":[],"mailEnabled":true}`:                                                                         {Kind: &none},
		`{"groupTypes":[],"securityEnabled":false}`:                                                                    {Kind: &none},
		`{"groupTypes":null,"securityEnabled":false,"onPremisesSyncEnabled":null}`:                                     {Retyped: true},
		`{"securityEnabled":true,"mailEnabled":false,"onPremisesSyncEnabled":null}`:                                    {Retyped: true},

		`{"@removed":{"reason":"changed"}}`:  {Removed: contract.RemovedChanged},
		`{"@removed":{"reason":"deleted"}}`:  {Removed: contract.RemovedDeleted},
		`{"@removed":{"reason":"Deleted"}}`:  {Removed: contract.RemovedDeleted},
		`{"@removed":{"reason":"vanished"}}`: {Removed: contract.RemovedChanged},
		`{"@removed":{}}`:                    {Removed: contract.RemovedChanged},
		`{"@removed":null}`:                  {},
		`{"members@delta":[{"@odata.type":"#microsoft.graph.group","id":"` + groupB + `"},{"@odata.type":"#microsoft.graph.user","id":"` + groupB + `","@removed":{"reason":"deleted"}},{"@odata.type":"#microsoft.graph.orgContact","id":"` + groupB + `"},{"id":"` + groupB + `"}]}`: {
			Members: []contract.MemberChange{
				{ID: directory.MustGUID(groupB), Kind: directory.KindGroup},
				{ID: directory.MustGUID(groupB), Kind: directory.KindUser, Removed: true},
				{ID: directory.MustGUID(groupB), Kind: directory.KindOther},
				{ID: directory.MustGUID(groupB), Kind: directory.KindUser},
			},
		},
	} {
		var entry wholeGroup
		if err := json.Unmarshal([]byte(body), &entry); err != nil {
			t.Fatal(body, err)
		}
		entry.ID, want.ID = id, id
		got, err := entry.change(plan.Standard.Properties())
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", body, err, diff)
		}
	}
}

const (
	deltaURL  = "https://graph.example/v1.0/groups/delta?$deltatoken=1"
	deltaLink = `"@odata.deltaLink":"https://graph.example/v1.0/groups/delta?$deltatoken=2"`
	nextPage  = `"@odata.nextLink":"https://graph.example/v1.0/groups/delta?$skiptoken=1"`
)

func TestABrokenDeltaIsAnError(t *testing.T) {
	entry := func(s string) string { return `{"value":[` + s + `],` + deltaLink + `}` }
	for name, answers := range map[string][]string{
		"no link at the end":             {`{"value":[]}`},
		"a first page alone":             {`{"value":[],` + nextPage + `}`, `{"value":[]}`},
		"a delta link amid the pages":    {`{"value":[],` + nextPage + `,` + deltaLink + `}`, `{"value":[]}`},
		"a page without its value":       {`{` + deltaLink + `}`},
		"a circle":                       {`{"value":[],` + nextPage + `}`, `{"value":[],` + nextPage + `}`},
		"a page of another host":         {`{"value":[],"@odata.nextLink":"https://evil.example/v1.0/groups/delta?x"}`},
		"a delta link to another host":   {`{"value":[],"@odata.deltaLink":"https://graph.example.evil/v1.0/groups/delta?x"}`},
		"a delta link without TLS":       {`{"value":[],"@odata.deltaLink":"http://graph.example/v1.0/groups/delta?x"}`},
		"a delta link that is none":      {`{"value":[],"@odata.deltaLink":"::"}`},
		"a delta link that is too long":  {`{"value":[],"@odata.deltaLink":"https://graph.example/` + strings.Repeat("x", maxLink) + `"}`},
		"a delta link that is no text":   {`{"value":[],"@odata.deltaLink":7}`},
		"null":                           {entry(`null`)},
		"an entry without an id":         {entry(`{"displayName":"x"}`)},
		"an id that is none":             {entry(`{"id":"7"}`)},
		"a removal without an id":        {entry(`{"@removed":{"reason":"deleted"}}`)},
		"a name that is a number":        {entry(`{"id":"` + groupA + `","displayName":7}`)},
		"a removal that is a text":       {entry(`{"id":"` + groupA + `","@removed":"deleted"}`)},
		"a SID that is none":             {entry(`{"id":"` + groupA + `","onPremisesSecurityIdentifier":"S-1"}`)},
		"a member without an id":         {entry(`{"id":"` + groupA + `","members@delta":[{}]}`)},
		"a member that is null":          {entry(`{"id":"` + groupA + `","members@delta":[null]}`)},
		"members that are no list":       {entry(`{"id":"` + groupA + `","members@delta":{}}`)},
		"group types that are no list":   {entry(`{"id":"` + groupA + `","groupTypes":"Unified"}`)},
		"a member with an id of its own": {entry(`{"id":"` + groupA + `","members@delta":[{"id":"ann"}]}`)},
	} {
		synctest.Test(t, func(t *testing.T) {
			next, err := inMemory(t, script(t, answers...)).GroupChanges(t.Context(), deltaURL, func([]contract.GroupChange) error { return nil })
			if !contract.HasID(err, "IncompleteRead") || next != "" {
				t.Errorf("%s: %q, %v", name, next, err)
			}
		})
	}
	_, err := inMemory(t, script(t)).GroupChanges(t.Context(), "https://evil.example/v1.0/groups/delta?$deltatoken=1", func([]contract.GroupChange) error { return nil })
	wantID(t, err, "IncompleteRead")
	_, err = inMemory(t, script(t, `{"value":[null],`+deltaLink+`}`)).UserChanges(t.Context(), deltaURL, func([]contract.UserChange) error { return nil })
	wantID(t, err, "IncompleteRead")
}

func TestEmptyPagesOfADeltaAreFollowed(t *testing.T) {
	pages := script(t, `{"value":[],`+nextPage+`}`, `{"value":[{"id":"`+groupA+`","@removed":{"reason":"changed"}}],"@odata.nextLink":"https://graph.example/v1.0/groups/delta?$skiptoken=2"}`,
		`{"value":[],"@odata.nextLink":"https://graph.example/v1.0/groups/delta?$skiptoken=3"}`, `{"value":[{"id":"`+groupA+`","displayName":"A"}],`+deltaLink+`}`)
	changes, next := groupChanges(t, inMemory(t, pages), deltaURL)
	want := []contract.GroupChange{{ID: directory.MustGUID(groupA), Removed: contract.RemovedChanged}, {ID: directory.MustGUID(groupA), Properties: directory.Values{"displayName": {"A"}}}}
	if diff := cmp.Diff(want, changes); diff != "" || next != "https://graph.example/v1.0/groups/delta?$deltatoken=2" {
		t.Error(next, diff)
	}
}

func TestAnExpiredLinkIsReportedFromOtherFailures(t *testing.T) {
	refusal := func(code string) string { return `{"error":{"code":"` + code + `","message":"no"}}` }
	for _, test := range []struct {
		status int
		body   string
		id     string
	}{
		{410, refusal("syncStateInvalid"), "DeltaLinkExpired"},
		{410, "", "DeltaLinkExpired"},
		{400, refusal("syncStateNotFound"), "DeltaLinkExpired"},
		{400, refusal("SyncStateNotFound"), "DeltaLinkExpired"},
		{404, refusal("syncStateNotFound"), "DeltaLinkExpired"},
		{404, refusal("resyncRequired"), "DeltaLinkExpired"},
		{400, refusal("syncStateInvalid"), "DeltaLinkExpired"},
		{400, refusal("Request_BadRequest"), "DeltaLinkExpired"},
		{400, refusal("Directory_ExpiredPageToken"), "DeltaLinkExpired"},
		{404, refusal("Request_ResourceNotFound"), "GraphObjectNotFound"},
		{403, refusal("syncStateNotFound"), "PermissionMissing"},
	} {
		s := inMemory(t, func(*http.Request) (*http.Response, error) {
			return reply(test.status, test.body, "Location", "https://graph.example/v1.0/groups/delta?$deltatoken="), nil
		})
		next, err := s.GroupChanges(t.Context(), deltaURL, func([]contract.GroupChange) error { return nil })
		wantID(t, err, test.id)
		if next != "" {
			t.Errorf("%d %s: a link is given: %s", test.status, test.body, next)
		}
		_, err = s.UserChanges(t.Context(), deltaURL, func([]contract.UserChange) error { return nil })
		wantID(t, err, test.id)
	}
	_, err := inMemory(t, func(*http.Request) (*http.Response, error) { return reply(400, refusal("Request_BadRequest")), nil }).StartDelta(t.Context())
	wantID(t, err, "GraphError")
	_, err = inMemory(t, script(t)).GroupChanges(t.Context(), "", func([]contract.GroupChange) error { return nil })
	wantID(t, err, "DeltaLinkExpired")

	l := startLab(t, smallSeed(), graphtest.Options{})
	s := open(t, l.config)
	links := startDelta(t, s)
	fault(t, l, graphtest.Fault{Kind: graphtest.FaultGone, Path: "/groups/delta"})
	_, err = s.GroupChanges(t.Context(), links.Groups, func([]contract.GroupChange) error { return nil })
	wantID(t, err, "DeltaLinkExpired")
	l.ExpireDeltaTokens()
	_, err = s.GroupChanges(t.Context(), links.Groups, func([]contract.GroupChange) error { return nil })
	wantID(t, err, "DeltaLinkExpired")
	_, err = s.UserChanges(t.Context(), links.Users, func([]contract.UserChange) error { return nil })
	wantID(t, err, "DeltaLinkExpired")
	groupChanges(t, s, startDelta(t, s).Groups)
}

func TestADeltaTellsWhichUsersHaveChanged(t *testing.T) {
	l := startLab(t, smallSeed(), graphtest.Options{})
	s := open(t, l.config)
	links := startDelta(t, s)
	do(t, l.PatchUser("ann@contoso.com", map[string]any{"onPremisesImmutableId": "AAAAAAAAAAAAAAAAAAAAAg=="}),
		l.PatchUser("cloud@contoso.com", map[string]any{"onPremisesSyncEnabled": true, "onPremisesSecurityIdentifier": "S-1-5-21-1-2-3-1002"}),
		l.DeleteUser("guest#EXT#@contoso.com"))
	changes, _ := userChanges(t, s, links.Users)
	slices.SortFunc(changes, func(a, b contract.UserChange) int { return a.ID.Compare(b.ID) })
	member, yes, no := false, true, false
	if diff := cmp.Diff([]contract.UserChange{
		{ID: user(1), Name: new("ann@contoso.com"), Guest: &member, Synced: &yes, SID: new("S-1-5-21-1-2-3-1001"), ImmutableID: new("AAAAAAAAAAAAAAAAAAAAAg==")},
		{ID: user(2), Name: new("cloud@contoso.com"), Guest: &no, Synced: &yes, SID: new("S-1-5-21-1-2-3-1002")},
		{ID: user(3), Deleted: true},
	}, changes); diff != "" {
		t.Error(diff)
	}
}

// A property that an entry leaves out is not reported, but null is.
func TestWhatADeltaTellsOfAUser(t *testing.T) {
	id := directory.MustGUID(groupA)
	yes, no := true, false
	for body, want := range map[string]contract.UserChange{
		`{}`: {},
		`{"userPrincipalName":"a@x","userType":"Guest"}`:                           {Name: new("a@x"), Guest: &yes},
		`{"userType":null,"onPremisesSyncEnabled":null}`:                           {Guest: &no, Synced: &no},
		`{"onPremisesSyncEnabled":true,"onPremisesSecurityIdentifier":"S-1-5-32"}`: {Synced: &yes, SID: new("S-1-5-32")},
		`{"onPremisesSecurityIdentifier":null,"onPremisesImmutableId":"x"}`:        {SID: new(""), ImmutableID: new("x")},
		`{"onPremisesSecurityIdentifier":"no SID"}`:                                {SID: new("no SID")},
		`{"@removed":{"reason":"changed"},"userPrincipalName":"a@x"}`:              {Deleted: true},
		`{"@removed":{"reason":"deleted"}}`:                                        {Deleted: true},
	} {
		var entry memberEntity
		if err := json.Unmarshal([]byte(body), &entry); err != nil {
			t.Fatal(body, err)
		}
		entry.ID, want.ID = id, id
		got, err := entry.change()
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", body, err, diff)
		}
	}
}

func TestTheConsumersErrorEndsADelta(t *testing.T) {
	full := errors.New("disk full")
	_, err := inMemory(t, script(t, `{"value":[],`+nextPage+`}`)).GroupChanges(t.Context(), deltaURL, func([]contract.GroupChange) error { return full })
	if err != full {
		t.Error(err)
	}
}

func TestAListingThatNeverEndsIsGivenUp(t *testing.T) {
	pages := 0
	_, err := walk(call{doing: "reading", object: "x"},
		func(string) (page[struct{}], error) {
			pages++
			next := strconv.Itoa(pages)
			return page[struct{}]{Value: []*struct{}{}, NextLink: &next}, nil
		},
		func([]*struct{}, bool) error { return nil })
	wantID(t, err, "IncompleteRead")
	if pages != maxPages {
		t.Errorf("%d pages were read", pages)
	}
}

// FuzzDeltaPage reads arbitrary answers as a page of changes. Nothing may panic, and no
// change may lack an id.
func FuzzDeltaPage(f *testing.F) {
	f.Add([]byte(`{"value":[{"id":"` + groupA + `","displayName":null,"groupTypes":["Unified"],"onPremisesSyncEnabled":false,"members@delta":[{"@odata.type":"#microsoft.graph.user","id":"` + groupB + `","@removed":{"reason":"deleted"}}]}],` + deltaLink + `}`))
	f.Add([]byte(`{"value":[{"id":"` + groupA + `","@removed":{"reason":"changed"}},null,{},7]}`))
	f.Add([]byte(`{"value":[{"id":"` + groupA + `","userPrincipalName":"a","onPremisesSecurityIdentifier":"S-1-5-21-1"}],"@odata.nextLink":7}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var groups page[wholeGroup]
		if json.Unmarshal(body, &groups) == nil {
			for _, item := range groups.Value {
				change, err := item.change(plan.Standard.Properties())
				if err == nil && (change.ID.IsZero() || slices.ContainsFunc(change.Members, func(m contract.MemberChange) bool { return m.ID.IsZero() || m.Kind == "" })) {
					t.Errorf("%s: %+v", body, change)
				}
				if _, _, err := item.source(contract.SourceSelection{SecurityGroups: true}, plan.Standard.Properties()); err == nil && item.ID.IsZero() {
					t.Errorf("%s: a group without an id", body)
				}
			}
		}
		var users page[memberEntity]
		if json.Unmarshal(body, &users) == nil {
			for _, item := range users.Value {
				if item.check() == nil {
					if c, err := item.change(); err != nil || c.ID.IsZero() {
						t.Errorf("%s: %+v %v", body, c, err)
					}
					if m := item.member(); m.Readable && m.Name == "" {
						t.Errorf("%s: %+v", body, m)
					}
				}
			}
		}
	})
}
