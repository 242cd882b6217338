package command_test

import (
	"slices"
	"strings"
	"testing"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// Enable and Set check a selection or a filter when it is set.
func TestAScopeIsCheckedWhenItIsSet(t *testing.T) {
	id := func(name string) directory.GUID { return guid("group " + name) }
	ids := []directory.GUID{id("one"), id("list"), id("mail security"), id("synced"), id("security"), id("nobody")}
	unfit := ids[1:]
	none, some, yes := "displayName -eq 'nobody'", "displayName -like 'o*'", true
	for name, c := range map[string]struct {
		choices command.Choices
		want    []string // what the warnings contain, one entry each
	}{
		"everything":              {command.Choices{Scope: plan.ScopeAll}, nil},
		"a filter":                {command.Choices{Filter: &some}, nil},
		"a filter for nobody":     {command.Choices{Filter: &none}, []string{"0 of 3 groups are in scope"}},
		"with security groups":    {command.Choices{Filter: &none, IncludeSecurityGroups: &yes}, []string{"0 of 4 groups are in scope"}},
		"a selection":             {command.Choices{GroupIDs: &ids}, []string{"does not have these: " + id("nobody").String(), "distribution lists, which are not written: unfit", "mail-enabled security groups, which are not", "synchronised from on-premises and are not", "only with -IncludeSecurityGroup: security"}},
		"a selection of the same": {command.Choices{GroupIDs: &ids, IncludeSecurityGroups: &yes}, []string{"does not have these", "distribution list", "mail-enabled", "synchronised"}},
		"an unfit selection":      {command.Choices{GroupIDs: &unfit}, []string{"does not have these", "distribution list", "mail-enabled", "synchronised", "-IncludeSecurityGroup", "0 of 5 groups are in scope"}},
		"not yet enabled":         {command.Choices{Scope: plan.ScopeWritebackEnabled}, []string{"0 of 3 groups are in scope"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.tenant.put("one", "a")
			b.tenant.put("other", "a")
			b.tenant.put("third", "a")
			b.tenant.put("security", "a")
			b.tenant.groups[id("security")].Kind = directory.SecurityGroup
			b.tenant.byDefault = contract.No
			b.tenant.natures = map[directory.GUID]contract.GroupNature{id("list"): contract.NatureDistribution, id("mail security"): contract.NatureMailSecurity, id("synced"): contract.NatureSynced}
			check := func(by string, got []string) {
				t.Helper()
				for _, want := range c.want {
					if !slices.ContainsFunc(got, func(w string) bool { return strings.Contains(w, want) }) {
						t.Errorf("%s does not say %q: %q", by, want, got)
					}
				}
				if len(got) != len(c.want) {
					t.Errorf("%s says %q, want %q", by, got, c.want)
				}
			}
			request := command.EnableRequest{Choices: c.choices}
			request.TargetContainer, request.WhatIf = containerDN, true
			enabled, err := b.engine.Enable(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			about := slices.DeleteFunc(slices.Clone(enabled.Warnings), func(w string) bool { return !strings.Contains(w, "groups, ") && !strings.Contains(w, "in scope") })
			check("Enable", about)
			b.enable(t)
			set, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{Choices: c.choices})
			if err != nil {
				t.Fatal(err)
			}
			check("Set", set.Warnings)
		})
	}
	b := newBench(t)
	b.enable(t)
	if err := b.engine.Disconnect(); err != nil {
		t.Fatal(err)
	}
	set, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{Choices: command.Choices{Filter: &some}})
	if err != nil || len(set.Warnings) != 1 || !strings.Contains(set.Warnings[0], "not connected") {
		t.Errorf("%q %v", set.Warnings, err)
	}
}
