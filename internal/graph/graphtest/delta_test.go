package graphtest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// round follows a delta query to its end.
func (c *client) round(path string, header ...string) (objects []map[string]any, deltaLink string, pages int) {
	c.t.Helper()
	for {
		a := c.ok(path, header...)
		objects = append(objects, a.value()...)
		pages++
		if deltaLink = a.deltaLink(); deltaLink != "" {
			return objects, deltaLink, pages
		}
		if path = a.next(); path == "" || pages > 1000 {
			c.t.Fatal("a page without link, or no end")
		}
	}
}

// fold applies the objects of a round to a client's view of the groups: group id to
// member ids. Every removal must concern something that exists.
func fold(groups map[string]map[string]bool, objects []map[string]any) {
	for _, o := range objects {
		id := o["id"].(string)
		if o["@removed"] != nil {
			delete(groups, id)
			continue
		}
		if groups[id] == nil {
			groups[id] = map[string]bool{}
		}
		members, _ := o["members@delta"].([]any)
		for _, m := range members {
			m := m.(map[string]any)
			if m["@removed"] != nil {
				delete(groups[id], m["id"].(string))
			} else {
				groups[id][m["id"].(string)] = true
			}
		}
	}
}

// truth returns the expected result of fold.
func (c *client) truth() map[string]map[string]bool {
	out := map[string]map[string]bool{}
	groups, _ := c.all("/beta/groups?$select=id&$top=999")
	for _, g := range groups {
		id := g["id"].(string)
		out[id] = map[string]bool{}
		members, _ := c.all("/beta/groups/" + id + "/members?$select=id&$top=999")
		for _, m := range members {
			out[id][m["id"].(string)] = true
		}
	}
	return out
}

func find(objects []map[string]any, id string) map[string]any {
	i := slices.IndexFunc(objects, func(o map[string]any) bool { return o["id"] == id })
	if i < 0 {
		return nil
	}
	return objects[i]
}

func TestDeltaFirstRound(t *testing.T) {
	c := start(t, small(), Options{})
	objects, _, _ := c.round("/v1.0/groups/delta?$select=displayName,description,members")
	if len(objects) != 4 {
		t.Fatalf("%d groups, want 4 without the deleted one", len(objects))
	}
	sales := find(objects, GroupID("sales"))
	if sales["displayName"] != "Sales" || sales["description"] != "Sells" || len(sales["members@delta"].([]any)) != 7 || sales["mail"] != nil {
		t.Error(sales)
	}
	if _, ok := find(objects, GroupID("sec"))["description"]; ok {
		t.Error("a property that was never set is there")
	}
	if _, ok := find(objects, GroupID("hidden"))["members@delta"]; ok {
		t.Error("hidden members are shown")
	}
	// Without $select the members are included; with $select only if named.
	objects, _, _ = c.round("/v1.0/groups/delta()")
	if find(objects, GroupID("sales"))["members@delta"] == nil {
		t.Error("no members without $select")
	}
	objects, _, _ = c.round("/v1.0/groups/delta?$select=displayName")
	if find(objects, GroupID("sales"))["members@delta"] != nil {
		t.Error("members that were not selected")
	}
	objects, _, _ = c.round("/v1.0/groups/microsoft.graph.delta()?$filter=id eq '" + GroupID("sales") + "' or id eq '" + GroupID("nobody") + "'")
	if len(objects) != 1 || objects[0]["id"] != GroupID("sales") {
		t.Error(objects)
	}
	many := strings.TrimSuffix(strings.Repeat("id eq 'x' or ", 51), " or ")
	for query, code := range map[string]string{
		"$filter=" + many:                   "Request_UnsupportedQuery",
		"$filter=displayName eq 'Sales'":    "Request_UnsupportedQuery",
		"$top=5":                            "Request_UnsupportedQuery",
		"$expand=members":                   "Request_UnsupportedQuery",
		"$select=nonsense":                  "BadRequest",
		"$deltatoken=nonsense":              "syncStateNotFound",
		"$select=displayName&$skiptoken=xx": "Request_UnsupportedQuery",
	} {
		c.fails(400, code, "/v1.0/groups/delta?"+query)
	}
}

func TestDeltaSplitsLargeGroups(t *testing.T) {
	c := start(t, Generate(12, 40, 5), Options{PageLimit: 5, DeltaMembers: 25})
	objects, _, pages := c.round("/v1.0/groups/delta?$select=displayName,members")
	if pages < 480/25 {
		t.Errorf("%d pages", pages)
	}
	if len(objects) <= 12 {
		t.Errorf("%d objects: no group was split", len(objects))
	}
	got := map[string]map[string]bool{}
	fold(got, objects)
	if diff := cmp.Diff(c.truth(), got); diff != "" {
		t.Error(diff)
	}
	for _, o := range objects {
		if n := len(o["members@delta"].([]any)); n > 25 {
			t.Errorf("%d members on one page", n)
		}
	}
}

