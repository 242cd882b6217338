package arch

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestModuleAndEngineKnowTheSameClouds: the module needs the names of the clouds for
// completion and their addresses for the first access token, before it can ask an
// engine. So it has its own list.
func TestModuleAndEngineKnowTheSameClouds(t *testing.T) {
	names := func(text string) []string {
		var found []string
		for _, m := range regexp.MustCompile("['`](\\w+)['`]").FindAllStringSubmatch(text, -1) {
			found = append(found, m[1])
		}
		return found
	}
	var want []string
	for _, cloud := range directory.Clouds {
		want = append(want, string(cloud))
	}
	for file, list := range map[string]string{
		"module/Public/Connect-GroupWriteback.ps1": `\[ValidateSet\(([^)]*)\)\]\s*\[string\] \$Environment`,
		"docs/protocol.md":                         "`environment` \\(([^)]*)\\)",
	} {
		m := regexp.MustCompile(list).FindStringSubmatch(readFile(t, file))
		if m == nil || !slices.Equal(names(m[1]), want) {
			t.Errorf("%s names the clouds %q, the engine %q", file, m, want)
		}
	}
	resources := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\s*'?(\w+)'? \{ '(https://[^']+)' \}$`).FindAllStringSubmatch(readFile(t, "module/Private/Connection.ps1"), -1) {
		resources[m[1]] = m[2]
	}
	for i, cloud := range directory.Clouds {
		hosts, ok := cloud.Endpoints()
		name := string(cloud)
		if i == 0 {
			name = "default"
		}
		if !ok || hosts.Authority == "" || resources[name] != hosts.Graph {
			t.Errorf("%s: the module asks for a token at %q, the engine at %q", cloud, resources[name], hosts.Graph)
		}
	}
	if len(resources) != len(directory.Clouds) {
		t.Errorf("the module has addresses for %d clouds, the engine for %d", len(resources), len(directory.Clouds))
	}
}

// TestPermissionsForDeletedGroupsAreDocumented: the page of permissions names those that
// let an account read deleted groups, except the ones that would also let it write.
func TestPermissionsForDeletedGroupsAreDocumented(t *testing.T) {
	page := readFile(t, "docs/permissions.md")
	for _, role := range contract.DeletedRoles {
		if !strings.Contains(role, "ReadWrite") && !strings.Contains(page, role) {
			t.Errorf("docs/permissions.md does not name %s", role)
		}
	}
	if row := "| " + contract.DeletedRoles[0] + " | telling deleted groups"; !strings.Contains(page, row) {
		t.Errorf("docs/permissions.md has no row %q", row)
	}
}
