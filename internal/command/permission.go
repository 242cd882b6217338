package command

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/rights"
)

// PermissionRequest names an account and the containers in which it writes groups.
type PermissionRequest struct {
	// Account is as in [contract.TargetReader.Principal]; empty: the account of the
	// connection.
	Account string `json:"account"`
	// TargetContainer is a DN; empty: the configured container, and those that were
	// configured before and still hold groups.
	TargetContainer string `json:"targetContainer"`
	// UsePropertySet and Compatible choose another form of the entries, see
	// [rights.Form]. At most one is set.
	UsePropertySet bool `json:"usePropertySet"`
	Compatible     bool `json:"compatible"`
	// IncludeRestore includes the right to restore deleted objects, at the head of the
	// domain.
	IncludeRestore bool `json:"includeRestore"`
	// Force changes a list that is not in the canonical order.
	Force  bool `json:"force"`
	WhatIf bool `json:"whatIf"`
	// Target is another sign-in than that of the connection, whose server is used if it
	// names none. It is for accounts that may change permissions; the service account may
	// not.
	Target *contract.TargetConfig `json:"-"`
}

// PermissionResult is what was found or changed.
type PermissionResult struct {
	Account    contract.Principal    `json:"account"`
	Containers []ContainerPermission `json:"containers"`
}

// ContainerPermission is the access control list of a container, as far as it concerns the
// account.
type ContainerPermission struct {
	DN string `json:"dn"`
	// Before and After are the whole list in SDDL. They are the same if nothing changes.
	Before  string            `json:"before"`
	After   string            `json:"after"`
	Entries []PermissionEntry `json:"entries"`
	// Warnings are sentences about what the entries do not reach.
	Warnings []string `json:"warnings"`
}

// PermissionEntry is an entry of an access control list.
type PermissionEntry struct {
	State PermissionState `json:"state"`
	SDDL  string          `json:"sddl"`
	Words string          `json:"words"`
	// Along are the attributes that a property set covers although they are not written.
	Along []string `json:"along,omitempty"`
}

// PermissionState says what became of an entry.
type PermissionState string

// The states of an entry.
const (
	PermissionPresent PermissionState = "Present" // it is there
	PermissionCovered PermissionState = "Covered" // it is not there, but other entries give the same
	PermissionMissing PermissionState = "Missing"
	PermissionSurplus PermissionState = "Surplus" // it gives the account more than it needs
	PermissionAdded   PermissionState = "Added"
	PermissionRemoved PermissionState = "Removed"
)

// Permission returns what the account needs in the containers, what of that it has, and
// what it has beyond.
func (e *Engine) Permission(ctx context.Context, request PermissionRequest) (PermissionResult, error) {
	return e.permission(ctx, request, "", func(g *grant, place *grantPlace) error {
		list := place.list.Descriptor
		for _, entry := range place.entries(g, request.form()) {
			state := PermissionMissing
			if rights.Has(list.Entries(), entry.ACE) {
				state = PermissionPresent
			} else if place.head && rights.MayRestore(list, g.account.Token) || !place.head && rights.Covered(entry, g.schema, list, g.account.Token) {
				state = PermissionCovered
			}
			place.say(g, state, entry)
		}
		if place.head {
			return nil
		}
		for _, entry := range rights.Surplus(list.Entries(), g.schema, g.attributes, g.account.SID) {
			place.say(g, PermissionSurplus, rights.Entry{ACE: entry})
		}
		return nil
	})
}

// Grant gives the account what it needs in the containers. If one of them cannot be
// changed, none is. Errors: ContainerProtected, ContainerNoPermissionRight,
// AccessListOutOfOrder, AccessListFull, and those of reading.
func (e *Engine) Grant(ctx context.Context, request PermissionRequest) (PermissionResult, error) {
	return e.permission(ctx, request, contract.AuditRightsGranted, func(g *grant, place *grantPlace) error {
		if err := g.mayChange(place, request); err != nil {
			return err
		}
		before := place.list.Descriptor.Entries()
		var wanted []rights.Entry
		for _, entry := range place.entries(g, request.form()) {
			state := PermissionPresent
			if !rights.Has(before, entry.ACE) {
				state, wanted = PermissionAdded, append(wanted, entry)
			}
			place.say(g, state, entry)
		}
		if place.head && wanted != nil {
			place.result.Warnings = append(place.result.Warnings, restoreRisk)
		}
		place.after = place.list.Descriptor.With(rights.Grant(before, wanted))
		return nil
	})
}

