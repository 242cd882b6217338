package graphtest

import (
	"encoding/json"
	"testing"
)

// control posts to the control interface and expects a status.
func (c *client) control(status int, verb, body string) map[string]any {
	c.t.Helper()
	a, err := c.try("POST", "/_control/"+verb, body)
	if err != nil || a.status != status {
		c.t.Fatalf("%s %s: %v %+v", verb, body, err, a)
	}
	return a.json
}

func TestControl(t *testing.T) {
	c := start(t, small(), Options{})
	c.ok("/v1.0/groups")
	sales := GroupID("sales")
	quoted := func(v any) string { data, _ := json.Marshal(v); return string(data) }

	id := c.control(200, "put-group", `{"mailNickname":"new","displayName":"New \"group\"","groupTypes":["Unified"],"members":["anna"]}`)["id"]
	if id != GroupID("new") {
		t.Error(id)
	}
	c.control(200, "patch-group", quoted(map[string]any{"id": sales, "set": map[string]any{"description": nil}}))
	if a := c.ok("/v1.0/groups/" + sales); a.json["description"] != nil {
		t.Error(a.text)
	}
	c.control(200, "add-member", quoted(map[string]any{"group": id, "member": "bert"}))
	c.control(200, "remove-member", quoted(map[string]any{"group": id, "member": "anna"}))
	if a := c.ok("/v1.0/groups/" + id.(string) + "/members"); len(a.value()) != 1 || a.value()[0]["id"] != UserID("bert") {
		t.Error(a.text)
	}
	c.control(200, "delete-group", quoted(map[string]any{"id": sales}))
	c.control(200, "restore-group", quoted(map[string]any{"id": sales}))
	c.control(200, "delete-group", quoted(map[string]any{"id": sales}))
	c.control(200, "purge-group", quoted(map[string]any{"id": sales}))
	c.fails(404, "Request_ResourceNotFound", "/v1.0/directory/deletedItems/"+sales)

	user := c.control(200, "put-user", `{"userPrincipalName":"carla@contoso.test"}`)["id"]
	c.control(200, "patch-user", `{"user":"carla@contoso.test","set":{"displayName":"Carla"}}`)
	if a := c.ok("/v1.0/users/" + user.(string)); a.json["displayName"] != "Carla" {
		t.Error(a.text)
	}
	c.control(200, "delete-user", `{"user":"carla@contoso.test"}`)
	c.control(200, "restore-user", `{"user":"carla@contoso.test"}`)
	c.control(200, "delete-user", `{"user":"carla@contoso.test"}`)
	c.control(200, "purge-user", `{"user":"carla@contoso.test"}`)

	c.control(200, "set-throttle", `{"size":"S"}`)
	c.control(200, "set-throttle", `{}`)
	c.control(200, "set-latency", `{"seconds":0.001}`)
	c.control(200, "set-page-limit", `{"limit":1}`)
	if a := c.ok("/v1.0/groups"); len(a.value()) != 1 {
		t.Error(a.text)
	}
	c.control(200, "add-fault", `{"kind":"status","status":503,"path":"/users"}`)
	c.fails(503, "ServiceUnavailable", "/v1.0/users")
	if a := c.ok("/_control/faults"); a.json["faults"].([]any)[0].(map[string]any)["hits"] != float64(1) {
		t.Error(a.text)
	}
	c.control(200, "clear-faults", "")
	c.control(200, "hold-replica", `{"reads":true}`)
	c.control(200, "catch-up-replica", "")
	c.control(200, "set-lag", `{"groups":600,"group":600,"members":600,"users":600,"deletedItems":600}`)
	if a := c.ok("/v1.0/groups/" + sales); a.json["displayName"] != "Sales" {
		t.Error(a.text)
	}
	c.control(200, "pass-time", `{"seconds":600}`)
	c.fails(404, "Request_ResourceNotFound", "/v1.0/groups/"+sales)
	c.control(200, "set-lag", "")
	c.control(200, "set-groups-unreported", `{"unreported":true}`)
	c.control(200, "set-secret-expired", `{"expired":true}`)
	if a := c.signIn(c.s.TenantID); a.aadsts() != 7000222 {
		t.Error(a.text)
	}
	if a := c.ok("/_control/requests?method=get&path=/users"); a.json["count"].(float64) < 1 {
		t.Error(a.text)
	}
	if a := c.ok("/_control/ids"); a.json["users"].(map[string]any)["anna@contoso.test"] != UserID("anna") {
		t.Error(a.text)
	}
	c.control(200, "clear-requests", "")
	c.control(200, "expire-delta-tokens", "")
	c.control(200, "set-token-lifetime", `{"seconds":60}`)
	c.control(200, "set-roles", `{"roles":[]}`)
	none := *c
	none.token = c.s.AccessToken()
	none.fails(403, "Authorization_RequestDenied", "/v1.0/groups")

	c.control(200, "seed", `{"generate":{"groups":5,"members":2,"users":3}}`)
	if a := c.ok("/v1.0/groups"); len(a.value()) != 1 || a.next() == "" {
		t.Error(a.text)
	}
	c.control(200, "reset", "")
	if a := c.ok("/v1.0/groups"); len(a.value()) != 4 {
		t.Error(a.text)
	}
	c.control(200, "revoke-tokens", "")
	c.fails(401, "InvalidAuthenticationToken", "/v1.0/groups")

	for verb, body := range map[string]string{
		"nonsense": "{}", "delete-group": `{"id":"x"}`, "patch-group": `{"nonsense":1}`, "put-group": `{"id":"x"}`, "add-fault": `{}`,
		"set-roles": `{}`, "set-lag": `{"members":-1}`, "pass-time": "{}", "set-latency": "{}", "set-page-limit": "", "set-secret-expired": "{}", "set-token-lifetime": "{}",
		"seed": `{"groups":[{"members":["nobody"]}]}`, "add-member": `not JSON`,
	} {
		if e := c.control(400, verb, body); e["error"] == "" {
			t.Errorf("%s: no message", verb)
		}
	}
	if a := c.get("/_control/nonsense"); a.status != 400 {
		t.Error(a.status)
	}
}
