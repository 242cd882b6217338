package command_test

import (
	"slices"
	"strings"
	"testing"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
)

const outsider = directory.SID("S-1-5-21-1-2-3-7777")

// entriesOf returns the entries of an answer that are in one of the states.
func entriesOf(t *testing.T, r command.PermissionResult, states ...command.PermissionState) []command.PermissionEntry {
	t.Helper()
	if len(r.Containers) != 1 {
		t.Fatalf("%+v", r)
	}
	return slices.DeleteFunc(slices.Clone(r.Containers[0].Entries), func(e command.PermissionEntry) bool { return !slices.Contains(states, e.State) })
}

// TestGrantAndRevoke: what is granted is what is missing; granting twice changes nothing;
// revoking takes just that away; and a preview writes nothing.
func TestGrantAndRevoke(t *testing.T) {
	var none directory.GUID
	b := newBench(t)
	others := []descriptor.ACE{descriptor.Deny(outsider, descriptor.Delete, 0, none, none), descriptor.Allow(outsider, descriptor.FullControl, descriptor.ContainerInherit, none, none)}
	b.directory.rights.list = descriptor.New().With(others)
	request := command.PermissionRequest{TargetContainer: containerDN, WhatIf: true}
	do := func(f func(request command.PermissionRequest) (command.PermissionResult, error)) command.PermissionResult {
		t.Helper()
		r, err := f(request)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	get := func(r command.PermissionRequest) (command.PermissionResult, error) {
		return b.engine.Permission(t.Context(), r)
	}
	grant := func(r command.PermissionRequest) (command.PermissionResult, error) {
		return b.engine.Grant(t.Context(), r)
	}
	revoke := func(r command.PermissionRequest) (command.PermissionResult, error) {
		return b.engine.Revoke(t.Context(), r)
	}
	missing := entriesOf(t, do(get), command.PermissionMissing)
	preview := do(grant)
	if added := entriesOf(t, preview, command.PermissionAdded); len(added) != len(missing) || len(missing) < 10 || preview.Containers[0].Before == preview.Containers[0].After {
		t.Errorf("%d missing, %+v", len(missing), preview)
	}
	if b.directory.rights.setLists != 0 {
		t.Error("a preview has written")
	}
	request.WhatIf = false
	if r := do(grant); r.Account.Name != "svc" || r.Containers[0].After != preview.Containers[0].After {
		t.Errorf("%+v", r)
	}
	if present := entriesOf(t, do(get), command.PermissionPresent); len(present) != len(missing) {
		t.Errorf("%d of %d are there", len(present), len(missing))
	}
	if again := do(grant); len(entriesOf(t, again, command.PermissionAdded)) > 0 || again.Containers[0].Before != again.Containers[0].After || b.directory.rights.setLists != 1 {
		t.Error("granting twice changes something")
	}
	request.Compatible = true
	do(grant)
	request.Compatible = false
	if r := do(get); len(entriesOf(t, r, command.PermissionSurplus)) != 1 {
		t.Errorf("%+v", r)
	}
	if removed := entriesOf(t, do(revoke), command.PermissionRemoved); len(removed) != len(missing)+1 {
		t.Errorf("%d of %d were removed", len(removed), len(missing)+1)
	}
	if !slices.EqualFunc(b.directory.rights.list.Entries(), others, descriptor.ACE.Equal) {
		t.Errorf("left is %s", b.directory.rights.list.SDDL(descriptor.Domains{}))
	}
	request.UsePropertySet = true
	set := entriesOf(t, do(grant), command.PermissionAdded)
	if last := set[len(set)-1]; len(set) >= len(missing) || !slices.Equal(last.Along, []string{"proxyAddresses"}) || !strings.Contains(last.Words, "Public-Information") {
		t.Errorf("%+v", set)
	}
	request.UsePropertySet = false
	if covered := entriesOf(t, do(get), command.PermissionCovered); len(covered) != 2 {
		t.Errorf("covered by the property set: %+v", covered)
	}
}

// TestWhatCannotBeGranted: each is refused, and nothing is written.
func TestWhatCannotBeGranted(t *testing.T) {
	var none directory.GUID
	wrong := []descriptor.ACE{descriptor.Allow(outsider, descriptor.FullControl, 0, none, none), descriptor.Deny(outsider, descriptor.Delete, 0, none, none)}
	for id, c := range map[string]struct {
		arrange func(b *bench)
		request command.PermissionRequest
	}{
		"AccountNotFound":            {func(*bench) {}, command.PermissionRequest{Account: "nobody", TargetContainer: containerDN}},
		"ContainerRequired":          {func(*bench) {}, command.PermissionRequest{}},
		"ContainerNotFound":          {func(*bench) {}, command.PermissionRequest{TargetContainer: "OU=Nowhere,DC=contoso,DC=test"}},
		"ContainerProtected":         {func(b *bench) { b.directory.critical = true }, command.PermissionRequest{TargetContainer: containerDN}},
		"ContainerNoPermissionRight": {func(b *bench) { b.directory.rights.unchangeable = true }, command.PermissionRequest{TargetContainer: containerDN}},
		"AccessListOutOfOrder":       {func(b *bench) { b.directory.rights.list = descriptor.New().With(wrong) }, command.PermissionRequest{TargetContainer: containerDN}},
	} {
		b := newBench(t)
		b.directory.rights.list = descriptor.New()
		c.arrange(b)
		if _, err := b.engine.Grant(t.Context(), c.request); !contract.HasID(err, id) {
			t.Errorf("%s: %v", id, err)
		}
		if b.directory.rights.setLists != 0 {
			t.Errorf("%s: something was written", id)
		}
		switch id {
		case "AccessListOutOfOrder":
			if _, err := b.engine.Grant(t.Context(), c.request); err == nil || !strings.Contains(err.Error(), "entry 2, (D;;SD;;;"+string(outsider)+")") {
				t.Errorf("the entry is not named: %v", err)
			}
			c.request.Force = true
			if _, err := b.engine.Grant(t.Context(), c.request); err != nil || !slices.EqualFunc(b.directory.rights.list.Entries()[:2], wrong, descriptor.ACE.Equal) {
				t.Errorf("with force: %v", err)
			}
		case "ContainerNoPermissionRight":
			c.request.WhatIf = true
			if r, err := b.engine.Grant(t.Context(), c.request); err != nil || len(r.Containers[0].Warnings) != 1 {
				t.Errorf("a preview is no change: %+v, %v", r, err)
			}
		}
	}
}

// TestGrantSaysWhatItDoesNotReach: groups that inherit nothing are named.
func TestGrantSaysWhatItDoesNotReach(t *testing.T) {
	b := newBench(t)
	b.directory.rights.list = descriptor.New()
	for range 12 {
		b.directory.rights.uninheriting = append(b.directory.rights.uninheriting, contract.Uninheriting{DN: "CN=Apart"})
	}
	b.directory.rights.uninheriting[0].Administrative = true
	r, err := b.engine.Grant(t.Context(), command.PermissionRequest{TargetContainer: containerDN})
	if err != nil {
		t.Fatal(err)
	}
	if w := r.Containers[0].Warnings; len(w) != 1 || !strings.Contains(w[0], "12 groups inherit no rights") || !strings.Contains(w[0], "CN=Apart (AdminSDHolder keeps its permissions)") || !strings.Contains(w[0], "and 2 more") {
		t.Errorf("%q", w)
	}
}

// TestGrantSignsInOnItsOwn: with a sign-in of its own, the connection stays what it was,
// and its server and CA are used.
func TestGrantSignsInOnItsOwn(t *testing.T) {
	b := newBench(t)
	b.directory.rights.list = descriptor.New()
	before := b.engine.Connection()
	own := &contract.TargetConfig{Kind: contract.SimpleBind, User: "admin"}
	if _, err := b.engine.Grant(t.Context(), command.PermissionRequest{Account: "svc", TargetContainer: containerDN, Target: own}); err != nil {
		t.Fatal(err)
	}
	if after := b.engine.Connection(); *after.Target != *before.Target || own.Server != "" {
		t.Errorf("%+v", after.Target)
	}
	if err := b.engine.Disconnect(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.engine.Grant(t.Context(), command.PermissionRequest{Account: "svc", TargetContainer: containerDN}); !contract.HasID(err, "NotConnected") {
		t.Error(err)
	}
	own.Server = "dc1"
	if _, err := b.engine.Grant(t.Context(), command.PermissionRequest{TargetContainer: containerDN, Target: own}); !contract.HasID(err, "AccountRequired") {
		t.Error(err)
	}
	if _, err := b.engine.Grant(t.Context(), command.PermissionRequest{Account: "svc", TargetContainer: containerDN, Target: own}); err != nil {
		t.Error("without a connection:", err)
	}
}

// TestTheRightToRestore: it is given only if it is asked for, at the head of the domain,
// with a warning, and taken back alone.
func TestTheRightToRestore(t *testing.T) {
	var none directory.GUID
	b := newBench(t)
	others := []descriptor.ACE{descriptor.Allow(outsider, descriptor.FullControl, descriptor.ContainerInherit, none, none)}
	b.directory.rights.list, b.directory.rights.head = descriptor.New(), descriptor.New().With(others)
	request := command.PermissionRequest{TargetContainer: containerDN}
	head := func(do func(*command.Engine, command.PermissionRequest) (command.PermissionResult, error)) command.ContainerPermission {
		t.Helper()
		r, err := do(b.engine, request)
		if err != nil || len(r.Containers) != 2 || r.Containers[1].DN != "DC=contoso,DC=test" || len(r.Containers[1].Entries) > 1 {
			t.Fatalf("%+v %v", r, err)
		}
		return r.Containers[1]
	}
	grant := func(e *command.Engine, r command.PermissionRequest) (command.PermissionResult, error) {
		return e.Grant(t.Context(), r)
	}
	revoke := func(e *command.Engine, r command.PermissionRequest) (command.PermissionResult, error) {
		return e.Revoke(t.Context(), r)
	}
	get := func(e *command.Engine, r command.PermissionRequest) (command.PermissionResult, error) {
		return e.Permission(t.Context(), r)
	}
	if _, err := b.engine.Grant(t.Context(), request); err != nil || len(b.directory.rights.head.Entries()) != 1 {
		t.Fatalf("without being asked for: %v", err)
	}
	request.IncludeRestore, request.WhatIf = true, true
	if c := head(get); c.Entries[0].State != command.PermissionMissing || len(c.Warnings) > 0 {
		t.Errorf("%+v", c)
	}
	c := head(grant)
	if e := c.Entries[0]; e.State != command.PermissionAdded || e.SDDL != "(OA;;CR;45ec5156-db7e-47bb-b53f-dbeb2d03c40f;;"+string(service)+")" ||
		e.Words != "Allow svc to use the extended right Reanimate Tombstones, on this object alone." || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "a risk") {
		t.Errorf("%+v", c)
	}
	if len(b.directory.rights.head.Entries()) != 1 {
		t.Error("a preview has written")
	}
	request.WhatIf = false
	head(grant)
	if c := head(get); c.Entries[0].State != command.PermissionPresent {
		t.Errorf("%+v", c)
	}
	if c := head(grant); c.Entries[0].State != command.PermissionPresent || c.Before != c.After || len(c.Warnings) > 0 {
		t.Errorf("%+v", c)
	}
	if c := head(revoke); c.Entries[0].State != command.PermissionRemoved {
		t.Errorf("%+v", c)
	}
	if !slices.EqualFunc(b.directory.rights.head.Entries(), others, descriptor.ACE.Equal) {
		t.Errorf("left is %s", b.directory.rights.head.SDDL(descriptor.Domains{}))
	}
	request.Account = ""
	b.directory.rights.head = descriptor.New().With([]descriptor.ACE{descriptor.Allow(service, descriptor.Control, 0, none, none)})
	if c := head(get); c.Entries[0].State != command.PermissionCovered {
		t.Errorf("all extended rights: %+v", c)
	}
}