// Revoke takes from the account what Grant gives it, in any form, and nothing else. Errors
// are those of Grant.
func (e *Engine) Revoke(ctx context.Context, request PermissionRequest) (PermissionResult, error) {
	return e.permission(ctx, request, contract.AuditRightsRevoked, func(g *grant, place *grantPlace) error {
		if err := g.mayChange(place, request); err != nil {
			return err
		}
		before := place.list.Descriptor.Entries()
		var after []descriptor.ACE
		if place.head {
			after = slices.Clone(before)
			for _, entry := range rights.RestoreEntries(g.account.SID) {
				after = descriptor.Remove(after, entry.ACE)
			}
		} else {
			after = rights.Revoke(before, g.schema, g.attributes, g.account.SID)
		}
		removed, _ := descriptor.Difference(before, after)
		for _, entry := range removed {
			place.say(g, PermissionRemoved, rights.Entry{ACE: entry})
		}
		place.after = place.list.Descriptor.With(after)
		return nil
	})
}

func (r *PermissionRequest) form() rights.Form {
	switch {
	case r.Compatible:
		return rights.Compatible
	case r.UsePropertySet:
		return rights.ByPropertySet
	}
	return rights.ByAttribute
}

// grant is what a request about permissions works with.
type grant struct {
	target     contract.Target
	id         contract.TargetIdentity
	account    contract.Account
	schema     rights.Schema
	attributes []string // that are written
}

// grantPlace is a container with its list, before and after.
type grantPlace struct {
	guid   directory.GUID
	list   contract.AccessList
	after  descriptor.Descriptor
	result ContainerPermission
	head   bool // the head of the domain, where the right to restore is
}

// restoreRisk says what the right to restore means. Microsoft's page "Restoring Deleted
// Objects" calls it a risk.
const restoreRisk = "With this right the account can restore every deleted account and group of the domain, which Microsoft calls a risk: whoever obtains the account's credential can take over what nobody watches any more. " +
	"Restore-GroupWritebackGroup -Credential with an administrator's account works without it."

// entries returns what the account needs in the place.
func (p *grantPlace) entries(g *grant, form rights.Form) []rights.Entry {
	if p.head {
		return rights.RestoreEntries(g.account.SID)
	}
	return g.entries(form)
}

// permission reads what a request is about, lets do decide about each container, and
// writes what changes, with the event in the audit.
func (e *Engine) permission(ctx context.Context, request PermissionRequest, event contract.AuditEvent, do func(*grant, *grantPlace) error) (PermissionResult, error) {
	needed := noSide
	if request.Target == nil || request.Target.Server == "" {
		needed = targetSide
	}
	c, done, err := e.use(needed)
	if err != nil {
		return PermissionResult{}, err
	}
	defer done()
	state, err := e.State(ctx)
	if err != nil {
		return PermissionResult{}, err
	}
	settings, err := state.LoadSettings(ctx)
	if err != nil {
		return PermissionResult{}, err
	}
	p := contract.ProgressOf(ctx)
	p.Begin("Permission", "Looking at the account")
	g, closing, err := e.openGrant(ctx, &c, &request, &settings)
	if err != nil {
		return PermissionResult{}, err
	}
	defer closing()
	places, err := g.places(ctx, &settings, request.TargetContainer)
	if err != nil {
		return PermissionResult{}, err
	}
	if request.IncludeRestore {
		list, err := g.target.AccessList(ctx, g.id.DomainGUID)
		if err != nil {
			return PermissionResult{}, err
		}
		places = append(places, grantPlace{guid: g.id.DomainGUID, list: list, after: list.Descriptor, head: true,
			result: ContainerPermission{DN: list.DN, Entries: []PermissionEntry{}, Warnings: []string{}}})
	}
	for i := range places {
		p.At(i, len(places), "Looking at "+places[i].list.DN)
		if err := do(g, &places[i]); err != nil {
			return PermissionResult{}, err
		}
		if places[i].head {
			continue // nothing inherits the right
		}
		if err := g.warn(ctx, &places[i]); err != nil {
			return PermissionResult{}, err
		}
	}
	result := PermissionResult{Account: g.account.Principal, Containers: []ContainerPermission{}}
	for i := range places {
		place := &places[i]
		place.result.Before, place.result.After = place.list.Descriptor.SDDL(g.domains()), place.after.SDDL(g.domains())
		if place.result.Before != place.result.After && !request.WhatIf {
			p.At(i, len(places), "Changing the permissions of "+place.list.DN)
			if err := e.change(ctx, state, func() error { return g.target.Writer(nil).SetAccessList(ctx, place.guid, place.after) }, place.entry(g, event)...); err != nil {
				return PermissionResult{}, err
			}
			if _, none := state.(nothing); none {
				place.result.Warnings = append(place.result.Warnings, "There is no state in "+state.Folder()+" yet, so the change is in no audit there.")
			}
		}
		result.Containers = append(result.Containers, place.result)
	}
	return result, nil
}

