package graph

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/graph/graphtest"
)

const (
	groupSecurity = "dddddddd-0000-4000-8000-00000000000d"
	groupMail     = "eeeeeeee-0000-4000-8000-00000000000e"
)

// kindsSeed is smallSeed with groups of every other kind.
func kindsSeed() graphtest.Seed {
	seed := smallSeed()
	yes, no := graphtest.Bool(true), graphtest.Bool(false)
	seed.Groups[0].WritebackConfiguration = []byte(`{"isEnabled":false,"onPremisesGroupType":"universalSecurityGroup"}`)
	seed.Groups[0].SecurityEnabled = yes // as for a team with a sensitivity label
	seed.Groups[3].Members = []string{groupA, "ann@contoso.com"}
	seed.Groups = append(seed.Groups,
		graphtest.Group{ID: groupMail, DisplayName: "Mail-enabled security", SecurityEnabled: yes, MailEnabled: yes},
		graphtest.Group{MailNickname: "list", DisplayName: "Distribution list", SecurityEnabled: no, MailEnabled: yes},
		graphtest.Group{MailNickname: "adsec", DisplayName: "Synced security", SecurityEnabled: yes, OnPremisesSyncEnabled: yes},
		graphtest.Group{ID: "ffffffff-0000-4000-8000-00000000000f", DisplayName: "Dynamic", SecurityEnabled: yes, GroupTypes: []string{"DynamicMembership"}})
	return seed
}

func TestTheSelectionSaysWhichGroupsAreRead(t *testing.T) {
	l := startLab(t, kindsSeed(), graphtest.Options{PageLimit: 2})
	s := open(t, l.config)
	no := false
	plain := []directory.SourceGroup{
		{ID: directory.MustGUID(groupA), Kind: directory.UnifiedGroup, Properties: directory.Values{"displayName": {`Sales, "EMEA" ☺`}}},
		{ID: directory.MustGUID(groupB), Kind: directory.UnifiedGroup, Properties: directory.Values{"displayName": {"Moved to the cloud"}}},
	}
	security := append(slices.Clone(plain),
		directory.SourceGroup{ID: directory.MustGUID(groupSecurity), Kind: directory.SecurityGroup, Properties: directory.Values{"displayName": {"Security"}}},
		directory.SourceGroup{ID: directory.MustGUID("ffffffff-0000-4000-8000-00000000000f"), Kind: directory.SecurityGroup, Properties: directory.Values{"displayName": {"Dynamic"}}})
	configured := slices.Clone(security)
	configured[0].WritebackEnabled, configured[0].OnPremisesGroupType = &no, "universalSecurityGroup"
	for _, test := range []struct {
		selection contract.SourceSelection
		want      []directory.SourceGroup
	}{
		{contract.SourceSelection{}, plain},
		{contract.SourceSelection{SecurityGroups: true}, security},
		{contract.SourceSelection{WritebackConfiguration: true}, configured[:2]},
		{contract.SourceSelection{SecurityGroups: true, WritebackConfiguration: true}, configured},
	} {
		check := func(way string, got []directory.SourceGroup, err error) {
			t.Helper()
			slices.SortFunc(got, func(a, b directory.SourceGroup) int { return a.ID.Compare(b.ID) })
			for i := range got {
				got[i].Properties = directory.Values{"displayName": got[i].Properties["displayName"]}
				got[i].Visibility, got[i].OnPremisesSID = "", ""
			}
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("%s of %+v: %v %s", way, test.selection, err, diff)
			}
		}
		var listed []directory.SourceGroup
		err := s.Groups(t.Context(), test.selection, func(page []directory.SourceGroup) error {
			listed = append(listed, page...)
			return nil
		})
		check("the list", listed, err)

		var all []directory.GUID
		for _, ids := range l.IDs().Groups {
			for _, id := range ids {
				all = append(all, directory.MustGUID(id))
			}
		}
		byID, err := s.GroupsByID(t.Context(), test.selection, append(all, directory.MustGUID(tenantID)))
		check("the groups by id", byID, err)

		presence, err := s.Presence(t.Context(), test.selection, all)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range all {
			want := directory.PresenceOutOfScope
			if slices.ContainsFunc(test.want, func(g directory.SourceGroup) bool { return g.ID == id }) {
				want = directory.PresenceFound
			}
			if presence[id] != want {
				t.Errorf("presence of %s in %+v: %s, want %s", id, test.selection, presence[id], want)
			}
		}
	}
}

