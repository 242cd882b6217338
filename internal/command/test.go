package command

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/owner"
	"groupwriteback/internal/plan"
)

// Test checks each prerequisite and reports the results, one row each. A check that
// cannot be made is reported as skipped.
func (e *Engine) Test(ctx context.Context, container string) ([]Check, error) {
	c, done, err := e.use(noSide)
	if err != nil {
		return nil, err
	}
	defer done()
	t := tester{connection: c, progress: contract.ProgressOf(ctx)}
	t.progress.Begin("Test", "Checking the state")
	settings := t.checkState(ctx, e)
	if t.mapping, err = e.mapping(&settings); err != nil {
		return nil, err
	}
	t.looks("Checking the tenant")
	t.checkSource(ctx, &settings)
	t.looks("Checking Active Directory")
	t.checkTarget(ctx, &settings, container)
	if err := ctx.Err(); err != nil {
		return nil, contract.ErrCancelled(err) // a check that was not made is not a failure
	}
	return t.checks, nil
}

type tester struct {
	connection
	mapping  plan.Mapping
	progress *contract.Meter
	state    contract.LinkStore // nil if it cannot be read
	checks   []Check
}

// allChecks is the number of prerequisites.
const allChecks = 23

// looks reports which check comes next.
func (t *tester) looks(message string) { t.progress.At(len(t.checks), allChecks, message) }

func (t *tester) add(name string, result contract.CheckResult, message, advice string) {
	t.checks = append(t.checks, Check{Name: name, Result: result, Message: message, Advice: advice})
}

// addError adds a failed check with the message of the error.
func (t *tester) addError(name string, err error) {
	e := contract.AsError(err)
	message := e.Message
	if e.Object != "" {
		message = e.Object + ": " + message
	}
	t.checks = append(t.checks, Check{Name: name, Result: contract.Failed, Message: message, Advice: e.Advice, ErrorID: e.ID})
}

func (t *tester) checkState(ctx context.Context, e *Engine) contract.Settings {
	settings, err := e.Settings(ctx)
	if err == nil {
		var state contract.State
		if state, err = e.State(ctx); err == nil {
			t.state = state
			err = checkOwner(ctx, state, &settings, &t.connection)
		}
	}
	if err != nil {
		t.addError("State", err)
		return contract.DefaultSettings()
	}
	if none, ok := t.state.(nothing); ok {
		t.add("State", contract.Passed, "There is no state yet. Enable-GroupWriteback creates it in "+none.folder+".", "")
		return settings
	}
	t.add("State", contract.Passed, "The state is readable and belongs to this tenant and domain.", "")
	return settings
}

func (t *tester) checkSource(ctx context.Context, settings *contract.Settings) {
	names := []string{"GraphSignIn", "GraphPermission", "DeletedGroupPermission", "HiddenMembershipPermission", "GraphPrivilege", "ConnectWriteback"}
	if t.source == nil {
		t.skipped(names, "NotConnected", "There is no connection to the tenant.")
		return
	}
	id, err := t.source.Identify(ctx)
	if err != nil {
		t.addError(names[0], err)
		t.skipped(names[1:], contract.AsError(err).ID, "The sign-in failed.")
		return
	}
	t.add(names[0], contract.Passed, fmt.Sprintf("Signed in to %s (%s).", id.TenantName, id.TenantID), "")
	if err := id.RequirePermissions(); err != nil {
		t.addError(names[1], err)
	} else {
		t.add(names[1], contract.Passed, "The token has the permissions "+strings.Join(id.Roles, ", ")+".", "")
	}
	if id.HasOne(contract.DeletedRoles) {
		t.add(names[2], contract.Passed, "Deleted groups can be distinguished from unreadable ones.", "")
	} else {
		t.add(names[2], contract.Warning, "Deleted groups cannot be read, so no group will be deleted from Active Directory.", "Grant Group.Read.All so that groups that are deleted in the tenant are deleted in Active Directory.")
	}
	switch {
	case !settings.IncludeHiddenMembership:
		t.add(names[3], contract.Passed, "Groups with hidden membership are not written, so no permission is needed.", "")
	case id.HasOne(contract.HiddenRoles):
		t.add(names[3], contract.Passed, hiddenWarning, "")
	default:
		t.add(names[3], contract.Warning, "Groups with hidden membership are configured to be written, but cannot be read.", "Grant Member.Read.Hidden, or turn off -IncludeHiddenMembership.")
	}
	t.checkRoles(names[4], id.Roles)
	t.looks("Checking whether Entra Connect writes groups back")
	switch on, err := t.source.ConnectWriteback(ctx); {
	case err != nil:
		t.addError(names[5], err)
	case on == contract.Yes:
		t.addError(names[5], &contract.Error{ID: "ConnectWritebackEnabled", Message: "Entra Connect's own group writeback is enabled in this tenant.",
			Advice: "Disable it in Entra Connect first. When it is disabled later, it deletes every group that it created."})
	case on == contract.Unknown:
		t.add(names[5], contract.Warning, "Cannot determine whether Entra Connect's own group writeback is enabled, because Microsoft Graph reports it only to signed-in users.", "Make sure that it is disabled.")
	default:
		t.add(names[5], contract.Passed, "Entra Connect's own group writeback is disabled.", "")
	}
}

