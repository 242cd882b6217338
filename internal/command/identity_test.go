package command_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/identity"
)

func TestIdentity(t *testing.T) {
	names := identity.Names{
		ID: directory.MustGUID("0a000000-0000-0000-0000-000000000001"), TargetGUID: directory.MustGUID("0b000000-0000-0000-0000-000000000001"),
		SID: "S-1-5-21-1-2-3-1106", DN: `CN=Sales_1,OU=Cloud\, all,DC=contoso,DC=test`, DisplayName: "Sales ", Mail: "sales@contoso.test",
		SAMAccountName: "Group_1", CN: "Sales_1", TargetName: "Sales of old",
	}
	for text, exact := range map[string]int{
		"0a000000-0000-0000-0000-000000000001": 3, "{0A000000-0000-0000-0000-000000000001}": 3, " 0b000000-0000-0000-0000-000000000001 ": 3,
		"s-1-5-21-1-2-3-1106": 3, "S-1-12-1-167772160-0-0-16777216": 3, `cn=sales_1, ou=cloud\, ALL, dc=contoso, dc=test`: 3,
		"sales": 2, " Sales  ": 2, "SALES@contoso.test": 2,
		"group_1": 1, `CONTOSO\GROUP_1`: 1, "sales_1": 1, "sales of OLD": 1,
		"": 0, " ": 0, "sale": 0, "0a000000-0000-0000-0000-000000000002": 0, "S-1-5-21-1-2-3-110": 0, `CN=Sales_1,DC=contoso,DC=test`: 0, `CONTOSO\Sales`: 0,
		"sal*": 0, "*": 0,
	} {
		id := identity.NewIdentity(text)
		if got := id.Rank(&names); got != exact {
			t.Errorf("%q: rank %d, want %d", text, got, exact)
		}
	}
	for text, want := range map[string]bool{"sal*": true, "*": true, "?ales": true, "group_?": true, "*ou=cloud*": true, "x*": false, "0a000000*": false} {
		id := identity.NewPattern(text)
		if got := id.Rank(&names) > 0; got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
	literal := identity.NewPattern("What? *all*")
	if literal.Rank(&identity.Names{DisplayName: "What? *all*"}) == 0 || literal.Rank(&identity.Names{}) != 0 {
		t.Error("a name with wildcards in it is not found by itself")
	}
}

// Every method that takes a group finds it by every kind of name.
func TestEveryMethodFindsAGroupAlike(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	b.tenant.groups[guid("group one")].says("displayName", " One of them ")
	b.tenant.groups[guid("group one")].says("mail", "one@contoso.test")
	for _, twin := range []string{"twin 1", "twin 2"} {
		b.tenant.put(twin, "a")
		b.tenant.groups[guid("group "+twin)].says("displayName", "Twin")
	}
	b.enable(t)
	b.sync(t)
	object := b.object("one")
	object.SID = "S-1-5-21-1-2-3-5555"
	b.directory.put(t, "foreign one")
	if run, err := b.engine.Sync(t.Context(), command.SyncRequest{PolicyType: contract.Initial}, nil); err != nil || run.Status != contract.RunComplete {
		t.Fatalf("%+v %v", run, err)
	}
	one := guid("group one")
	for _, text := range []string{one.String(), "one of them", " One of them ", "ONE@contoso.test", object.GUID.String(), object.DN, "S-1-5-21-1-2-3-5555",
		object.SAMAccountName, `CONTOSO\` + object.SAMAccountName, object.CN} {
		if g, err := b.engine.Group(t.Context(), "group", text); err != nil || g.ID != one {
			t.Errorf("%q: the state finds %s, %v", text, g.ID, err)
		}
		if r, err := b.engine.SyncGroup(t.Context(), command.GroupSyncRequest{Group: text, WhatIf: true}, nil); err != nil || r.ID != one {
			t.Errorf("%q: a sync of one group finds %s, %v", text, r.ID, err)
		}
		if s, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{ReleaseGroups: []string{text}, WhatIf: true}); err != nil || len(s.ReleasedGroups) != 1 || s.ReleasedGroups[0].ID != one {
			t.Errorf("%q: letting go finds %v, %v", text, s.ReleasedGroups, err)
		}
		if _, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{Adoption: command.Adoption{AdoptGroups: []string{text}}, WhatIf: true}); err != nil {
			t.Errorf("%q: adopting: %v", text, err)
		}
	}
	foreign := b.object("foreign one")
	for text, id := range map[string]string{"nobody": "GroupNotFound", guid("nobody").String(): "GroupNotFound", "S-1-5-21-1-2-3-9": "GroupNotFound", "CN=x,DC=y": "GroupNotFound",
		" ": "InvalidParameter", "twin": "GroupAmbiguous", foreign.GUID.String(): "GroupNotLinked", foreign.DN: "GroupNotLinked", foreign.SAMAccountName: "GroupNotLinked"} {
		_, stateErr := b.engine.Group(t.Context(), "group", text)
		_, syncErr := b.engine.SyncGroup(t.Context(), command.GroupSyncRequest{Group: text, WhatIf: true}, nil)
		for _, err := range []error{stateErr, syncErr} {
			if !contract.HasID(err, id) {
				t.Errorf("%q: %v, want %s", text, err, id)
			}
			if id == "GroupAmbiguous" && (!strings.Contains(err.Error(), guid("group twin 1").String()) || !strings.Contains(err.Error(), guid("group twin 2").String())) {
				t.Errorf("the candidates are not listed: %v", err)
			}
		}
	}
}

// put adds a foreign object that stands for no group of the tenant.
func (d *fakeDirectory) put(t *testing.T, name string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next++
	g := &directory.TargetGroup{GUID: guid("object " + name), CN: name, DN: fmt.Sprintf("CN=%s,%s", name, containerDN), Attributes: directory.Values{"displayName": {name}}, SAMAccountName: "sam of " + name,
		AdminDesc: directory.Mark(guid("group of another tenant"))}
	d.objects[g.GUID] = g
}

// For a group that is not written, the error says why; for one that does not exist, that
// it does not.
func TestWhyAGroupIsNotWritten(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "gone": {"a"}, "out": {"a"}})
	id := func(name string) directory.GUID { return guid("unfit " + name) }
	b.tenant.natures = map[directory.GUID]contract.GroupNature{id("list"): contract.NatureDistribution, id("mail security"): contract.NatureMailSecurity,
		id("synced"): contract.NatureSynced, id("other"): contract.NatureOther, id("security"): contract.NatureSecurity}
	selected := []directory.GUID{guid("group one"), guid("group gone")}
	b.force(t, command.Choices{GroupIDs: &selected})
	b.sync(t)
	b.purge("gone")
	b.pass(time.Minute)
	for text, want := range map[string][2]string{
		id("list").String():              {"Import Passed: The group was found. It is a distribution list.", "Scope Skipped: A distribution list is not written."},
		id("mail security").String():     {"Import Passed: The group was found. It is a mail-enabled security group.", "Scope Skipped: A mail-enabled security group is not written."},
		id("synced").String():            {"Import Passed: The group was found.", "Scope Skipped: A group that is synchronised from on-premises is not written"},
		id("other").String():             {"Import Passed: The group was found. It is a group of an unknown kind.", "Scope Skipped: A group of an unknown kind is not written."},
		id("security").String():          {"Import Passed: The group was found. It is a security group.", "Scope Skipped: A security group is written only with -IncludeSecurityGroup."},
		guid("group out").String():       {"Import Passed: The group was read.", "Scope Skipped: The group is not one of the selected groups."},
		b.object("gone").GUID.String():   {"Import Skipped: The group was not found in the tenant.", "Join Passed: The group is linked to"},
		guid("group gone").String() + "": {"Import Skipped: The group was not found in the tenant.", "Join Passed: The group is linked to"},
	} {
		r, err := b.engine.SyncGroup(t.Context(), command.GroupSyncRequest{Group: text, WhatIf: true}, nil)
		if err != nil || len(r.Steps) < 3 {
			t.Errorf("%s: %+v %v", text, r, err)
			continue
		}
		for i := range want {
			if said := fmt.Sprintf("%s %s: %s", r.Steps[i].Name, r.Steps[i].Result, r.Steps[i].Message); !strings.HasPrefix(said, want[i]) {
				t.Errorf("%s: %s\nwant %s", text, said, want[i])
			}
		}
	}
	if _, err := b.engine.SyncGroup(t.Context(), command.GroupSyncRequest{Group: guid("nobody").String()}, nil); !contract.HasID(err, "GroupNotFound") {
		t.Error(err)
	}
}