func TestDeltaRounds(t *testing.T) {
	c := start(t, small(), Options{}).withRoles("Directory.Read.All", "Member.Read.Hidden")
	picture := map[string]map[string]bool{}
	objects, link, _ := c.round("/v1.0/groups/delta?$select=displayName,description,members")
	fold(picture, objects)
	objects, link, _ = c.round(link)
	if len(objects) != 0 {
		t.Errorf("changes without changes: %v", objects)
	}
	sales := GroupID("sales")
	steps := []struct {
		name   string
		change func() error
		want   string // the objects, as JSON
	}{
		{"rename", func() error { return c.s.PatchGroup(sales, map[string]any{"displayName": "Sales 2"}) },
			`[{"id":"SALES","displayName":"Sales 2","description":"Sells"}]`},
		{"a property not selected", func() error { return c.s.PatchGroup(sales, map[string]any{"mail": "x@example.com"}) }, `[]`},
		{"set to null", func() error { return c.s.PatchGroup(sales, map[string]any{"description": nil}) },
			`[{"id":"SALES","displayName":"Sales 2","description":null}]`},
		{"add and remove", func() error {
			must(t, c.s.RemoveMember(sales, "bert"))
			return c.s.AddMember(GroupID("sec"), "anna")
		}, `[{"id":"SALES","displayName":"Sales 2","description":null,"members@delta":[{"@odata.type":"#microsoft.graph.user","id":"BERT","@removed":{"reason":"deleted"}}]},{"id":"SEC","displayName":"Security","members@delta":[{"@odata.type":"#microsoft.graph.user","id":"ANNA"}]}]`},
		{"back and forth", func() error {
			must(t, c.s.AddMember(sales, "bert"))
			return c.s.RemoveMember(sales, "bert")
		}, `[{"id":"SALES","displayName":"Sales 2","description":null,"members@delta":[{"@odata.type":"#microsoft.graph.user","id":"BERT","@removed":{"reason":"deleted"}}]}]`},
		{"soft delete, of a member of another group too", func() error { return c.s.DeleteGroup(sales) },
			`[{"id":"SALES","@removed":{"reason":"changed"}},{"id":"SEC","displayName":"Security","members@delta":[{"@odata.type":"#microsoft.graph.group","id":"SALES","@removed":{"reason":"deleted"}}]}]`},
		{"restore", func() error { return c.s.RestoreGroup(sales) },
			`[{"id":"SALES","displayName":"Sales 2","description":null,"members@delta":[{"@odata.type":"#microsoft.graph.user","id":"ANNA"},{"@odata.type":"#microsoft.graph.user","id":"CLOUD"},{"@odata.type":"#microsoft.graph.user","id":"GUEST"},{"@odata.type":"#microsoft.graph.device","id":"LAPTOP"},{"@odata.type":"#microsoft.graph.orgContact","id":"CONTACT"},{"@odata.type":"#microsoft.graph.servicePrincipal","id":"ROBOT"}]},{"id":"SEC","displayName":"Security","members@delta":[{"@odata.type":"#microsoft.graph.group","id":"SALES"}]}]`},
		{"a deleted member", func() error { return c.s.DeleteUser("cloud@contoso.onmicrosoft.com") },
			`[{"id":"SALES","displayName":"Sales 2","description":null,"members@delta":[{"@odata.type":"#microsoft.graph.user","id":"CLOUD","@removed":{"reason":"deleted"}}]}]`},
		{"hard delete", func() error {
			must(t, c.s.DeleteGroup(sales))
			return c.s.PurgeGroup(sales)
		}, `[{"id":"SALES","@removed":{"reason":"deleted"}},{"id":"SEC","displayName":"Security","members@delta":[{"@odata.type":"#microsoft.graph.group","id":"SALES","@removed":{"reason":"deleted"}}]}]`},
		{"delete of a security group", func() error { return c.s.DeleteGroup(GroupID("sec")) }, `[{"id":"SEC","@removed":{"reason":"deleted"}}]`},
		{"create", func() error {
			_, err := c.s.PutGroup(Group{MailNickname: "sales", DisplayName: "Sales 3", GroupTypes: []string{"Unified"}, Members: []string{"anna"}})
			return err
		}, `[{"id":"SALES","displayName":"Sales 3","description":null,"members@delta":[{"@odata.type":"#microsoft.graph.user","id":"ANNA"}]}]`},
	}
	names := strings.NewReplacer("SALES", sales, "SEC", GroupID("sec"), "ANNA", UserID("anna"), "BERT", UserID("bert"),
		"CLOUD", UserID("cloud@contoso.onmicrosoft.com"), "GUEST", UserID("guest_fabrikam.com#EXT#@contoso.onmicrosoft.com"),
		"LAPTOP", derivedGUID("device", "LAPTOP-1").String(), "CONTACT", derivedGUID("contact", "contact@example.com").String(), "ROBOT", derivedGUID("servicePrincipal", "robot").String())
	for _, step := range steps {
		must(t, step.change())
		objects, link, _ = c.round(link)
		fold(picture, objects)
		var want []map[string]any
		must(t, json.Unmarshal([]byte(names.Replace(step.want)), &want))
		byID := func(a, b map[string]any) int { return strings.Compare(a["id"].(string), b["id"].(string)) }
		slices.SortFunc(want, byID)
		slices.SortFunc(objects, byID)
		if diff := cmp.Diff(append([]map[string]any{}, want...), append([]map[string]any{}, objects...)); diff != "" {
			t.Errorf("%s: %s", step.name, diff)
		}
		if diff := cmp.Diff(c.truth(), picture); diff != "" {
			t.Errorf("after %s: %s", step.name, diff)
		}
	}
}

