package command_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// TestImportChecksContainers checks that a container which is not there is refused, and
// costs nothing else of the file.
func TestImportChecksContainers(t *testing.T) {
	b := mapped(t)
	for dn, refused := range map[string]int{apartDN: 0, "OU=None,DC=contoso,DC=test": 1} {
		path := filepath.Join(t.TempDir(), "mapping.json")
		text := `{"groupWritebackMapping": 1, "attributes": [{"attribute": "info", "expression": "[displayName]"}, {"attribute": "parentDistinguishedName", "expression": "\"` + dn + `\""}]}`
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := b.engine.ReadMappingFile(t.Context(), path)
		if err != nil || len(file.Refused) != refused || len(file.Entries) != 2-refused {
			t.Errorf("%s: %+v %v", dn, file, err)
		}
	}
}

// TestContainersThatAreRefused checks what is wrong with containers when they are set, and
// that nothing is saved then.
func TestContainersThatAreRefused(t *testing.T) {
	b := mapped(t)
	filters := func(container, filter string) command.SettingsPatch {
		return command.SettingsPatch{Choices: command.Choices{ContainerFilters: &[]contract.ContainerFilter{{Container: container, Filter: filter}}}}
	}
	by := func(expression string) command.SettingsPatch {
		return command.SettingsPatch{Mapping: &command.MappingPatch{Set: []plan.Entry{{Attribute: plan.AttrContainer, Expression: expression}}}}
	}
	both := filters(apartDN, "visibility -eq 'Public'")
	both.Mapping = by(`"` + apartDN + `"`).Mapping
	many := command.SettingsPatch{Choices: command.Choices{ContainerFilters: new([]contract.ContainerFilter)}}
	*many.ContainerFilters = make([]contract.ContainerFilter, 101)
	for want, patches := range map[string][]command.SettingsPatch{
		"ContainerNotFound":     {filters("OU=None,DC=contoso,DC=test", "visibility -eq 'Public'"), by(`Switch([theme], "` + containerDN + `", "a", "OU=None,DC=contoso,DC=test")`)},
		"ContainerInvalid":      {filters("none", "visibility -eq 'Public'")},
		"FilterInvalid":         {filters(apartDN, "visibility -equals 'Public'")},
		"InvalidParameter":      {filters(apartDN, " "), many},
		"ContainerRuleConflict": {both},
		"ExpressionInvalid":     {by(`Append("OU=", [theme])`), by(`"DC=test"`), by(`Swich([theme], "` + apartDN + `")`)},
	} {
		for _, patch := range patches {
			if _, err := b.engine.SetSettings(t.Context(), patch); !contract.HasID(err, want) {
				t.Errorf("%v, want %s", err, want)
			}
		}
	}
	if settings, err := b.engine.Settings(t.Context()); err != nil || settings.FurtherContainers != nil || settings.ContainerFilters != nil {
		t.Errorf("%+v %v", settings, err)
	}
}

// TestContainersAreLeft checks that the groups of containers that are no longer named are
// moved back, also from a container that was removed together with another choice.
func TestContainersAreLeft(t *testing.T) {
	b := mapped(t)
	b.setMapping(t, command.MappingPatch{Set: []plan.Entry{{Attribute: plan.AttrContainer, Expression: `IIF([displayName] = "one", "` + apartDN + `", "` + containerDN + `")`}}})
	if run := b.sync(t); run.Exported.Move != 1 || !strings.HasSuffix(b.object("one").DN, apartDN) {
		t.Fatalf("%+v", run)
	}
	b.setMapping(t, command.MappingPatch{Remove: []string{plan.AttrContainer}})
	settings, err := b.engine.Settings(t.Context())
	if err != nil || len(settings.FurtherContainers) > 0 || len(settings.FormerContainers) != 1 || settings.FormerContainers[0].DN != apartDN {
		t.Fatalf("%+v %v", settings, err)
	}
	if run := b.sync(t); run.Exported.Move != 1 || !strings.HasSuffix(b.object("one").DN, containerDN) {
		t.Errorf("%+v", run)
	}
}

// TestAWaitingMoveIsNotForgotten checks that groups which still wait to be moved out of a
// former container are moved after container filters were set.
func TestAWaitingMoveIsNotForgotten(t *testing.T) {
	b := mapped(t)
	b.object("one").DN = strings.Replace(b.object("one").DN, containerDN, apartDN, 1)
	b.object("two").DN = strings.Replace(b.object("two").DN, containerDN, apartDN, 1)
	settings, err := b.engine.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	state, err := b.engine.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// As an earlier release left it: no link knows its container, and the target container
	// has just been changed.
	links, err := state.Links(t.Context(), directory.GUID{}, 10)
	if err != nil || len(links) != 2 {
		t.Fatal(links, err)
	}
	for _, l := range links {
		if err := state.Unlink(t.Context(), l.TargetGUID); err != nil {
			t.Fatal(err)
		}
		l.Container, l.DN = directory.GUID{}, strings.Replace(l.DN, containerDN, apartDN, 1)
		if err := state.SaveLinks(t.Context(), []contract.Link{l}); err != nil {
			t.Fatal(err)
		}
	}
	settings.FormerContainers = []contract.Container{{GUID: guid("apart"), DN: apartDN}}
	if err := state.SaveSettings(t.Context(), settings); err != nil {
		t.Fatal(err)
	}
	filters := []contract.ContainerFilter{{Container: "OU=Third,DC=contoso,DC=test", Filter: "displayName -eq 'nobody'"}}
	if _, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{Choices: command.Choices{ContainerFilters: &filters}}); err != nil {
		t.Fatal(err)
	}
	if run := b.sync(t); run.Exported.Move != 2 || !strings.HasSuffix(b.object("one").DN, containerDN) {
		t.Errorf("%+v", run)
	}
}

// TestOnlyAMoveThatIsNotKnownToBeDoneCounts checks that an object which an administrator
// moved to where a run once had it, or meant to move it, stays.
func TestOnlyAMoveThatIsNotKnownToBeDoneCounts(t *testing.T) {
	b := mapped(t)
	filters := []contract.ContainerFilter{{Container: apartDN, Filter: "description -eq 'apart'"}}
	set := command.SettingsPatch{Choices: command.Choices{ContainerFilters: &filters}}
	if _, err := b.engine.SetSettings(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	b.sync(t)
	move := func(to string) {
		g := b.object("one")
		from := containerDN
		if strings.HasSuffix(g.DN, apartDN) {
			from = apartDN
		}
		g.DN = strings.Replace(g.DN, from, to, 1)
	}
	move(apartDN) // by hand
	b.sync(t)
	b.tenant.groups[guid("group one")].says("description", "apart")
	b.sync(t) // now it belongs there
	move(containerDN)
	for range 2 {
		if run := b.sync(t); run.Planned.Move != 0 || !strings.HasSuffix(b.object("one").DN, containerDN) {
			t.Errorf("%+v", run)
		}
	}
}