// skipped adds checks that could not be made, with the id of the error that prevented
// them.
func (t *tester) skipped(names []string, id, why string) {
	for _, name := range names {
		t.checks = append(t.checks, Check{Name: name, Result: contract.Skipped, Message: why, ErrorID: id})
	}
}

func (t *tester) checkTarget(ctx context.Context, settings *contract.Settings, dn string) {
	names := slices.Concat([]string{"DirectoryBind", "Container", "ContainerRight", "ForeignGroup"}, rightNames, []string{"DeletedObject", "Schema"}, exchangeNames)
	if t.target == nil {
		t.skipped(names, "NotConnected", "There is no connection to Active Directory.")
		return
	}
	id, err := t.target.Identify(ctx)
	if err != nil {
		t.addError(names[0], err)
		t.skipped(names[1:], contract.AsError(err).ID, "Active Directory does not respond.")
		return
	}
	t.add(names[0], contract.Passed, fmt.Sprintf("Bound to %s (%s) as %s.", id.Server, id.DomainName, id.Account), "")
	rest := 4 + len(rightNames)
	t.checkContainer(ctx, names[1:rest], settings, dn, settings.Container.GUID)
	for _, further := range settings.FurtherContainers {
		if dn == "" {
			t.checkContainer(ctx, names[1:rest], settings, "", further.GUID)
		}
	}
	t.checks = once(t.checks) // some say the same of each container
	if id.DeletedVisible {
		t.add(names[rest], contract.Passed, "The account can read deleted objects.", "")
	} else {
		t.add(names[rest], contract.Passed, "The account cannot read deleted objects. Each run lists the groups instead to detect deletions.", "")
	}
	if id.Schema.ExternalID {
		t.add(names[rest+1], contract.Passed, fmt.Sprintf("Schema version %d, with msDS-ExternalDirectoryObjectId.", id.Schema.ObjectVersion), "")
	} else {
		t.add(names[rest+1], contract.Passed, fmt.Sprintf("Schema version %d, older than Windows Server 2016, without msDS-ExternalDirectoryObjectId: the mark is stored only in adminDescription.", id.Schema.ObjectVersion), "")
	}
	t.checkExchange(ctx, settings)
}

// once returns the checks without repeated ones.
func once(checks []Check) []Check {
	seen := map[Check]bool{}
	return slices.DeleteFunc(checks, func(c Check) bool {
		twice := seen[c]
		seen[c] = true
		return twice
	})
}

func (t *tester) checkContainer(ctx context.Context, names []string, settings *contract.Settings, dn string, guid directory.GUID) {
	if dn != "" {
		guid = directory.GUID{}
	}
	if dn == "" && guid.IsZero() {
		t.skipped(names, "ContainerRequired", "No container is specified or configured.")
		return
	}
	container, err := t.target.Container(ctx, dn, guid)
	if err != nil {
		t.addError(names[0], err)
		t.skipped(names[1:], contract.AsError(err).ID, "The container cannot be read.")
		return
	}
	if err := container.Protected(&t.targetID); err != nil {
		t.addError(names[0], err)
	} else {
		t.add(names[0], contract.Passed, container.DN+" exists.", "")
	}
	if container.CanCreate {
		t.add(names[1], contract.Passed, "The account can create groups there.", "")
	} else {
		t.addError(names[1], &contract.Error{ID: "ContainerNoCreateRight", Object: container.DN, Message: "The account cannot create groups there.",
			Advice: "Test-GroupWriteback | Grant-GroupWritebackPermission -Credential (Get-Credential) grants the missing rights, with an account that can change permissions."})
		t.names(t.targetID.AccountSID, container)
	}
	tenant := settings.Tenant.ID
	if tenant.IsZero() {
		tenant = t.sourceID.TenantID
	}
	of := *settings
	of.Tenant.ID = tenant
	t.looks("Counting the groups in " + container.DN)
	var m owner.Marked
	var a owner.Strays
	j, err := owner.NewJudge(t.target, &t.targetID, &of, owner.Containers{Current: []contract.Container{container}})
	if err == nil {
		m, err = j.CountMarked(ctx, t.state, settings.Released())
	}
	if err == nil {
		a, err = owner.FindStrays(ctx, t.state, t.target, &t.targetID, &of, container)
	}
	switch {
	case err != nil:
		t.addError(names[2], err)
	case m.Foreign > 0:
		t.add(names[2], contract.Warning, directory.Plural(m.Foreign, "1 group there was", "%d groups there were")+fmt.Sprintf(" written back by another product or tenant, %d by this one.", m.Own)+m.Untrusted(),
			"Choose an empty container, or use -Adopt.")
	case a.Groups > 0:
		t.add(names[2], contract.Warning, a.String(), "")
	default:
		t.add(names[2], contract.Passed, directory.Plural(m.Own, "1 group there was", "%d groups there were")+" written back by this tenant's installation, none by others.", "")
	}
	t.looks("Checking the rights in Active Directory")
	t.checkRights(ctx, settings, container, m.Written)
}