// The nature of a group that is never written is known.
func TestGroupsAreReportedForWhatTheyAre(t *testing.T) {
	l := startLab(t, kindsSeed(), graphtest.Options{PageLimit: 2})
	s := open(t, l.config)
	var all []directory.GUID
	names := map[directory.GUID]string{}
	for name, ids := range l.IDs().Groups {
		for _, id := range ids {
			all = append(all, directory.MustGUID(id))
			names[directory.MustGUID(id)] = name
		}
	}
	natures, err := s.GroupNatures(t.Context(), append(all, directory.MustGUID(tenantID)))
	if err != nil || len(natures) != len(all) {
		t.Fatalf("%d of %d groups: %v", len(natures), len(all), err)
	}
	for _, want := range []struct {
		id     string
		nature contract.GroupNature
	}{{groupA, contract.NatureUnified}, {groupSecurity, contract.NatureSecurity}, {"ffffffff-0000-4000-8000-00000000000f", contract.NatureSecurity}} {
		if got := natures[directory.MustGUID(want.id)]; got.Nature != want.nature || got.Name != names[directory.MustGUID(want.id)] {
			t.Errorf("%s is %+v, want a %s", want.id, got, want.nature)
		}
	}
	kinds := map[contract.GroupNature]bool{}
	for _, n := range natures {
		kinds[n.Nature] = true
	}
	for _, want := range []contract.GroupNature{contract.NatureMailSecurity, contract.NatureDistribution, contract.NatureSynced} {
		if !kinds[want] {
			t.Errorf("no %s among %v", want, natures)
		}
	}
}

func TestMembersByIDAreThoseOfTheGroup(t *testing.T) {
	l := startLab(t, kindsSeed(), graphtest.Options{PageLimit: 2})
	s := open(t, l.config)
	var listed []directory.SourceMember
	if err := s.Members(t.Context(), []directory.GUID{directory.MustGUID(groupA), directory.MustGUID(groupSecurity)}, func(p contract.MemberPage) error {
		listed = append(listed, p.Members...)
		return p.Err
	}); err != nil {
		t.Fatal(err)
	}
	byGUID := func(a, b directory.SourceMember) int { return a.ID.Compare(b.ID) }
	slices.SortFunc(listed, byGUID)
	listed = slices.CompactFunc(listed, func(a, b directory.SourceMember) bool { return a.ID == b.ID })
	var asked []directory.SourceMember
	for i, m := range listed {
		asked = append(asked, directory.SourceMember{ID: m.ID, Kind: m.Kind})
		if m.Kind == directory.KindOther {
			listed[i].Name = "" // needs no request
		}
	}
	l.ClearRequests()
	got, err := s.MembersByID(t.Context(), append(asked, directory.SourceMember{ID: directory.MustGUID(tenantID), Kind: directory.KindUser}))
	slices.SortFunc(got, byGUID)
	if diff := cmp.Diff(listed, got); diff != "" || err != nil || len(got) != 5 {
		t.Error(err, diff)
	}
	if n := l.Count("GET", "/devices"); n != 0 {
		t.Errorf("%d requests for devices", n)
	}

	l.SetRoles("GroupMember.Read.All")
	_, err = open(t, l.config).MembersByID(t.Context(), asked)
	wantID(t, err, "PermissionMissing")
}

