package graphtest

import (
	"encoding/base64"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGUID(t *testing.T) {
	g, ok := parseGUID("3A5C3221-c465-48c0-95b8-e9305786a271")
	if !ok || g.String() != "3a5c3221-c465-48c0-95b8-e9305786a271" {
		t.Error(g, ok)
	}
	b := g.directoryBytes()
	want := []byte{0x21, 0x32, 0x5c, 0x3a, 0x65, 0xc4, 0xc0, 0x48, 0x95, 0xb8, 0xe9, 0x30, 0x57, 0x86, 0xa2, 0x71}
	if diff := cmp.Diff(want, b[:]); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"", "3a5c3221c46548c095b8e9305786a271", "3a5c3221-c465-48c0-95b8-e9305786a27g", "{3a5c3221-c465-48c0-95b8-e9305786a271}"} {
		if _, ok := parseGUID(bad); ok {
			t.Errorf("accepted %q", bad)
		}
	}
}

func TestSyncedUser(t *testing.T) {
	consistency := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef"))
	users, err := ParseADUsers([]byte(`[
		{"samAccountName":"User1","dn":"CN=O'Brien\\, Zo\\C3\\AB,OU=People,DC=contoso,DC=test","objectGUID":"3a5c3221-c465-48c0-95b8-e9305786a271","objectSid":"S-1-5-21-1-2-3-1","upn":"user1@contoso.test","consistencyGuid":null},
		{"samAccountName":"user2","dn":"CN=user2,DC=contoso,DC=test","objectGUID":"3a5c3221-c465-48c0-95b8-e9305786a272","objectSid":"S-1-5-21-1-2-3-2","upn":"user2@contoso.test","consistencyGuid":"` + consistency + `"}]`))
	must(t, err)
	u, err := users[0].Synced()
	must(t, err)
	want := User{
		ID: UserID("user1"), DisplayName: "O'Brien, Zoë", Mail: "user1@contoso.test", UserPrincipalName: "user1@contoso.test",
		OnPremisesSyncEnabled: Bool(true), OnPremisesImmutableID: "ITJcOmXEwEiVuOkwV4aicQ==", OnPremisesSamAccountName: "User1",
		OnPremisesUserPrincipalName: "user1@contoso.test", OnPremisesDistinguishedName: users[0].DN,
		OnPremisesDomainName: "contoso.test", OnPremisesSecurityIdentifier: "S-1-5-21-1-2-3-1",
	}
	if diff := cmp.Diff(want, u); diff != "" {
		t.Error(diff)
	}
	if u, err := users[1].Synced(); err != nil || u.OnPremisesImmutableID != consistency {
		t.Error(u.OnPremisesImmutableID, err)
	}
	bad := "x"
	for _, a := range []ADUser{{}, {SamAccountName: "a", ObjectGUID: "x"}, {SamAccountName: "a", ConsistencyGUID: &bad}} {
		if _, err := a.Synced(); err == nil {
			t.Errorf("accepted %+v", a)
		}
	}
}

