package graphtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGroupsDefaultProperties(t *testing.T) {
	c := start(t, small(), Options{})
	a := c.ok("/v1.0/groups/" + GroupID("sales"))
	want := []string{"@odata.context"}
	for _, p := range schemas[kindGroup].defaults("v1.0") {
		want = append(want, p.name)
	}
	got := []string{}
	for name := range a.json {
		got = append(got, name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, value := range map[string]any{
		"displayName": "Sales", "mail": "sales@contoso.onmicrosoft.com", "onPremisesSyncEnabled": nil,
		"mailEnabled": true, "securityEnabled": false, "deletedDateTime": nil,
		"groupTypes": []any{"Unified"}, "proxyAddresses": []any{"SMTP:sales@contoso.onmicrosoft.com"},
	} {
		if diff := cmp.Diff(value, a.json[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, ok := a.json["writebackConfiguration"]; ok {
		t.Error("v1.0 knows writebackConfiguration")
	}
	if _, ok := c.ok("/beta/groups/" + GroupID("sales")).json["writebackConfiguration"]; !ok {
		t.Error("beta does not know writebackConfiguration")
	}
}

func TestSelect(t *testing.T) {
	c := start(t, small(), Options{})
	// Only the selected properties are returned, so there is no id. Names ignore case.
	a := c.ok("/v1.0/groups?$select=DisplayName,mail&$filter=mailNickname eq 'sales'")
	want := []map[string]any{{"displayName": "Sales", "mail": "sales@contoso.onmicrosoft.com"}}
	if diff := cmp.Diff(want, a.value()); diff != "" {
		t.Error(diff)
	}
	c.fails(400, "BadRequest", "/v1.0/groups?$select=nonsense")
	c.fails(400, "BadRequest", "/v1.0/users?$select=onPremisesObjectIdentifier")
	c.fails(400, "Request_UnsupportedQuery", "/v1.0/groups?$select=hideFromAddressLists")
	c.ok("/v1.0/groups/" + GroupID("sales") + "?$select=hideFromAddressLists")
}

func TestFilters(t *testing.T) {
	c := start(t, small(), Options{})
	ids := "'" + GroupID("sales") + "','" + GroupID("sec") + "','" + strings.Repeat("0", 8) + "-0000-0000-0000-000000000000'"
	tests := []struct {
		filter   string
		advanced bool
		want     []string
	}{
		{"groupTypes/any(c:c eq 'Unified')", false, []string{"hidden", "onprem", "sales"}},
		{"groupTypes/any(c:c eq 'Unified') and onPremisesSyncEnabled ne true", true, []string{"hidden", "sales"}},
		{"onPremisesSyncEnabled eq true", false, []string{"onprem"}},
		{"onPremisesSyncEnabled eq null", false, []string{"hidden", "sales", "sec"}},
		{"not(groupTypes/any(c:c eq 'Unified'))", true, []string{"sec"}},
		{"displayName eq 'SALES'", false, []string{"sales"}},
		{"displayName eq 'O''Neil''s %22list%22, synced'", false, []string{"onprem"}},
		{"displayName ne 'Sales'", true, []string{"hidden", "onprem", "sec"}},
		{"startsWith(displayName,'s')", false, []string{"sales", "sec"}},
		{"displayName in ('Sales','Hidden')", false, []string{"hidden", "sales"}},
		{"mail eq 'sales@contoso.onmicrosoft.com' or (mailEnabled eq false and securityEnabled eq true)", false, []string{"sales", "sec"}},
		{"id in (" + ids + ")", false, []string{"sales", "sec"}},
		{"id eq '" + GroupID("dead") + "'", false, []string{}},
		{"proxyAddresses/any(p:startsWith(p,'smtp:sales'))", false, []string{"sales"}},
	}
	for _, test := range tests {
		path := "/v1.0/groups?$select=mailNickname&$filter=" + test.filter
		var a *answer
		if test.advanced {
			c.fails(400, "Request_UnsupportedQuery", path)
			c.fails(400, "Request_UnsupportedQuery", path+"&$count=true")
			c.fails(400, "Request_UnsupportedQuery", path, eventually...)
			a = c.ok(path+"&$count=true", eventually...)
			if a.json["@odata.count"] != float64(len(test.want)) {
				t.Errorf("%s: count %v", test.filter, a.json["@odata.count"])
			}
		} else {
			a = c.ok(path)
		}
		got := column(a.value(), "mailNickname")
		slices.Sort(got)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.filter, diff)
		}
	}
}

func TestBadQueries(t *testing.T) {
	c := start(t, small(), Options{})
	many := "id in ('" + strings.Repeat("x','", 15) + "x')"
	ors := strings.Repeat("displayName eq 'a' or ", 15) + "displayName eq 'a'"
	for query, code := range map[string]string{
		"$filter=":                                      "BadRequest",
		"$filter=displayName":                           "BadRequest",
		"$filter=displayName eq 'x":                     "BadRequest",
		"$filter=displayName eq x":                      "BadRequest",
		"$filter=displayName eq true":                   "BadRequest",
		"$filter=mailEnabled eq 'true'":                 "BadRequest",
		"$filter=(displayName eq 'x'":                   "BadRequest",
		"$filter=displayName eq 'x')":                   "BadRequest",
		"$filter=nonsense eq 'x'":                       "BadRequest",
		"$filter=displayName eq 'x' $top":               "BadRequest",
		"$filter=visibility eq 'Private'":               "Request_UnsupportedQuery",
		"$filter=displayName gt 'x'":                    "Request_UnsupportedQuery",
		"$filter=endsWith(mail,'x')":                    "BadRequest",
		"$filter=startsWith(id,'x')":                    "Request_UnsupportedQuery",
		"$filter=onPremisesSecurityIdentifier eq 'S-1'": "Request_UnsupportedQuery",
		"$filter=" + many:                               "Request_UnsupportedQuery",
		"$filter=" + ors:                                "Request_UnsupportedQuery",
		"$top=0":                                        "Request_UnsupportedQuery",
		"$top=1000":                                     "Request_UnsupportedQuery",
		"$orderby=displayName":                          "Request_UnsupportedQuery",
		"$expand=members":                               "Request_UnsupportedQuery",
		"$search=x":                                     "Request_UnsupportedQuery",
		"select=id":                                     "Request_UnsupportedQuery",
		"$top=5&$top=6":                                 "BadRequest",
		"$skiptoken=nonsense":                           "Directory_ExpiredPageToken",
	} {
		c.fails(400, code, "/v1.0/groups?"+query)
	}
	c.fails(400, "BadRequest", "/v1.0/nonsense")
	c.fails(400, "BadRequest", "/v1.0")
	c.fails(400, "BadRequest", "/v1.0/groups/"+GroupID("sales")+"/photo")
	c.fails(400, "Request_BadRequest", "/v1.0/groups/nonsense")
	a := c.fails(404, "Request_ResourceNotFound", "/v1.0/groups/"+GroupID("nobody"))
	if !strings.Contains(a.text, GroupID("nobody")) {
		t.Error(a.text)
	}
	inner := a.json["error"].(map[string]any)["innerError"].(map[string]any)
	if inner["request-id"] != a.header.Get("request-id") || inner["client-request-id"] != a.header.Get("client-request-id") || inner["date"] == "" {
		t.Errorf("inner error %v, header %v", inner, a.header)
	}
}

func TestPaging(t *testing.T) {
	c := start(t, Generate(23, 7, 1), Options{})
	for query, pages := range map[string]int{"": 1, "$top=5&$select=id": 5, "$top=23": 1, "$top=22": 2} {
		objects, n := c.all("/v1.0/groups?" + query)
		if n != pages || len(objects) != 23 {
			t.Errorf("%q: %d pages with %d objects, want %d with 23", query, n, len(objects), pages)
		}
		ids := column(objects, "id")
		if !slices.IsSorted(ids) || len(slices.Compact(ids)) != 23 {
			t.Errorf("%q: an id is missing or comes twice", query)
		}
	}
	c.s.SetPageLimit(4)
	if _, n := c.all("/v1.0/groups?$top=999"); n != 6 {
		t.Errorf("%d pages with a limit of 4", n)
	}
	members, n := c.all("/v1.0/groups/" + column(c.ok("/v1.0/groups?$top=1").value(), "id")[0] + "/members?$select=id")
	if n != 2 || len(members) != 7 {
		t.Errorf("%d pages with %d members", n, len(members))
	}

	// A filter continues over the pages, and so do its requirements.
	path := "/v1.0/groups?$top=10&$count=true&$select=id&$filter=onPremisesSyncEnabled ne true"
	c.s.SetPageLimit(0)
	a := c.ok(path, eventually...)
	if a.json["@odata.count"] != float64(23) {
		t.Errorf("count %v", a.json["@odata.count"])
	}
	c.fails(400, "Request_UnsupportedQuery", a.next())
	if objects, _ := c.all(path, eventually...); len(objects) != 23 {
		t.Errorf("%d objects", len(objects))
	}
	// The options of a nextLink must not be changed.
	c.fails(400, "Directory_ExpiredPageToken", strings.Replace(a.next(), "top=10", "top=11", 1), eventually...)
	// Without the header, $count is ignored.
	if _, ok := c.ok("/v1.0/groups?$count=true").json["@odata.count"]; ok {
		t.Error("a count without ConsistencyLevel")
	}
	c.fails(400, "Request_BadRequest", "/v1.0/groups/$count")
	if a := c.ok("/v1.0/groups/$count", eventually...); a.text != "23" {
		t.Errorf("$count %q", a.text)
	}
}

func TestPagingWhileGroupsChange(t *testing.T) {
	c := start(t, Generate(30, 1, 2), Options{})
	a := c.ok("/v1.0/groups?$top=10&$select=id")
	seen := column(a.value(), "id")
	must(t, c.s.DeleteGroup(seen[9]))
	must(t, c.s.DeleteGroup(seen[0]))
	rest, _ := c.all(a.next())
	if len(rest) != 20 {
		t.Errorf("%d groups on the later pages, want 20", len(rest))
	}
}

func TestMembers(t *testing.T) {
	c := start(t, small(), Options{}).withRoles("Directory.Read.All")
	path := "/v1.0/groups/" + GroupID("sales") + "/members"
	types := column(c.ok(path).value(), "@odata.type")
	want := []string{"#microsoft.graph.user", "#microsoft.graph.user", "#microsoft.graph.user", "#microsoft.graph.user", "#microsoft.graph.device", "#microsoft.graph.orgContact"}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Error(diff)
	}
	if n := len(c.ok("/beta/groups/" + GroupID("sales") + "/members").value()); n != 7 {
		t.Errorf("beta lists %d members; it alone lists service principals", n)
	}
	// Properties that a type does not have are left out.
	a := c.ok(path + "?$select=id,onPremisesSecurityIdentifier,userType&$top=999")
	want2 := map[string]any{"@odata.type": "#microsoft.graph.user", "id": UserID("anna"), "onPremisesSecurityIdentifier": "S-1-5-21-1-2-3-1001", "userType": "Member"}
	if diff := cmp.Diff(want2, a.value()[0]); diff != "" {
		t.Error(diff)
	}
	if _, ok := a.value()[4]["userType"]; ok {
		t.Error("a device has a userType")
	}
	// The cast is an advanced query, and its answer contains no type.
	for _, cast := range []string{"/microsoft.graph.user", "/graph.user"} {
		c.fails(400, "Request_UnsupportedQuery", path+cast)
		a = c.ok(path+cast+"?$count=true&$select=id,userType", eventually...)
		if diff := cmp.Diff([]any{"Member", "Member", "Member", "Guest"}, a.column("userType")); diff != "" {
			t.Error(diff)
		}
		if a.json["@odata.count"] != float64(4) || a.value()[0]["@odata.type"] != nil {
			t.Error(a.text)
		}
	}
	c.fails(400, "BadRequest", path+"/microsoft.graph.user?$count=true&$select=deviceId", eventually...)
	c.fails(400, "BadRequest", path+"/microsoft.graph.nonsense")
	if a := c.ok(path+"/$count", eventually...); a.text != "6" {
		t.Errorf("$count %q", a.text)
	}
	// A group is a member.
	a = c.ok("/v1.0/groups/" + GroupID("sec") + "/members")
	if diff := cmp.Diff([]any{"#microsoft.graph.user", "#microsoft.graph.group"}, a.column("@odata.type")); diff != "" {
		t.Error(diff)
	}
}

func TestPermissions(t *testing.T) {
	c := start(t, small(), Options{})
	sales, hidden := "/v1.0/groups/"+GroupID("sales"), "/v1.0/groups/"+GroupID("hidden")
	none := c.withRoles()
	for _, path := range []string{"/v1.0/groups", sales, sales + "/members", "/v1.0/users", "/v1.0/users/" + UserID("anna"), "/v1.0/organization",
		"/v1.0/directory/deletedItems/microsoft.graph.group", "/v1.0/directory/deletedItems/" + GroupID("dead"), "/v1.0/directory/onPremisesSynchronization", "/v1.0/groups/delta", "/v1.0/users/delta"} {
		none.fails(403, "Authorization_RequestDenied", path)
	}
	groups := c.withRoles("GroupMember.Read.All")
	groups.ok("/v1.0/groups")
	groups.fails(403, "Authorization_RequestDenied", "/v1.0/users")
	groups.fails(403, "Authorization_RequestDenied", "/v1.0/directory/deletedItems/microsoft.graph.group")
	groups.fails(403, "Authorization_RequestDenied", "/v1.0/directory/deletedItems/"+GroupID("dead"))
	groups.fails(403, "Authorization_RequestDenied", "/v1.0/organization")

	// Members of a type that may not be read: type, id and nulls, with status 200.
	a := groups.ok(sales + "/members?$select=id,onPremisesSecurityIdentifier,displayName")
	want := map[string]any{"@odata.type": "#microsoft.graph.user", "id": UserID("anna"), "onPremisesSecurityIdentifier": nil, "displayName": nil}
	if diff := cmp.Diff(want, a.value()[0]); diff != "" {
		t.Error(diff)
	}
	both := c.withRoles("GroupMember.Read.All", "User.Read.All")
	a = both.ok(sales + "/members?$select=id,displayName")
	if v := a.value(); v[0]["displayName"] != "Anna" || v[4]["displayName"] != nil || v[4]["id"] == nil {
		t.Error(a.text)
	}

	// Hidden membership: an empty list, with status 200.
	if a := both.ok(hidden + "/members"); len(a.value()) != 0 {
		t.Error(a.text)
	}
	if a := both.ok(hidden); a.json["visibility"] != "HiddenMembership" {
		t.Error(a.text)
	}
	if a := c.withRoles("GroupMember.Read.All", "User.Read.All", "Member.Read.Hidden").ok(hidden + "/members"); len(a.value()) != 1 {
		t.Error(a.text)
	}
}

func TestUsers(t *testing.T) {
	c := start(t, small(), Options{})
	a := c.ok("/v1.0/users/" + UserID("anna") + "?$select=id,onPremisesImmutableId,onPremisesSyncEnabled,userType")
	if a.json["onPremisesImmutableId"] != "AAAAAAAAAAAAAAAAAAAAAA==" || a.json["onPremisesSyncEnabled"] != true {
		t.Error(a.text)
	}
	if _, ok := c.ok("/v1.0/users/" + UserID("anna")).json["onPremisesImmutableId"]; ok {
		t.Error("onPremisesImmutableId without $select")
	}
	if a := c.ok("/v1.0/users/BERT@contoso.test"); a.json["id"] != UserID("bert") {
		t.Error(a.text)
	}
	c.fails(404, "Request_ResourceNotFound", "/v1.0/users/nobody@contoso.test")
	a = c.ok("/v1.0/users?$select=id&$filter=id in ('" + UserID("anna") + "','" + UserID("bert") + "','" + UserID("nobody") + "')")
	got := column(a.value(), "id")
	want := []string{UserID("anna"), UserID("bert")}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	c.fails(400, "Request_UnsupportedQuery", "/v1.0/users?$filter=onPremisesImmutableId eq 'x'")
	if a := c.ok("/v1.0/users?$select=id&$count=true&$filter=onPremisesImmutableId eq 'AAAAAAAAAAAAAAAAAAAAAA=='", eventually...); len(a.value()) != 1 {
		t.Error(a.text)
	}
}

func TestSingletons(t *testing.T) {
	seed := small()
	seed.Tenant = TenantInfo{ID: "11111111-2222-3333-4444-555555555555", DisplayName: "Adatum", SyncFeatures: map[string]bool{"unifiedGroupWritebackEnabled": true}}
	c := start(t, seed, Options{})
	if c.s.TenantID != seed.Tenant.ID {
		t.Error(c.s.TenantID)
	}
	o := c.ok("/v1.0/organization").value()
	if len(o) != 1 || o[0]["id"] != seed.Tenant.ID || o[0]["displayName"] != "Adatum" {
		t.Error(o)
	}
	features := c.ok("/v1.0/directory/onPremisesSynchronization").value()[0]["features"].(map[string]any)
	if features["unifiedGroupWritebackEnabled"] != true || features["groupWriteBackEnabled"] != false {
		t.Error(features)
	}
}

func TestDeletion(t *testing.T) {
	clock := &clock{at: date("2026-03-01T10:00:00Z")}
	c := start(t, small(), Options{Now: clock.now})
	list := "/v1.0/directory/deletedItems/graph.group?$select=id,deletedDateTime"
	if got := column(c.ok(list).value(), "id"); !cmp.Equal(got, []string{GroupID("dead")}) {
		t.Error(got)
	}
	c.fails(404, "Request_ResourceNotFound", "/v1.0/groups/"+GroupID("dead"))
	c.fails(404, "Request_ResourceNotFound", "/v1.0/directory/deletedItems/"+GroupID("sales"))

	must(t, c.s.DeleteGroup(GroupID("sales")))
	c.fails(404, "Request_ResourceNotFound", "/v1.0/groups/"+GroupID("sales"))
	c.fails(404, "Request_ResourceNotFound", "/v1.0/groups/"+GroupID("sales")+"/members")
	a := c.ok("/v1.0/directory/deletedItems/" + GroupID("sales"))
	if a.json["deletedDateTime"] != "2026-03-01T10:00:00Z" || a.json["@odata.type"] != "#microsoft.graph.group" {
		t.Error(a.text)
	}
	if n := len(c.ok(list).value()); n != 2 {
		t.Errorf("%d deleted groups", n)
	}
	must(t, c.s.RestoreGroup(GroupID("sales")))
	if a := c.ok("/v1.0/groups/" + GroupID("sales")); a.json["deletedDateTime"] != nil {
		t.Error(a.text)
	}
	if n := len(c.ok("/v1.0/groups/" + GroupID("sales") + "/members").value()); n != 6 {
		t.Errorf("%d members after the restore", n)
	}
	must(t, c.s.DeleteGroup(GroupID("sales")))
	must(t, c.s.PurgeGroup(GroupID("sales")))
	c.fails(404, "Request_ResourceNotFound", "/v1.0/directory/deletedItems/"+GroupID("sales"))

	// A security group is hard-deleted at once.
	must(t, c.s.DeleteGroup(GroupID("sec")))
	c.fails(404, "Request_ResourceNotFound", "/v1.0/directory/deletedItems/"+GroupID("sec"))
	for name, err := range map[string]error{
		"delete twice":            c.s.DeleteGroup(GroupID("sec")),
		"purge a live group":      c.s.PurgeGroup(GroupID("hidden")),
		"restore a live group":    c.s.RestoreGroup(GroupID("hidden")),
		"restore after the purge": c.s.RestoreGroup(GroupID("sales")),
		"put a deleted group":     func() error { _, err := c.s.PutGroup(Group{MailNickname: "dead"}); return err }(),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDeletedUser(t *testing.T) {
	c := start(t, small(), Options{})
	members := "/v1.0/groups/" + GroupID("sales") + "/members?$select=id"
	must(t, c.s.DeleteUser("anna"))
	if got := column(c.ok(members).value(), "id"); len(got) != 5 || slices.Contains(got, UserID("anna")) {
		t.Error(got)
	}
	c.fails(404, "Request_ResourceNotFound", "/v1.0/users/"+UserID("anna"))
	if n := len(c.ok("/v1.0/directory/deletedItems/microsoft.graph.user").value()); n != 1 {
		t.Errorf("%d deleted users", n)
	}
	must(t, c.s.RestoreUser("anna"))
	if got := column(c.ok(members).value(), "id"); len(got) != 6 || !slices.Contains(got, UserID("anna")) {
		t.Error(got)
	}
	must(t, c.s.DeleteUser("anna"))
	must(t, c.s.PurgeUser("anna"))
	if n := len(c.ok("/v1.0/directory/deletedItems/microsoft.graph.user").value()); n != 0 {
		t.Errorf("%d deleted users", n)
	}
}

func TestChanges(t *testing.T) {
	c := start(t, small(), Options{})
	id, err := c.s.PutGroup(Group{MailNickname: "new", DisplayName: "New", GroupTypes: []string{"Unified"}, Members: []string{"bert"}})
	must(t, err)
	must(t, c.s.PatchGroup(id, map[string]any{"displayName": "Newer", "mail": nil}))
	a := c.ok("/v1.0/groups/" + id)
	if a.json["displayName"] != "Newer" || a.json["mail"] != nil || a.json["mailNickname"] != "new" {
		t.Error(a.text)
	}
	must(t, c.s.AddMember(id, "anna"))
	must(t, c.s.RemoveMember(id, UserID("bert")))
	if got := column(c.ok("/v1.0/groups/"+id+"/members").value(), "id"); !cmp.Equal(got, []string{UserID("anna")}) {
		t.Error(got)
	}
	must(t, c.s.PatchUser("anna", map[string]any{"onPremisesSyncEnabled": nil, "onPremisesSecurityIdentifier": nil}))
	if a := c.ok("/v1.0/users/" + UserID("anna") + "?$select=onPremisesSyncEnabled,onPremisesSecurityIdentifier"); a.json["onPremisesSyncEnabled"] != nil || a.json["onPremisesSecurityIdentifier"] != nil {
		t.Error(a.text)
	}
	for name, err := range map[string]error{
		"unknown member":    c.s.AddMember(id, "nobody"),
		"member twice":      c.s.AddMember(id, "anna"),
		"not a member":      c.s.RemoveMember(id, "bert"),
		"unknown property":  c.s.PatchGroup(id, map[string]any{"nonsense": 1}),
		"unknown null":      c.s.PatchGroup(id, map[string]any{"nonsense": nil}),
		"wrong type":        c.s.PatchGroup(id, map[string]any{"mailEnabled": "yes"}),
		"id":                c.s.PatchGroup(id, map[string]any{"id": "x"}),
		"user id for group": func() error { _, err := c.s.PutGroup(Group{ID: UserID("anna")}); return err }(),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