// TestManyIDsTakeFewRequests asks for 1,000 users and as many groups, with fifteen ids
// per filter and twenty filters per batch.
func TestManyIDsTakeFewRequests(t *testing.T) {
	l := startLab(t, graphtest.Seed{Generate: &graphtest.Generation{Groups: 1000, Members: 1, Users: 1000}}, graphtest.Options{})
	s := open(t, l.config)
	groups, _, err := readAll(t.Context(), s)
	if err != nil || groups != 1000 {
		t.Fatal(groups, err)
	}
	var ids []directory.GUID
	members := map[directory.GUID]bool{}
	if err := s.Groups(t.Context(), contract.SourceSelection{}, func(page []directory.SourceGroup) error {
		for _, g := range page {
			ids = append(ids, g.ID)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Members(t.Context(), ids, func(p contract.MemberPage) error {
		for _, m := range p.Members {
			members[m.ID] = true
		}
		return p.Err
	}); err != nil {
		t.Fatal(err)
	}
	var asked []directory.SourceMember
	for id := range members {
		asked = append(asked, directory.SourceMember{ID: id, Kind: directory.KindUser})
	}
	l.ClearRequests()
	found, err := s.GroupsByID(t.Context(), contract.SourceSelection{}, ids)
	if err != nil || len(found) != 1000 {
		t.Errorf("%d groups, %v", len(found), err)
	}
	batches, filters := posts(l)
	if batches != 4 || filters != 67 {
		t.Errorf("%d batches with %d filters, want 4 with 67", batches, filters)
	}
	l.ClearRequests()
	got, err := s.MembersByID(t.Context(), asked)
	if err != nil || len(got) != len(asked) {
		t.Errorf("%d members of %d, %v", len(got), len(asked), err)
	}
	if batches, filters := posts(l); filters != (len(asked)+14)/15 || batches != (filters+19)/20 {
		t.Errorf("%d batches with %d filters for %d members", batches, filters, len(asked))
	}
}

// posts counts the batches and the requests in them.
func posts(l lab) (batches, parts int) {
	for _, r := range l.Requests() {
		switch {
		case r.Batch && r.Priority != "low":
			continue // not counted, so that no test mistakes it for one of ours
		case r.Batch:
			parts++
		case r.Method == http.MethodPost:
			batches++
		}
	}
	return batches, parts
}

func TestPartsOfABatchAreAskedAgainEachByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		asked := map[string]int{}
		start := time.Now()
		s := inMemory(t, func(req *http.Request) (*http.Response, error) {
			time.Sleep(time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			return partsOf(t, req, func(url string) (int, string, string) {
				asked[url]++
				first := strings.Split(url, "%27")[1]
				entity := `{"value":[{"id":"` + first + `","userPrincipalName":"a@x","userType":"Member"}]}`
				switch {
				case strings.HasSuffix(first, "00") && asked[url] == 1:
					return 429, `{"error":{"code":"TooManyRequests"}}`, "20"
				case strings.HasSuffix(first, "0f") && asked[url] < 3:
					return 500, `{"error":{"code":"InternalServerError"}}`, ""
				}
				return 200, entity, ""
			}), nil
		})
		var members []directory.SourceMember
		for i := range 60 {
			members = append(members, directory.SourceMember{ID: directory.GUID{0: 1, 15: byte(i)}, Kind: directory.KindUser})
		}
		got, err := s.MembersByID(t.Context(), members)
		if err != nil || len(got) != 4 {
			t.Fatalf("%d members, %v", len(got), err)
		}
		again := 0
		for _, n := range asked {
			again += n - 1
		}
		if again != 3 || len(asked) != 4 {
			t.Errorf("asked %v", asked)
		}
		if took := time.Since(start); took < 20*time.Second || took > 30*time.Second {
			t.Errorf("took %v, want the 20 s that were asked for", took)
		}
		if s.gate.window.size >= firstReaders {
			t.Errorf("throttling within a batch leaves the window at %v", s.gate.window.size)
		}
	})
}

func TestAFailingPartOfABatchIsAnError(t *testing.T) {
	for name, test := range map[string]struct {
		answer, id string
	}{
		"a refusal":                   {`{"id":"0","status":403,"body":{"error":{"code":"Authorization_RequestDenied"}}}`, "PermissionMissing"},
		"a bad request":               {`{"id":"0","status":400,"body":{"error":{"code":"BadRequest"}}}`, "GraphError"},
		"a part that is missing":      {``, "IncompleteRead"},
		"an answer to another":        {`{"id":"9","status":200,"body":{"value":[]}}`, "IncompleteRead"},
		"a body without its value":    {`{"id":"0","status":200,"body":{}}`, "IncompleteRead"},
		"a body that is base64":       {`{"id":"0","status":200,"body":"aHRtbA=="}`, "IncompleteRead"},
		"an entity without an id":     {`{"id":"0","status":200,"body":{"value":[{}]}}`, "IncompleteRead"},
		"an entity that is null":      {`{"id":"0","status":200,"body":{"value":[null]}}`, "IncompleteRead"},
		"a next page of another":      {`{"id":"0","status":200,"body":{"value":[],"@odata.nextLink":"https://evil.example/v1.0/users"}}`, "IncompleteRead"},
		"a server that keeps failing": {`{"id":"0","status":500,"body":{"error":{"code":"InternalServerError"}}}`, "GraphError"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := inMemory(t, func(*http.Request) (*http.Response, error) {
				return reply(200, `{"responses":[`+test.answer+`]}`), nil
			})
			got, err := s.MembersByID(t.Context(), []directory.SourceMember{{ID: user(1), Kind: directory.KindUser}})
			if name == "a server that keeps failing" { // missing members are unknown
				if err != nil || got != nil {
					t.Errorf("%s: %v, %v", name, got, err)
				}
			} else if !contract.HasID(err, test.id) || got != nil {
				t.Errorf("%s: %v, %v, want %s", name, got, err, test.id)
			}
			_, err = s.GroupsByID(t.Context(), contract.SourceSelection{}, []directory.GUID{user(1)})
			if !contract.HasID(err, test.id) {
				t.Errorf("%s: %v, want %s", name, err, test.id)
			}
		})
	}
}