// openGrant connects, if the request has a sign-in of its own, and reads the account and
// the schema.
func (e *Engine) openGrant(ctx context.Context, c *connection, request *PermissionRequest, settings *contract.Settings) (*grant, func(), error) {
	g := &grant{target: c.target, id: c.targetID}
	closing := func() {}
	name := request.Account
	if name == "" && c.target != nil {
		name = string(c.targetID.AccountSID)
	}
	if name == "" {
		return nil, closing, &contract.Error{Category: contract.InvalidArgument, ID: "AccountRequired",
			Message: "No account is given, and there is no connection whose account could be meant.", Advice: "Name the account with -Account."}
	}
	mapping, err := e.mapping(settings)
	if err != nil {
		return nil, closing, err
	}
	if request.Target != nil {
		own := *c
		if closing, err = e.signIn(ctx, &own, request.Target, settings); err != nil {
			return nil, func() {}, err
		}
		g.target, g.id = own.target, own.targetID
	}
	err = g.read(ctx, name)
	if err != nil {
		closing()
		return nil, func() {}, err
	}
	if g.attributes, err = neededAttributes(ctx, g.target, &g.id, mapping, settings); err != nil {
		closing()
		return nil, func() {}, err
	}
	return g, closing, nil
}

// signIn opens a target for one request, in place of that of the connection, whose server it
// uses if it names none.
func (e *Engine) signIn(ctx context.Context, c *connection, target *contract.TargetConfig, settings *contract.Settings) (closing func(), err error) {
	mapping, err := e.mapping(settings)
	if err != nil {
		return nil, err
	}
	wanted := *target
	if wanted.Server == "" {
		wanted.Server, wanted.StartTLS = c.targetConfig.Server, c.targetConfig.StartTLS
		if wanted.CAFile == "" {
			wanted.CAFile = c.targetConfig.CAFile
		}
	}
	wanted.PreferredServer, wanted.Attributes = c.targetID.Server, mapping.Attributes()
	opened, err := e.config.OpenTarget(ctx, wanted)
	if err != nil {
		return nil, err
	}
	id, err := opened.Identify(ctx)
	if err != nil {
		opened.Close()
		return nil, err
	}
	c.target, c.targetConfig, c.targetID = opened, wanted.WithoutSecrets(), id
	return func() { opened.Close() }, nil
}

func (g *grant) read(ctx context.Context, name string) (err error) {
	if g.account, err = g.target.Account(ctx, name); err != nil {
		return err
	}
	g.schema, err = g.target.RightsSchema(ctx)
	return err
}

// places returns the named container or, if none is named, the configured ones.
func (g *grant) places(ctx context.Context, settings *contract.Settings, dn string) ([]grantPlace, error) {
	var guids []directory.GUID
	switch {
	case dn != "":
		guids = []directory.GUID{{}}
	case settings.Container.GUID.IsZero():
		return nil, &contract.Error{Category: contract.InvalidArgument, ID: "ContainerRequired", Message: "No target container is given, and none is configured.",
			Advice: "Name the organisational unit with -TargetContainer."}
	default:
		for _, container := range append(settings.Containers(), settings.FormerContainers...) {
			if !slices.Contains(guids, container.GUID) {
				guids = append(guids, container.GUID)
			}
		}
	}
	current := len(settings.Containers())
	var places []grantPlace
	for i, guid := range guids {
		container, err := g.target.Container(ctx, dn, guid)
		if contract.HasID(err, "ContainerNotFound") && i >= current {
			continue // a former container that is gone
		}
		if err != nil {
			return nil, err
		}
		if err := container.Protected(&g.id); err != nil {
			return nil, err
		}
		list, err := g.target.AccessList(ctx, container.GUID)
		if err != nil {
			return nil, err
		}
		places = append(places, grantPlace{guid: container.GUID, list: list, after: list.Descriptor,
			result: ContainerPermission{DN: container.DN, Entries: []PermissionEntry{}, Warnings: []string{}}})
	}
	return places, nil
}