func TestBadSeeds(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":                    `{`,
		"unknown name":               `{"nonsense":1}`,
		"unknown property":           `{"groups":[{"nonsense":1}]}`,
		"text behind":                `{} {}`,
		"unknown member":             `{"groups":[{"mailNickname":"a","members":["nobody"]}]}`,
		"ambiguous member":           `{"devices":[{"displayName":"x"},{"id":"11111111-2222-3333-4444-555555555555","displayName":"x"}],"groups":[{"mailNickname":"a","members":["x"]}]}`,
		"an id twice":                `{"groups":[{"mailNickname":"a"},{"mailNickname":"A"}]}`,
		"no GUID":                    `{"groups":[{"id":"x"}]}`,
		"deleted security group":     `{"groups":[{"mailNickname":"a","deleted":true}]}`,
		"tenant id":                  `{"tenant":{"id":"x"}}`,
		"more members than users":    `{"generate":{"groups":1,"members":3,"users":2}}`,
		"negative number of groups":  `{"generate":{"groups":-1,"members":0}}`,
		"absurd number of users":     `{"generate":{"groups":1,"members":1,"users":2000000000}}`,
		"a user that is there twice": `{"users":[{"userPrincipalName":"a@b"},{"userPrincipalName":"A@b"}]}`,
	} {
		seed, err := ParseSeed([]byte(text))
		if err == nil {
			_, err = New(seed, Options{}).Start()
		}
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDemoSeed(t *testing.T) {
	data, err := os.ReadFile("../../../tests/lab/tenant/demo.json")
	must(t, err)
	seed, err := ParseSeed(data)
	must(t, err)
	var users []ADUser
	for _, name := range []string{"user0001", "user0002", "user0003", "user0004", "user0005", "user0006", "user0007", "user0008", "user0009", "user0010", "user0011", "user0012"} {
		users = append(users, ADUser{SamAccountName: name, DN: "CN=" + name + ",DC=contoso,DC=test", ObjectGUID: UserID("ad" + name), ObjectSID: "S-1-5-21-1-2-3-" + name[4:], UPN: name + "@contoso.test"})
	}
	c := start(t, seed, Options{ADUsers: users})
	groups := c.ok("/v1.0/groups?$top=999").value()
	unified, synced, hidden := 0, 0, 0
	names := map[string]int{}
	for _, g := range groups {
		if slices.Contains(g["groupTypes"].([]any), any("Unified")) {
			unified++
			names[g["displayName"].(string)]++
		}
		if g["onPremisesSyncEnabled"] == true {
			synced++
		}
		if g["visibility"] == "HiddenMembership" {
			hidden++
		}
	}
	same := 0
	for _, n := range names {
		if n == 2 {
			same++
		}
	}
	deleted := len(c.ok("/v1.0/directory/deletedItems/microsoft.graph.group").value())
	if unified < 12 || synced != 1 || hidden != 1 || same != 1 || deleted != 1 || len(groups) <= unified {
		t.Errorf("%d groups, %d unified, %d synced, %d hidden, %d names twice, %d deleted", len(groups), unified, synced, hidden, same, deleted)
	}
}

func TestGenerate(t *testing.T) {
	c := start(t, Generate(50, 20, 7), Options{})
	groups, _ := c.all("/v1.0/groups")
	if len(groups) != 50 {
		t.Fatalf("%d groups", len(groups))
	}
	for _, g := range groups[:5] {
		members, _ := c.all("/v1.0/groups/" + g["id"].(string) + "/members?$select=id,onPremisesImmutableId")
		ids := column(members, "id")
		slices.Sort(ids)
		if len(slices.Compact(ids)) != 20 {
			t.Errorf("%d members", len(members))
		}
		// The member can be read by itself, with the same values.
		u := c.ok("/v1.0/users/" + members[0]["id"].(string) + "?$select=onPremisesImmutableId")
		if u.json["onPremisesImmutableId"] != members[0]["onPremisesImmutableId"] {
			t.Error(u.text)
		}
	}
	// The same arguments produce the same tenant, and a different seed produces a
	// different one.
	again, _ := start(t, Generate(50, 20, 7), Options{}).all("/v1.0/groups")
	other, _ := start(t, Generate(50, 20, 8), Options{}).all("/v1.0/groups")
	if !slices.Equal(column(groups, "id"), column(again, "id")) || slices.Equal(column(groups, "id"), column(other, "id")) {
		t.Error("not the same, or not another")
	}
	// Generated objects can be changed like others.
	id := groups[0]["id"].(string)
	must(t, c.s.PatchGroup(id, map[string]any{"displayName": "Changed"}))
	if a := c.ok("/v1.0/groups/" + id); a.json["displayName"] != "Changed" {
		t.Error(a.text)
	}
	if n := len(c.ok("/v1.0/groups/" + id + "/members").value()); n != 20 {
		t.Errorf("%d members after the change", n)
	}
}

func TestGenerateFromOtherUsers(t *testing.T) {
	seed := small()
	seed.Generate = &Generation{Groups: 3, Members: 2, Largest: 4}
	c := start(t, seed, Options{})
	if n := len(c.ok("/v1.0/groups").value()); n != 7 {
		t.Errorf("%d groups", n)
	}
	sizes := map[int]int{}
	for _, g := range c.ok("/v1.0/groups?$filter=startsWith(mailNickname,'gengroup')").value() {
		sizes[len(c.ok("/v1.0/groups/"+g["id"].(string)+"/members").value())]++
	}
	if diff := cmp.Diff(map[int]int{2: 2, 4: 1}, sizes); diff != "" {
		t.Error(diff)
	}
}

func TestLargeTenantIsSmallInMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("150,000 objects")
	}
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	tenant := New(Generate(50_000, 20, 1), Options{})
	if tenant.started != nil {
		t.Fatal(tenant.started)
	}
	if n := (heap() - before) >> 20; n > 32 {
		t.Errorf("%d MiB", n)
	}
	if n := len(tenant.directory.byKind[kindGroup]); n != 50_000 {
		t.Error(n)
	}
}

func FuzzFilter(f *testing.F) {
	for _, text := range []string{
		"groupTypes/any(c:c eq 'Unified') and onPremisesSyncEnabled ne true",
		"id in ('a','b') or not (displayName eq 'O''Neil')", "startsWith(displayName,'x')",
		"proxyAddresses/any(p:startsWith(p,'smtp:x'))", "((((", "displayName eq 'x", "mailEnabled eq false", "not not not mailEnabled eq null",
	} {
		f.Add(text)
	}
	group := completeGroup(Group{MailNickname: "x", DisplayName: "X", GroupTypes: []string{"Unified"}}, TenantInfo{}.withDefaults(), (&clock{}).now)
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseFilter(text, schemas[kindGroup], maxClauses)
		if err != nil {
			if err.status != 400 || err.code == "" || parsed != nil {
				t.Errorf("%q: %+v", text, err)
			}
			return
		}
		// A filter that parses must mean the same in parentheses, and the opposite with
		// not.
		is := parsed.match(schemas[kindGroup], group)
		if strings.Count(text, "(") > maxFilterDepth/2 || strings.Count(strings.ToLower(text), "not") > maxFilterDepth/2 || len(text)+8 > maxFilterLength {
			return
		}
		bracketed, err := parseFilter("("+text+")", schemas[kindGroup], maxClauses)
		if err != nil || bracketed.match(schemas[kindGroup], group) != is {
			t.Errorf("(%q): %+v", text, err)
		}
		negated, err := parseFilter("not ("+text+")", schemas[kindGroup], maxClauses)
		if err != nil || negated.match(schemas[kindGroup], group) == is || !negated.advanced {
			t.Errorf("not (%q): %+v", text, err)
		}
	})
}
