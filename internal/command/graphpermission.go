package command

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// ScriptKind is the tool that a script for Graph permissions is for.
type ScriptKind string

// The kinds of scripts.
const (
	GraphSDKScript ScriptKind = "GraphSdk" // PowerShell, with the module Microsoft.Graph.Applications
	AzureCLIScript ScriptKind = "AzureCli" // bash, with az
)

// ScriptKinds are all kinds of scripts.
var ScriptKinds = []ScriptKind{GraphSDKScript, AzureCLIScript}

// UnmarshalText ignores letter case.
func (k *ScriptKind) UnmarshalText(text []byte) error {
	return directory.SetWord(k, text, ScriptKinds)
}

// GraphPermissionRequest asks for the permissions in the tenant.
type GraphPermissionRequest struct {
	// Script also asks for a script that grants them; empty: none.
	Script ScriptKind `json:"script"`
	// ClientID is the application, or the managed identity, that the script grants them
	// to; zero: the connected one.
	ClientID directory.GUID `json:"clientId"`
}

// GraphPermissionResult has the permissions, and the script if one was requested.
type GraphPermissionResult struct {
	Permissions []GraphPermission `json:"permissions"`
	// Script has the lines of the script.
	Script []string `json:"script,omitempty"`
}

// GraphPermission is an application permission. State is empty if there is no connection
// to the tenant, which could tell.
type GraphPermission struct {
	Name   string          `json:"name"`
	Reason string          `json:"reason"`
	State  PermissionState `json:"state,omitempty"`
}

// GraphPermission returns the exact permissions for what is switched on, and what the token
// of the connection has of them and beyond. It needs no connection.
func (e *Engine) GraphPermission(ctx context.Context, request GraphPermissionRequest) (GraphPermissionResult, error) {
	c, done, err := e.use(noSide)
	if err != nil {
		return GraphPermissionResult{}, err
	}
	defer done()
	settings, err := e.Settings(ctx)
	if err != nil {
		return GraphPermissionResult{}, err
	}
	result := GraphPermissionResult{Permissions: []GraphPermission{}}
	var names, known []string
	for _, p := range settings.Permissions() {
		names, known = append(names, p.Name), append(known, p.Includes...)
		one := GraphPermission{Name: p.Name, Reason: p.Reason}
		switch {
		case c.source == nil:
		case c.sourceID.HasOne([]string{p.Name}):
			one.State = PermissionPresent
		case c.sourceID.HasOne(p.Includes):
			one.State = PermissionCovered
		default:
			one.State = PermissionMissing
		}
		result.Permissions = append(result.Permissions, one)
	}
	for _, role := range c.sourceID.Roles {
		fold := func(r string) bool { return strings.EqualFold(r, role) }
		if !slices.ContainsFunc(append(known, documentedRoles...), fold) {
			result.Permissions = append(result.Permissions, GraphPermission{Name: role, Reason: "Nothing here uses it.", State: PermissionSurplus})
		}
	}
	if request.Script != "" {
		var script string
		script, err = graphScript(&c, request, names)
		result.Script = strings.Split(strings.TrimSuffix(script, "\n"), "\n")
	}
	return result, err
}

//go:embed grantgraph.ps1
var graphSDKScript string

//go:embed grantgraph.sh
var azureCLIScript string

// graphScript returns a script that grants the permissions. Nothing but GUIDs, names of
// permissions and hosts of ours get into it.
func graphScript(c *connection, request GraphPermissionRequest, names []string) (string, error) {
	id := request.ClientID
	if id.IsZero() && c.source != nil {
		id, _ = directory.ParseGUID(c.sourceID.AppID)
	}
	if id.IsZero() {
		return "", &contract.Error{Category: contract.InvalidArgument, ID: "ApplicationRequired",
			Message: "No application is given, and there is no connection whose application could be meant.", Advice: "Give the client id of the application, or of the managed identity, with -ClientId."}
	}
	cloud := directory.Cloud(c.sourceConfig.Cloud)
	if cloud == "" {
		cloud = directory.Clouds[0]
	}
	hosts, ok := cloud.Endpoints()
	if !ok {
		return "", fmt.Errorf("there is no cloud %q", cloud)
	}
	text, quote, separator := graphSDKScript, "'", ", "
	if request.Script == AzureCLIScript {
		text, quote, separator = azureCLIScript, "", " "
	}
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = quote + name + quote
	}
	return strings.NewReplacer("@CLIENT@", id.String(), "@PERMISSIONS@", strings.Join(quoted, separator), "@CLOUD@", string(cloud), "@GRAPH@", hosts.Graph).Replace(text), nil
}
