package plan

import (
	"strings"
	"testing"

	"groupwriteback/internal/directory"
)

func TestScope(t *testing.T) {
	filter, err := ParseFilter("displayName -like 'S*'")
	if err != nil {
		t.Fatal(err)
	}
	yes, no := true, false
	unified := func(enabled *bool) *directory.SourceGroup {
		g := source()
		g.Kind, g.WritebackEnabled = directory.UnifiedGroup, enabled
		return g
	}
	security := func(enabled *bool) *directory.SourceGroup {
		g := unified(enabled)
		g.Kind = directory.SecurityGroup
		return g
	}
	for _, c := range []struct {
		name  string
		scope Scope
		group *directory.SourceGroup
		out   string // a part of the reason; empty: in scope
	}{
		{"zero", Scope{}, unified(nil), ""},
		{"all", Scope{Mode: ScopeAll}, unified(&no), ""},
		{"all, security", Scope{Mode: ScopeAll}, security(&yes), "security group"},
		{"all, security too", Scope{Mode: ScopeAll, SecurityGroups: true}, security(nil), ""},
		{"enabled", Scope{Mode: ScopeWritebackEnabled}, unified(&yes), ""},
		{"not enabled", Scope{Mode: ScopeWritebackEnabled, NewGroupDefault: true}, unified(&no), "isEnabled is false"},
		{"not said, default off", Scope{Mode: ScopeWritebackEnabled}, unified(nil), "tenant's default"},
		{"not said, default on", Scope{Mode: ScopeWritebackEnabled, NewGroupDefault: true}, unified(nil), ""},
		{"security enabled", Scope{Mode: ScopeWritebackEnabled, SecurityGroups: true}, security(&yes), ""},
		{"security enabled, but not included", Scope{Mode: ScopeWritebackEnabled}, security(&yes), "security group"},
		{"security not said, default on", Scope{Mode: ScopeWritebackEnabled, SecurityGroups: true, NewGroupDefault: true}, security(nil), "not set"},
		{"selected", Scope{Mode: ScopeSelected, IDs: map[directory.GUID]bool{groupID: true}}, unified(&no), ""},
		{"not selected", Scope{Mode: ScopeSelected, IDs: map[directory.GUID]bool{object: true}}, unified(&yes), "selected"},
		{"none selected", Scope{Mode: ScopeSelected}, unified(nil), "selected"},
		{"filter holds", Scope{Filter: filter}, unified(nil), ""},
		{"selected, but the filter does not hold", Scope{Mode: ScopeSelected, IDs: map[directory.GUID]bool{groupID: true}, Filter: filter},
			&directory.SourceGroup{ID: groupID, Properties: directory.Values{"displayName": {"HR"}}}, "filter"},
		{"a mode that is not known", Scope{Mode: "Some"}, unified(&yes), "Some"},
	} {
		why := c.scope.Excludes(c.group)
		if (why == "") != (c.out == "") || !strings.Contains(why, c.out) {
			t.Errorf("%s: excluded by %q, want %q", c.name, why, c.out)
		}
		if c.scope.Holds(c.group) != (c.out == "") {
			t.Errorf("%s: Holds and Excludes disagree", c.name)
		}
	}
}

func TestGroupType(t *testing.T) {
	const distribution, security = directory.GroupTypeUniversalDistribution, directory.GroupTypeUniversalSecurity
	for _, c := range []struct {
		name       string
		setting    OnPremisesGroupType
		own        bool
		kind       directory.GroupKind
		groupsOwn  string
		want       int32
		mailIsKept bool
	}{
		{"nothing said", "", false, directory.UnifiedGroup, "", distribution, true},
		{"distribution", UniversalDistribution, false, directory.UnifiedGroup, "", distribution, true},
		{"security", UniversalSecurity, false, directory.UnifiedGroup, "", security, false},
		{"mail-enabled security", UniversalMailEnabledSecurity, false, directory.UnifiedGroup, "", security, true},
		{"the group's own does not count", UniversalDistribution, false, directory.UnifiedGroup, "universalSecurityGroup", distribution, true},
		{"the group's own counts", UniversalDistribution, true, directory.UnifiedGroup, "universalSecurityGroup", security, false},
		{"the group's own, mail-enabled", UniversalSecurity, true, directory.UnifiedGroup, "universalMailEnabledSecurityGroup", security, true},
		{"the group says nothing", UniversalSecurity, true, directory.UnifiedGroup, "", security, false},
		{"the group says what is not known", UniversalSecurity, true, directory.UnifiedGroup, "globalGroup", security, false},
		{"a security group", UniversalDistribution, true, directory.SecurityGroup, "universalDistributionGroup", security, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := source()
			g.Kind, g.OnPremisesGroupType = c.kind, c.groupsOwn
			r := rules()
			object := written(g, r, object)
			r.OnPremisesGroupType, r.OwnGroupType = c.setting, c.own
			changes := Group(&Pair{ID: g.ID, Source: g, Candidates: []Candidate{object}}, r)
			for _, change := range changes {
				apply(&object, change)
			}
			if object.GroupType != c.want || (mail(object) != "") != c.mailIsKept {
				t.Errorf("an object that was there is %d with mail %q after %v", object.GroupType, mail(object), say(changes))
			}
			fresh := written(g, r, object.GUID)
			if fresh.GroupType != c.want || (mail(fresh) != "") != c.mailIsKept {
				t.Errorf("a new object is %d with mail %q", fresh.GroupType, mail(fresh))
			}
		})
	}
}

func mail(c Candidate) string { return c.Attributes.First("mail") }