func TestDeltaMinimal(t *testing.T) {
	c := start(t, small(), Options{})
	_, link, _ := c.round("/v1.0/groups/delta?$select=displayName,description,members")
	must(t, c.s.PatchGroup(GroupID("sales"), map[string]any{"displayName": "Sales 2"}))
	must(t, c.s.AddMember(GroupID("sec"), "anna"))
	objects, _, _ := c.round(link, "Prefer", "return=minimal")
	if diff := cmp.Diff(map[string]any{"id": GroupID("sales"), "displayName": "Sales 2"}, find(objects, GroupID("sales"))); diff != "" {
		t.Error(diff)
	}
	if sec := find(objects, GroupID("sec")); len(sec) != 2 || sec["members@delta"] == nil {
		t.Error(sec)
	}
}

func TestDeltaLatest(t *testing.T) {
	c := start(t, small(), Options{})
	a := c.ok("/v1.0/groups/delta?$deltatoken=latest&$select=displayName")
	if len(a.value()) != 0 || a.deltaLink() == "" || a.next() != "" {
		t.Fatal(a.text)
	}
	must(t, c.s.PatchGroup(GroupID("sales"), map[string]any{"displayName": "Sales 2"}))
	objects, _, _ := c.round(a.deltaLink())
	if len(objects) != 1 || objects[0]["displayName"] != "Sales 2" || len(objects[0]) != 2 {
		t.Error(objects)
	}
}

func TestDeltaChangesDuringARound(t *testing.T) {
	c := start(t, Generate(20, 3, 9), Options{PageLimit: 3, DeltaMembers: 4})
	picture := map[string]map[string]bool{}
	path, link := "/v1.0/groups/delta?$select=members", ""
	groups, _ := c.all("/v1.0/groups?$select=id")
	for n := 0; link == ""; n++ {
		a := c.ok(path)
		fold(picture, a.value())
		path, link = a.next(), a.deltaLink()
		id := groups[n*3%20]["id"].(string)
		if members := c.ok("/v1.0/groups/" + id + "/members").value(); len(members) > 0 {
			must(t, c.s.RemoveMember(id, members[0]["id"].(string)))
		}
		must(t, c.s.AddMember(groups[(n*7+1)%20]["id"].(string), mustUser(t, c, n)))
	}
	objects, _, _ := c.round(link)
	fold(picture, objects)
	if diff := cmp.Diff(c.truth(), picture); diff != "" {
		t.Error(diff)
	}
}

func mustUser(t *testing.T, c *client, n int) string {
	id, err := c.s.PutUser(User{UserPrincipalName: strings.Repeat("x", n+1) + "@contoso.test"})
	must(t, err)
	return id
}

func TestUsersDelta(t *testing.T) {
	c := start(t, small(), Options{})
	objects, link, _ := c.round("/v1.0/users/delta?$select=onPremisesSecurityIdentifier,onPremisesSyncEnabled")
	if len(objects) != 4 {
		t.Fatal(objects)
	}
	cloud := UserID("cloud@contoso.onmicrosoft.com")
	if diff := cmp.Diff(map[string]any{"id": cloud}, find(objects, cloud)); diff != "" {
		t.Error(diff)
	}
	// A member becomes joinable, but no group changes.
	groupLink := c.ok("/v1.0/groups/delta?$deltatoken=latest").deltaLink()
	must(t, c.s.PatchUser(cloud, map[string]any{"onPremisesSyncEnabled": true, "onPremisesSecurityIdentifier": "S-1-5-21-1-2-3-4"}))
	must(t, c.s.DeleteUser("bert"))
	objects, _, _ = c.round(link)
	if u := find(objects, cloud); u["onPremisesSecurityIdentifier"] != "S-1-5-21-1-2-3-4" {
		t.Error(objects)
	}
	if u := find(objects, UserID("bert")); u["@removed"].(map[string]any)["reason"] != "changed" {
		t.Error(objects)
	}
	objects, _, _ = c.round(groupLink)
	if len(objects) != 2 { // bert was in two groups
		t.Error(objects)
	}
	c.fails(400, "syncStateNotFound", strings.Replace(groupLink, "/groups/", "/users/", 1))
}

