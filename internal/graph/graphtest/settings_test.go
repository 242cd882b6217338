package graphtest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGroupSettings(t *testing.T) {
	c := start(t, small(), Options{})
	c.fails(403, "Authorization_RequestDenied", "/beta/settings")
	c = c.withRoles("GroupSettings.Read.All")
	if a := c.ok("/beta/settings"); len(a.value()) != 0 || a.json["value"] == nil {
		t.Error(a.text)
	}
	c.fails(400, "BadRequest", "/v1.0/settings")
	c.fails(400, "BadRequest", "/beta/groupSettings")

	c.control(200, "set-group-settings", `{"values":{"NewUnifiedGroupWritebackDefault":"false"}}`)
	for _, path := range []string{"/beta/settings", "/v1.0/groupSettings"} {
		settings := c.ok(path).value()
		if len(settings) != 1 || settings[0]["displayName"] != "Group.Unified" || settings[0]["templateId"] != unifiedTemplate {
			t.Fatal(settings)
		}
		got := map[string]any{}
		for _, v := range settings[0]["values"].([]any) {
			v := v.(map[string]any)
			got[v["name"].(string)] = v["value"]
		}
		if got["NewUnifiedGroupWritebackDefault"] != "false" || got["EnableGroupCreation"] != "true" || len(got) != len(unifiedDefaults) {
			t.Error(got)
		}
	}
	c.control(400, "set-group-settings", `{"values":{"Nonsense":"x"}}`)
	c.control(200, "set-group-settings", `{}`)
	if a := c.ok("/beta/settings"); len(a.value()) != 0 {
		t.Error(a.text)
	}
}

// TestWritebackConfiguration: the property belongs to beta, both in lists and in single
// groups.
func TestWritebackConfiguration(t *testing.T) {
	seed, err := ParseSeed([]byte(`{"groups":[
		{"mailNickname":"on","groupTypes":["Unified"],"writebackConfiguration":{"isEnabled":true,"onPremisesGroupType":"universalSecurityGroup"}},
		{"mailNickname":"unset","groupTypes":["Unified"]}]}`))
	must(t, err)
	c := start(t, seed, Options{})
	for _, path := range []string{"/v1.0/groups", "/v1.0/groups/" + GroupID("on"), "/v1.0/groups/delta"} {
		c.fails(400, "BadRequest", path+"?$select=id,writebackConfiguration")
	}
	configuration := func(name string) any {
		t.Helper()
		list := c.ok("/beta/groups?$select=id,writebackConfiguration&$filter=id in ('" + GroupID(name) + "')").value()
		return list[0]["writebackConfiguration"]
	}
	want := map[string]any{"isEnabled": true, "onPremisesGroupType": "universalSecurityGroup"}
	if diff := cmp.Diff(any(want), configuration("on")); diff != "" {
		t.Error(diff)
	}
	if got := configuration("unset"); got != nil {
		t.Error(got)
	}
	c.control(200, "patch-group", `{"id":"`+GroupID("unset")+`","set":{"writebackConfiguration":{"isEnabled":false,"onPremisesGroupType":null}}}`)
	if diff := cmp.Diff(any(map[string]any{"isEnabled": false, "onPremisesGroupType": nil}), configuration("unset")); diff != "" {
		t.Error(diff)
	}
}

func TestGenerateSecurityGroups(t *testing.T) {
	c := start(t, Seed{Generate: &Generation{Groups: 3, SecurityGroups: 2, Members: 2, Users: 5}}, Options{})
	security := c.ok("/v1.0/groups?$filter=mailEnabled eq false and securityEnabled eq true").value()
	unified := c.ok("/v1.0/groups?$filter=groupTypes/any(c:c eq 'Unified')").value()
	if len(security) != 2 || len(unified) != 3 {
		t.Fatalf("%d security groups and %d Microsoft 365 groups", len(security), len(unified))
	}
	if n := len(c.ok("/v1.0/groups/" + security[0]["id"].(string) + "/members").value()); n != 2 || security[0]["mail"] != nil {
		t.Errorf("%d members of %v", n, security[0])
	}
	// One can be a member of another.
	must(t, c.s.AddMember(security[0]["id"].(string), security[1]["id"].(string)))
	if n := len(c.ok("/v1.0/groups/" + security[0]["id"].(string) + "/members").value()); n != 3 {
		t.Errorf("%d members with the nested group", n)
	}
}