func (g *grant) domains() descriptor.Domains {
	return descriptor.Domains{Domain: g.id.DomainSID, Forest: g.id.ForestSID}
}

func (g *grant) entries(form rights.Form) []rights.Entry {
	return rights.Entries(g.schema, g.attributes, form, g.account.SID)
}

// say adds an entry to the answer.
func (p *grantPlace) say(g *grant, state PermissionState, entry rights.Entry) {
	names := descriptor.Names{Thing: g.schema.Thing, Trustee: func(sid directory.SID) string {
		if sid == g.account.SID {
			return g.account.Name
		}
		return ""
	}}
	p.result.Entries = append(p.result.Entries, PermissionEntry{State: state, SDDL: entry.SDDL(g.domains()), Words: entry.Words(names), Along: entry.Along})
}

// entry returns what the audit has of a change of the container's list.
func (p *grantPlace) entry(g *grant, event contract.AuditEvent) []contract.AuditEntry {
	entry := contract.AuditEntry{Event: event, Object: p.list.DN, DirectoryAccount: g.id.Account}
	removed, added := descriptor.Difference(p.list.Descriptor.Entries(), p.after.Entries())
	for _, ace := range removed {
		entry.Changes = append(entry.Changes, contract.AuditChange{Name: g.account.Name, Old: ace.SDDL(g.domains())})
	}
	for _, ace := range added {
		entry.Changes = append(entry.Changes, contract.AuditChange{Name: g.account.Name, New: ace.SDDL(g.domains())})
	}
	return entry.Split()
}

// mayChange checks that the list can be changed and stays in order.
func (g *grant) mayChange(place *grantPlace, request PermissionRequest) error {
	entries := place.list.Descriptor.Entries()
	if i := descriptor.OutOfOrder(entries); i >= 0 && !request.Force {
		return &contract.Error{Category: contract.InvalidData, ID: "AccessListOutOfOrder", Object: place.list.DN,
			Message: fmt.Sprintf("Its access control list is not in the canonical order: entry %d, %s, stands behind one that has to follow it.", i+1, entries[i].SDDL(g.domains())),
			Advice:  "Look at the list: what denies after what allows may not do what it is meant to. Put it in order with the security editor, or add the entries all the same with -Force."}
	}
	if place.list.Changeable {
		return nil
	}
	err := &contract.Error{Category: contract.PermissionDenied, ID: "ContainerNoPermissionRight", Object: place.list.DN,
		Message: fmt.Sprintf("The account %s may not change the permissions of the container.", g.id.Account),
		Advice:  "Name an account that may, with -Credential."}
	if request.WhatIf {
		place.result.Warnings = append(place.result.Warnings, err.Message+" "+err.Advice)
		return nil
	}
	return err
}

// shownUninheriting is how many groups a warning names.
const shownUninheriting = 10

// warn says which groups the entries do not reach.
func (g *grant) warn(ctx context.Context, place *grantPlace) error {
	groups, count, err := g.target.WithoutInheritance(ctx, place.guid, shownUninheriting)
	if err != nil || count == 0 {
		return err
	}
	var names []string
	for _, group := range groups {
		name := group.DN
		if group.Administrative {
			name += " (AdminSDHolder keeps its permissions)"
		}
		names = append(names, name)
	}
	text := strings.Join(names, "; ")
	if more := count - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	place.result.Warnings = append(place.result.Warnings,
		directory.Plural(count, "1 group inherits no rights from the container", "%d groups inherit no rights from the container")+", and these entries do not reach "+
			directory.Plural(count, "it: ", "them: ")+text+".")
	return nil
}