func TestDeltaTokensEnd(t *testing.T) {
	c := start(t, small(), Options{})
	_, link, _ := c.round("/v1.0/groups/delta")
	addFault(t, c, Fault{Kind: FaultGone, Path: "/groups/delta"})
	a := c.get(link)
	if a.status != 410 || !strings.HasSuffix(a.header.Get("Location"), "/groups/delta?$deltatoken=") {
		t.Error(a.status, a.header)
	}
	if objects, _, _ := c.round(a.header.Get("Location")); len(objects) != 4 {
		t.Error(objects)
	}
	c.round(link)
	c.s.ExpireDeltaTokens()
	c.fails(400, "syncStateNotFound", link)
	_, link, _ = c.round("/v1.0/groups/delta")
	must(t, c.s.Reset())
	c.fails(400, "syncStateNotFound", link)
}

func TestDeltaPageFaults(t *testing.T) {
	c := start(t, Generate(10, 1, 3), Options{PageLimit: 4})
	addFault(t, c, Fault{Kind: FaultEmptyPage, Count: 2})
	objects, _, pages := c.round("/v1.0/groups/delta")
	if len(objects) != 10 || pages != 5 {
		t.Errorf("%d objects on %d pages", len(objects), pages)
	}
	addFault(t, c, Fault{Kind: FaultLoop, Path: "/groups/delta", Skip: 1})
	first := c.ok("/v1.0/groups/delta")
	if second := c.ok(first.next()); second.next() != first.next() {
		t.Error(second.text)
	}
}

// The trap that replicas set: a change made before deltatoken=latest is in no later
// delta, and a lagging replica does not list it yet.
func TestReplicaLag(t *testing.T) {
	c := start(t, small(), Options{})
	sales, members := GroupID("sales"), "/v1.0/groups/"+GroupID("sales")+"/members?$select=id"
	c.s.HoldReplica(Lag{Reads: true})
	must(t, c.s.RemoveMember(sales, "anna"))
	must(t, c.s.PatchGroup(sales, map[string]any{"displayName": "Sales 2"}))
	must(t, c.s.DeleteGroup(GroupID("onprem")))
	must(t, c.s.DeleteUser("bert"))
	id, err := c.s.PutGroup(Group{MailNickname: "new", DisplayName: "New", GroupTypes: []string{"Unified"}})
	must(t, err)
	link := c.ok("/v1.0/groups/delta?$deltatoken=latest").deltaLink()

	if got := column(c.ok(members).value(), "id"); !slices.Contains(got, UserID("anna")) || !slices.Contains(got, UserID("bert")) {
		t.Error(got)
	}
	if a := c.ok("/v1.0/groups/" + sales); a.json["displayName"] != "Sales" {
		t.Error(a.text)
	}
	c.ok("/v1.0/groups/" + GroupID("onprem"))
	c.fails(404, "Request_ResourceNotFound", "/v1.0/groups/"+id)
	if n := len(c.ok("/v1.0/groups").value()); n != 4 {
		t.Errorf("%d groups", n)
	}

	c.s.CatchUpReplica()
	if got := column(c.ok(members).value(), "id"); slices.Contains(got, UserID("anna")) || slices.Contains(got, UserID("bert")) {
		t.Error(got)
	}
	c.ok("/v1.0/groups/" + id)
	if objects, _, _ := c.round(link); len(objects) != 0 {
		t.Errorf("delta shows what was before its token: %v", objects)
	}

	// Delta can lag as well; it shows the change once it has caught up.
	c.s.HoldReplica(Lag{Delta: true})
	must(t, c.s.PatchGroup(sales, map[string]any{"displayName": "Sales 3"}))
	if a := c.ok("/v1.0/groups/" + sales); a.json["displayName"] != "Sales 3" {
		t.Error(a.text)
	}
	objects, link, _ := c.round(link)
	if len(objects) != 0 {
		t.Error(objects)
	}
	c.s.CatchUpReplica()
	if objects, _, _ = c.round(link); len(objects) != 1 || objects[0]["displayName"] != "Sales 3" {
		t.Error(objects)
	}
}
