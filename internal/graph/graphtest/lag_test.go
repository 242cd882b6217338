package graphtest

import (
	"slices"
	"testing"
	"time"
)

// Each kind of resource lags by the set time, while the delta reports the present.
func TestLagOfEachResource(t *testing.T) {
	sales, anna := GroupID("sales"), UserID("anna")
	shows := map[string]func(c *client) bool{
		"groups": func(c *client) bool {
			return slices.Contains(column(c.ok("/v1.0/groups?$filter=id in ('"+sales+"')").value(), "displayName"), "Sales 2")
		},
		"group":        func(c *client) bool { return c.ok("/v1.0/groups/" + sales).json["displayName"] == "Sales 2" },
		"members":      func(c *client) bool { return !slices.Contains(column(c.members(sales), "id"), anna) },
		"users":        func(c *client) bool { return c.get("/v1.0/users/"+UserID("bert")).status == 404 },
		"deletedItems": func(c *client) bool { return c.get("/v1.0/directory/deletedItems/"+UserID("bert")).status == 200 },
	}
	for late := range shows {
		c := start(t, small(), Options{})
		_, link, _ := c.round("/v1.0/groups/delta")
		// Changes older than the lag are visible.
		must(t, c.s.PatchGroup(sales, map[string]any{"displayName": "Sales 1"}))
		must(t, c.s.PassTime(time.Hour))
		c.token = c.s.AccessToken()
		must(t, c.s.PatchGroup(sales, map[string]any{"displayName": "Sales 2"}))
		must(t, c.s.RemoveMember(sales, "anna"))
		must(t, c.s.DeleteUser("bert"))

		behind := Behind{}
		*map[string]*float64{
			"groups": &behind.Groups, "group": &behind.Group, "members": &behind.Members,
			"users": &behind.Users, "deletedItems": &behind.DeletedItems,
		}[late] = 600
		must(t, c.s.SetLag(behind))
		for resource, shows := range shows {
			if shows(c) != (resource != late) {
				t.Errorf("%s are behind: %s show what is new: %t", late, resource, resource == late)
			}
		}
		if objects, _, _ := c.round(link); len(objects) != 2 || objects[0]["displayName"] != "Sales 2" {
			t.Errorf("%s are behind: the delta tells %v", late, objects)
		}
		must(t, c.s.PassTime(10*time.Minute))
		if !shows[late](c) {
			t.Errorf("%s do not catch up", late)
		}
	}
}

// members returns the members that a group shows, each with its id only.
func (c *client) members(group string) []map[string]any {
	return c.ok("/v1.0/groups/" + group + "/members?$select=id").value()
}

// A replica goes through every past state, including those before the object was
// created, both within $batch and outside.
func TestLagGoesThroughAllStates(t *testing.T) {
	c := start(t, small(), Options{TokenLifetime: 24 * time.Hour})
	all := Behind{Groups: 600, Group: 600, Members: 600, Users: 600, DeletedItems: 600}
	must(t, c.s.SetLag(all))
	id, err := c.s.PutGroup(Group{MailNickname: "new", DisplayName: "New", GroupTypes: []string{"Unified"}, Members: []string{"anna"}})
	must(t, err)
	pass := func() { must(t, c.s.PassTime(5*time.Minute)) }
	state := func() (list int, single, deleted int) {
		for _, g := range c.ok("/v1.0/groups").value() {
			if g["id"] == id {
				list++
			}
		}
		single = c.get("/v1.0/groups/" + id).status
		if _, answers, _ := c.batch([]step{get("1", "/groups/"+id)}); answers["1"].Status != single {
			t.Errorf("%d in a batch, %d alone", answers["1"].Status, single)
		}
		return list, single, c.get("/v1.0/directory/deletedItems/" + id).status
	}
	want := func(list, single, deleted int) {
		t.Helper()
		if l, s, d := state(); l != list || s != single || d != deleted {
			t.Errorf("listed %d, single %d, deleted %d; want %d, %d, %d", l, s, d, list, single, deleted)
		}
	}
	want(0, 404, 404)
	c.fails(404, "Request_ResourceNotFound", "/v1.0/groups/"+id+"/members")
	pass()
	must(t, c.s.DeleteGroup(id))
	want(0, 404, 404)
	pass()
	must(t, c.s.PurgeGroup(id))
	want(1, 200, 404)
	if got := column(c.members(id), "id"); !slices.Equal(got, []string{UserID("anna")}) {
		t.Error(got)
	}
	pass()
	want(0, 404, 200)
	must(t, c.s.SetLag(Behind{}))
	want(0, 404, 404)
	must(t, c.s.SetLag(all))
	pass()
	want(0, 404, 404)
}

// A replica that is both held and lagging shows the older state.
func TestLagOfAHeldReplica(t *testing.T) {
	c := start(t, small(), Options{})
	sales := GroupID("sales")
	must(t, c.s.PatchGroup(sales, map[string]any{"displayName": "Sales 1"}))
	c.s.HoldReplica(Lag{Reads: true})
	must(t, c.s.PatchGroup(sales, map[string]any{"displayName": "Sales 2"}))
	name := func(want string) {
		t.Helper()
		if a := c.ok("/v1.0/groups/" + sales); a.json["displayName"] != want {
			t.Errorf("%v, want %s", a.json["displayName"], want)
		}
	}
	name("Sales 1")
	must(t, c.s.SetLag(Behind{Group: 600}))
	name("Sales")
	must(t, c.s.PassTime(10*time.Minute))
	name("Sales 1")
	c.s.CatchUpReplica()
	name("Sales 2")
}

// The delta omits the soft deletion and the restore of a group: only the lists show
// them. A hard deletion is reported.
func TestGroupsUnreported(t *testing.T) {
	c := start(t, small(), Options{})
	sales := GroupID("sales")
	_, link, _ := c.round("/v1.0/groups/delta")
	c.s.SetGroupsUnreported(true)
	told := func(want int) {
		t.Helper()
		var objects []map[string]any
		if objects, link, _ = c.round(link); len(objects) != want {
			t.Errorf("the delta tells %v, want %d", objects, want)
		}
	}
	must(t, c.s.DeleteGroup(sales))
	c.fails(404, "Request_ResourceNotFound", "/v1.0/groups/"+sales)
	c.ok("/v1.0/directory/deletedItems/" + sales)
	told(0)
	must(t, c.s.RestoreGroup(sales))
	c.ok("/v1.0/groups/" + sales)
	told(0)
	must(t, c.s.DeleteGroup(sales))
	must(t, c.s.PurgeGroup(sales))
	told(1)
	c.s.SetGroupsUnreported(false)
	must(t, c.s.DeleteGroup(GroupID("onprem")))
	told(1)
}