func TestGroupsAreFoundByNameOrMail(t *testing.T) {
	seed := smallSeed()
	seed.Groups = append(seed.Groups, graphtest.Group{MailNickname: "odd", DisplayName: `O'Neil & "Sons" + 50% #1`, GroupTypes: []string{"Unified"}})
	for i := range 25 {
		seed.Groups = append(seed.Groups, graphtest.Group{MailNickname: fmt.Sprint("many", i), DisplayName: "Many"})
	}
	l := startLab(t, seed, graphtest.Options{PageLimit: 7})
	s := open(t, l.config)
	for text, want := range map[string][]string{
		"Security":                       {groupSecurity},
		"security":                       {groupSecurity},
		"SALES@contoso.com":              {groupA},
		"Moved":                          nil,
		`O'Neil & "Sons" + 50% #1`:       {graphtest.GroupID("odd")},
		"":                               nil,
		"  ":                             nil,
		"x' or displayName eq 'Security": nil,
	} {
		found, err := s.FindGroups(t.Context(), text)
		var got []string
		for _, id := range found {
			got = append(got, id.String())
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v %s", text, err, diff)
		}
	}
	if found, err := s.FindGroups(t.Context(), "many"); err != nil || len(found) != maxFound {
		t.Errorf("%d found, %v", len(found), err)
	}
}

func TestTheDefaultForNewGroups(t *testing.T) {
	l := startLab(t, smallSeed(), graphtest.Options{Roles: append(slices.Clone(graphtest.DefaultRoles), "GroupSettings.Read.All")})
	s := open(t, l.config)
	check := func(want contract.Tristate) {
		t.Helper()
		if got, err := s.NewGroupDefault(t.Context()); err != nil || got != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
	check(contract.Yes)
	for value, want := range map[string]contract.Tristate{"false": contract.No, "False": contract.No, "true": contract.Yes, "": contract.Yes} {
		do(t, l.SetGroupSettings(map[string]string{"NewUnifiedGroupWritebackDefault": value}))
		check(want)
	}
	do(t, l.SetGroupSettings(map[string]string{"EnableGroupCreation": "false"}))
	check(contract.Yes)
	l.SetRoles(graphtest.DefaultRoles...)
	s = open(t, l.config)
	check(contract.Unknown)

	other := `{"value":[{"templateId":"08d542b9-071f-4e16-94b0-74abb372e3d9","values":[{"name":"NewUnifiedGroupWritebackDefault","value":"false"}]},null]}`
	if got, err := inMemory(t, script(t, other)).NewGroupDefault(t.Context()); err != nil || got != contract.Yes {
		t.Errorf("the settings of single groups: %s, %v", got, err)
	}
	got, err := inMemory(t, script(t, `{}`)).NewGroupDefault(t.Context())
	wantID(t, err, "IncompleteRead")
	if got != contract.Unknown {
		t.Error(got)
	}
}
