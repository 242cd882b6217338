package command_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
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
