package adtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/ad/adtest/server"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// Windows tests what only a Windows domain controller does, on one in this process that
// can be told when to do it.
func Windows(t *testing.T, open contract.OpenTarget) {
	t.Run("Changing", func(t *testing.T) { newWindows(t, open, server.Options{MaxValRange: 150}).testChanging(t) })
	t.Run("Stopping", func(t *testing.T) { newWindows(t, open, server.Options{MaxValRange: 150}).testStopping(t) })
	t.Run("Busy", func(t *testing.T) { newWindows(t, open, server.Options{}).testBusy(t) })
	t.Run("Lingering", func(t *testing.T) { newWindows(t, open, server.Options{LinkLimit: 100}).testLingering(t) })
	t.Run("Replicating", func(t *testing.T) { newWindows(t, open, server.Options{}).testReplicating(t) })
	t.Run("Listing", func(t *testing.T) { newWindows(t, open, server.Options{MaxPageSize: 10}).testListing(t) })
	t.Run("Binding", func(t *testing.T) { newWindows(t, open, server.Options{}).testBinding(t) })
	t.Run("Superseded", func(t *testing.T) { newWindows(t, open, server.Options{}).testSuperseded(t) })
	t.Run("Large", func(t *testing.T) { newWindows(t, open, server.Options{}).testLarge(t) })
	t.Run("Small", func(t *testing.T) {
		newWindows(t, open, server.Options{MaxPageSize: 10, MaxValRange: 7}).testSmall(t)
	})
	t.Run("Smallest", func(t *testing.T) {
		w := newWindows(t, open, server.Options{})
		group, _ := w.create(t, w.target, w.unit.GUID, w.people(t)["user0001"].ref(), w.people(t)["user0002"].ref())
		w.dc.SetMaxValRange(1)
		_, err := w.read(t, group.GUID)
		w.wantError(t, err, "IncompleteRead")
	})
	t.Run("Organization", func(t *testing.T) { newWindows(t, open, server.Options{}).testOrganization(t) })
	t.Run("NoExchange", func(t *testing.T) { newWindows(t, open, server.Options{NoExchange: true}).testNoExchange(t) })
	t.Run("RecycleBin", func(t *testing.T) { newWindows(t, open, server.Options{RecycleBin: true}).testRecycleBin(t) })
	t.Run("Tombstone", func(t *testing.T) { newWindows(t, open, server.Options{}).testTombstone(t) })
	t.Run("Cutting", func(t *testing.T) { newWindows(t, open, server.Options{}).testCutting(t) })
}

type windows struct {
	*suite
	dc     *server.Server
	target contract.Target
	unit   contract.Container
}

func newWindows(t *testing.T, open contract.OpenTarget, options server.Options) *windows {
	t.Helper()
	env, dc := InProcess(t, open, options)
	w := &windows{suite: &suite{Env: env, admin: connectAdmin(t, env), run: "w"}, dc: dc}
	w.target = w.open(t)
	w.unit = w.suite.unit(t, w.target, env.Container)
	t.Cleanup(func() { dc.SetFault(nil) })
	return w
}

// read reads one group by GUID.
func (w *windows) read(t *testing.T, group directory.GUID) ([]directory.MemberRef, error) {
	groups, err := groupsByGUID(testContext(t), w.target, []directory.GUID{group}, contract.WithMembers)
	if err == nil && len(groups) != 1 {
		t.Fatalf("%d groups", len(groups))
	}
	if err != nil {
		return nil, err
	}
	return groups[0].Members, nil
}

// readAll reads the groups of the unit; one of them has members.
func (w *windows) readAll(t *testing.T) ([]directory.MemberRef, error) {
	var members []directory.MemberRef
	err := w.target.Groups(testContext(t), w.unit.GUID, contract.WithMembers, func(g directory.TargetGroup) error {
		members = append(members, g.Members...)
		return nil
	})
	return members, err
}

// laterRange reports whether the operation asks for values of member after the first
// part.
func laterRange(o server.Operation) bool {
	return o.Kind == "search" && slices.ContainsFunc(o.Attributes, func(a string) bool {
		return strings.HasPrefix(a, "member;range=") && !strings.HasPrefix(a, "member;range=0-")
	})
}

// testChanging tests that a membership that changes between two ranges is read in its
// final form, and that one that changes again and again is not read at all.
func (w *windows) testChanging(t *testing.T) {
	many := w.contacts(t, w.target, 403)
	dc, admin := w.dc, w.admin
	// The server determines the order of the values.
	first := func(t *testing.T, dn string) []string {
		entry := admin.get(t, dn, "member;range=0-0")
		return entry.GetAttributeValues("member;range=0-0")
	}
	alive := func(t *testing.T) []directory.MemberRef {
		return slices.DeleteFunc(slices.Clone(many[:401]), func(m directory.MemberRef) bool { return admin.get(t, m.DN, "1.1") == nil })
	}
	for name, change := range map[string]func(t *testing.T, dn string){
		"a value more": func(t *testing.T, dn string) {
			admin.modify(t, dn, func(r *ldap.ModifyRequest) { r.Add("member", []string{many[401].DN}) })
		},
		"a value less": func(t *testing.T, dn string) {
			admin.modify(t, dn, func(r *ldap.ModifyRequest) { r.Delete("member", first(t, dn)) })
		},
		"one for another": func(t *testing.T, dn string) {
			admin.modify(t, dn, func(r *ldap.ModifyRequest) { r.Delete("member", first(t, dn)) })
			admin.modify(t, dn, func(r *ldap.ModifyRequest) { r.Add("member", []string{many[402].DN}) })
		},
		"an account deleted, without a new uSN": func(t *testing.T, dn string) { admin.remove(t, first(t, dn)[0]) },
		"shorter than what is asked for next": func(t *testing.T, dn string) {
			admin.modify(t, dn, func(r *ldap.ModifyRequest) { r.Replace("member", []string{many[402].DN}) }) // never a member, so never deleted
		},
		"emptied": func(t *testing.T, dn string) {
			admin.modify(t, dn, func(r *ldap.ModifyRequest) { r.Replace("member", nil) })
		},
		"group renamed": func(t *testing.T, dn string) { admin.rename(t, dn, "CN=renamed", "") },
	} {
		t.Run(name, func(t *testing.T) {
			defer dc.SetFault(nil)
			for _, reader := range []string{"GroupsByGUID", "Groups"} {
				group, _ := w.create(t, w.target, w.unit.GUID, alive(t)...)
				var once atomic.Bool
				dc.SetFault(func(o server.Operation) server.Fault {
					if laterRange(o) && o.User != "Administrator" && once.CompareAndSwap(false, true) {
						change(t, group.DN)
					}
					return server.None
				})
				read := w.readAll
				if reader == "GroupsByGUID" {
					read = func(t *testing.T) ([]directory.MemberRef, error) { return w.read(t, group.GUID) }
				}
				got, err := read(t)
				dc.SetFault(nil)
				if !once.Load() {
					t.Fatal("nothing was changed")
				}
				if err != nil {
					t.Errorf("%s: %v", reader, err)
				} else if diff := cmp.Diff(w.allMembers(t, group.GUID), names(got), equateEmpty); diff != "" {
					t.Errorf("%s: %d members were read, %d are there", reader, len(got), len(w.allMembers(t, group.GUID)))
				}
				if err := w.target.Writer(nil).Delete(testContext(t), group.GUID); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	t.Run("group deleted", func(t *testing.T) {
		group, _ := w.create(t, w.target, w.unit.GUID, alive(t)...)
		dc.SetFault(func(o server.Operation) server.Fault {
			if laterRange(o) {
				dc.SetFault(nil)
				admin.remove(t, byGUID(group.GUID))
			}
			return server.None
		})
		groups, err := groupsByGUID(testContext(t), w.target, []directory.GUID{group.GUID}, contract.WithMembers)
		if err != nil || len(groups) > 0 {
			t.Errorf("%d groups, %v", len(groups), err)
		}
	})
	t.Run("again and again", func(t *testing.T) {
		group, _ := w.create(t, w.target, w.unit.GUID, alive(t)...)
		at := 0
		dc.SetFault(func(o server.Operation) server.Fault {
			if laterRange(o) && o.User != "Administrator" {
				at++
				admin.modify(t, byGUID(group.GUID), func(r *ldap.ModifyRequest) { r.Replace("info", []string{fmt.Sprint(at)}) })
			}
			return server.None
		})
		defer dc.SetFault(nil)
		_, err := w.read(t, group.GUID)
		w.wantError(t, err, "IncompleteRead")
	})
}

// allMembers reads a membership range by range, undisturbed, and sorts it.
func (w *windows) allMembers(t *testing.T, group directory.GUID) []string {
	t.Helper()
	var members []string
	for {
		entry := w.admin.get(t, byGUID(group), fmt.Sprintf("member;range=%d-*", len(members)))
		if len(entry.Attributes) == 0 {
			return members
		}
		a := entry.Attributes[0]
		members = append(members, a.Values...)
		if strings.HasSuffix(a.Name, "-*") {
			slices.Sort(members)
			return members
		}
	}
}

// testStopping tests a server that stops answering in the middle of a membership.
func (w *windows) testStopping(t *testing.T) {
	many := w.contacts(t, w.target, 600)
	group, _ := w.create(t, w.target, w.unit.GUID, many...)
	for name, f := range map[string]server.Fault{"cut": server.Cut, "lost": server.Lost, "half": server.Half, "limited": server.Limited} {
		for part := 1; part <= 3; part++ {
			t.Run(fmt.Sprintf("%s, part %d", name, part), func(t *testing.T) {
				defer w.dc.SetFault(nil)
				stop := func(times int) {
					var parts, stopped atomic.Int32
					w.dc.SetFault(func(o server.Operation) server.Fault {
						if !laterRange(o) || int(parts.Add(1)) < part || int(stopped.Add(1)) > times {
							return server.None
						}
						return f
					})
				}
				for _, read := range []func() ([]directory.MemberRef, error){
					func() ([]directory.MemberRef, error) { return w.read(t, group.GUID) },
					func() ([]directory.MemberRef, error) { return w.readAll(t) },
				} {
					stop(100)
					got, err := read()
					w.wantError(t, err, "IncompleteRead")
					if len(got) > 0 {
						t.Errorf("a part of %d members was handed on", len(got))
					}
					if stop(1); f == server.Limited {
						continue
					}
					// Nothing had been handed on, so the read is retried.
					if got, err = read(); err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(names(many), names(got)); diff != "" {
						t.Errorf("%d members after another try", len(got))
					}
				}
			})
		}
	}
	t.Run("silent", func(t *testing.T) {
		w.dc.SetFault(func(o server.Operation) server.Fault {
			if laterRange(o) {
				return server.Silent
			}
			return server.None
		})
		defer w.dc.SetFault(nil)
		short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		groups, err := groupsByGUID(short, w.target, []directory.GUID{group.GUID}, contract.WithMembers)
		w.wantError(t, err, "Cancelled")
		if len(groups) > 0 {
			t.Error("a part was returned")
		}
	})
	for name, f := range map[string]server.Fault{"no paging control": server.NoPaging, "half a page": server.Half, "limited page": server.Limited} {
		t.Run(name, func(t *testing.T) {
			w.dc.SetFault(func(o server.Operation) server.Fault {
				if o.Kind == "search" && slices.ContainsFunc(o.Attributes, func(a string) bool { return strings.HasPrefix(a, "member;range=0-") }) {
					return f
				}
				return server.None
			})
			defer w.dc.SetFault(nil)
			_, err := w.readAll(t)
			w.wantError(t, err, "IncompleteRead")
			_, err = w.read(t, group.GUID)
			w.wantError(t, err, "IncompleteRead")
		})
	}
}

// testBusy tests that a busy server is tried again, and that an error says so if it
// stays busy.
func (w *windows) testBusy(t *testing.T) {
	user := w.people(t)["user0001"].ref()
	group, _ := w.create(t, w.target, w.unit.GUID)
	ctx := testContext(t)
	for name, c := range map[string]struct {
		kind string
		do   func() error
	}{
		"modify": {"modify", func() error {
			return w.target.Writer(nil).Modify(ctx, group.GUID, []plan.AttributeChange{{Name: "displayName", New: []string{"busy"}}})
		}},
		"members": {"modify", func() error {
			_, err := w.target.Writer(nil).ChangeMembers(ctx, group.GUID, []directory.MemberRef{user}, nil)
			return err
		}},
		"create": {"add", func() error {
			id := newID()
			_, err := w.target.Writer(nil).Create(ctx, w.unit.GUID, w.attributes(id, directory.Mark(id)), []directory.MemberRef{user})
			return err
		}},
		"rename": {"modifyDN", func() error {
			_, err := w.target.Writer(nil).Rename(ctx, group.GUID, "renamed "+newID().String(), directory.GUID{})
			return err
		}},
		"read": {"search", func() error {
			_, err := groupsByGUID(ctx, w.target, []directory.GUID{group.GUID}, contract.WithMembers)
			return err
		}},
		"delete": {"delete", func() error {
			other, _ := w.create(t, w.target, w.unit.GUID)
			return w.target.Writer(nil).Delete(ctx, other.GUID)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			defer w.dc.SetFault(nil)
			var refused atomic.Int32
			for f, id := range map[server.Fault]string{server.Busy: "ServerBusy", server.Unavailable: "ServerBusy", server.TimedOut: "ServerBusy|IncompleteRead"} {
				refuse := func(times int32) {
					refused.Store(0)
					w.dc.SetFault(func(o server.Operation) server.Fault {
						if o.Kind == c.kind && refused.Add(1) <= times {
							return f
						}
						return server.None
					})
				}
				refuse(2)
				if err := c.do(); err != nil || refused.Load() < 3 {
					t.Errorf("%v after %d tries", err, refused.Load())
				}
				refuse(1000)
				w.wantOneOf(t, c.do(), id)
			}
		})
	}
}

// testLingering tests a large removal, of which Windows finishes some values later.
func (w *windows) testLingering(t *testing.T) {
	many := w.contacts(t, w.target, 300)
	group, _ := w.create(t, w.target, w.unit.GUID, many...)
	ctx := testContext(t)
	stay, gone := many[:10], many[10:]
	refused, err := w.target.Writer(nil).ChangeMembers(ctx, group.GUID, nil, gone)
	if err != nil || len(refused) > 0 {
		t.Fatalf("%v, refused %v", err, refused)
	}
	missing, lingering, err := w.target.CheckMembers(ctx, group.GUID, stay, gone)
	if want := len(gone) - 100; err != nil || len(missing) > 0 || len(lingering) != want {
		t.Errorf("missing %d, lingering %d, want 0 and %d; %v", len(missing), len(lingering), want, err)
	}
	// The remaining values are still read, and the group cannot be changed in the
	// meantime.
	if got, err := w.read(t, group.GUID); err != nil || len(got) != len(stay)+len(lingering) {
		t.Errorf("%d members, %v", len(got), err)
	}
	_, err = w.target.Writer(nil).ChangeMembers(ctx, group.GUID, nil, stay[:1])
	w.wantError(t, err, "ServerBusy")
	// The removal finishes while the change is retried.
	var tries atomic.Int32
	w.dc.SetFault(func(o server.Operation) server.Fault {
		if o.Kind == "modify" && tries.Add(1) == 3 {
			w.dc.FinishLinkRemoval()
		}
		return server.None
	})
	if refused, err = w.target.Writer(nil).ChangeMembers(ctx, group.GUID, nil, stay[:1]); err != nil || len(refused) > 0 {
		t.Errorf("%v, refused %v", err, refused)
	}
	missing, lingering, err = w.target.CheckMembers(ctx, group.GUID, stay[1:], gone)
	if err != nil || len(missing)+len(lingering) > 0 {
		t.Errorf("in the end %d missing, %d lingering, %v", len(missing), len(lingering), err)
	}
}

// testSmall tests a server whose limits are lower than what is requested.
func (w *windows) testSmall(t *testing.T) {
	users := w.people(t)
	var members []directory.MemberRef
	for n := range 40 {
		members = append(members, users[fmt.Sprintf("user%04d", n+1)].ref())
	}
	want := make(map[directory.GUID]int)
	for n := range 33 {
		count := n
		if n > 30 {
			count = n + 8
		}
		created, _ := w.create(t, w.target, w.unit.GUID, members[:min(count, len(members))]...)
		want[created.GUID] = min(count, len(members))
	}
	for _, g := range w.groups(t, w.target, w.unit.GUID) {
		n, known := want[g.GUID]
		if !known {
			t.Errorf("%s was read twice", g.DN)
		}
		delete(want, g.GUID)
		if diff := cmp.Diff(names(members[:n]), names(g.Members), equateEmpty); diff != "" {
			t.Error(diff)
		}
	}
	if len(want) > 0 {
		t.Errorf("%d groups were not read", len(want))
	}
}

// testCutting ends every connection after some operations.
func (w *windows) testCutting(t *testing.T) {
	users := w.people(t)
	members := []directory.MemberRef{users["user0001"].ref(), users["user0002"].ref()}
	// The first three operations are the greeting, the bind and the first search.
	for after := 4; after <= 9; after++ {
		for name, f := range map[string]server.Fault{"cut": server.Cut, "lost": server.Lost} {
			t.Run(fmt.Sprintf("%s after %d", name, after), func(t *testing.T) {
				w.dc.SetFault(func(o server.Operation) server.Fault {
					if o.User == "svc-gwb" && o.Number > after {
						return f
					}
					return server.None
				})
				defer w.dc.SetFault(nil)
				group, _ := w.create(t, w.target, w.unit.GUID, members[0])
				if _, err := w.target.Writer(nil).ChangeMembers(testContext(t), group.GUID, members[1:], members[:1]); err != nil {
					t.Error(err)
				}
				dn, err := w.target.Writer(nil).Rename(testContext(t), group.GUID, fmt.Sprint("renamed ", name, after), directory.GUID{})
				if err != nil || !strings.HasPrefix(dn, "CN=renamed") {
					t.Errorf("%s, %v", dn, err)
				}
				got, err := w.read(t, group.GUID)
				if diff := cmp.Diff(names(members[1:]), names(got)); err != nil || diff != "" {
					t.Errorf("%v, %s", err, diff)
				}
				if err := w.target.Writer(nil).Delete(testContext(t), group.GUID); err != nil {
					t.Error(err)
				}
				w.dc.SetFault(nil)
				if left := w.groups(t, w.target, w.unit.GUID); len(left) > 0 {
					t.Errorf("%d groups are left", len(left))
				}
			})
		}
	}
}

// testReplicating tests what the domain controller says about others, in the forms of
// Windows and Samba.
func (w *windows) testReplicating(t *testing.T) {
	const first, second, retired = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e801", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e802", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e803"
	set := func(form server.CursorForm, cursors ...server.Cursor) {
		t.Helper()
		if err := w.dc.SetCursors(form, cursors...); err != nil {
			t.Fatal(err)
		}
	}
	want := func(name, invocation string, want int64, wantKnown bool) {
		t.Helper()
		usn, known, err := w.target.ReplicatedUSN(testContext(t), directory.MustGUID(invocation))
		if err != nil || usn != want || known != wantKnown {
			t.Errorf("%s: %d, %v, %v; want %d, %v", name, usn, known, err, want, wantKnown)
		}
	}
	for _, form := range []server.CursorForm{server.WindowsCursors, server.SambaCursors} {
		set(form)
		want("no cursors", first, 0, false)
		set(form, server.Cursor{Invocation: first, USN: 1 << 40}, server.Cursor{Invocation: second, USN: 0})
		want("the first", first, 1<<40, true)
		want("the second", second, 0, true)
		want("a third", retired, 0, false)
		var many []server.Cursor
		for n := range 400 {
			many = append(many, server.Cursor{Invocation: fmt.Sprintf("00000000-0000-0000-0000-%012x", n), USN: int64(n)})
		}
		set(form, append(many, server.Cursor{Invocation: first, USN: 5})...)
		want("one among many", first, 5, true)
		set(form, server.Cursor{Invocation: first, USN: -1})
		_, _, err := w.target.ReplicatedUSN(testContext(t), directory.MustGUID(first))
		w.wantError(t, err, "DirectoryError")
	}
	set(server.HiddenCursors, server.Cursor{Invocation: first, USN: 7})
	want("cursors that may not be read", first, 0, false)

	// Restored from a backup, it has a new invocationId, and a cursor for the old one.
	before, err := w.target.Identify(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.dc.SetInvocationID(retired); err != nil {
		t.Fatal(err)
	}
	set(server.WindowsCursors, server.Cursor{Invocation: before.InvocationID.String(), USN: 12})
	after, err := w.target.Identify(testContext(t))
	if err != nil || after.InvocationID != directory.MustGUID(retired) || after.DSServiceName != before.DSServiceName {
		t.Errorf("%+v, %v", after, err)
	}
	want("what it was before", before.InvocationID.String(), 12, true)
	want("itself", retired, after.HighestUSN, true)
}

// testListing tests the listings of a delta run with pages and faults.
func (w *windows) testListing(t *testing.T) {
	const groups = 47
	seeing := w.open(t, func(c *contract.TargetConfig) { c.User = w.DeletedUser })
	since := w.highest(t, w.target)
	want := make(map[directory.GUID]bool)
	for range groups {
		created, _ := w.create(t, w.target, w.unit.GUID)
		want[created.GUID] = true
	}
	for _, c := range []struct {
		name string
		list func(each func(directory.GUID) error) error
	}{
		{"changed", func(each func(directory.GUID) error) error {
			return w.target.ChangedGroups(testContext(t), since, func(g directory.TargetGroup) error { return each(g.GUID) })
		}},
		{"marked", func(each func(directory.GUID) error) error {
			return w.target.MarkedGroups(testContext(t), w.unit.GUID, each)
		}},
		{"deleted", func(each func(directory.GUID) error) error {
			for guid := range want {
				if w.admin.get(t, byGUID(guid), "1.1") != nil {
					w.admin.remove(t, byGUID(guid))
				}
			}
			return seeing.DeletedGroups(testContext(t), since, each)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer w.dc.SetFault(nil)
			read := func(fault server.Fault, page, times int) (int, error) {
				t.Helper()
				var pages, faults atomic.Int32
				w.dc.SetFault(func(o server.Operation) server.Fault {
					if !o.Paged || int(pages.Add(1)) < page || int(faults.Add(1)) > times {
						return server.None
					}
					return fault
				})
				seen := make(map[directory.GUID]bool)
				err := c.list(func(g directory.GUID) error {
					if seen[g] || !want[g] {
						t.Errorf("%s was handed on twice, or is none of ours", g)
					}
					seen[g] = true
					return nil
				})
				return len(seen), err
			}
			if n, err := read(server.None, 1, 0); err != nil || n != groups {
				t.Errorf("%d groups, %v", n, err)
			}
			for _, f := range []server.Fault{server.Cut, server.Lost, server.Half, server.Busy, server.Unavailable, server.TimedOut} {
				// Nothing had been handed on, so the read is retried.
				if n, err := read(f, 1, 2); err != nil || n != groups {
					t.Errorf("fault %d on the first page: %d groups, %v", f, n, err)
				}
				if n, err := read(f, 1, 1000); err == nil || n > 0 {
					t.Errorf("fault %d without end: %d groups, %v", f, n, err)
				}
				// It starts over, and hands on each group once. Without an end to the
				// fault, it returns an error.
				if n, err := read(f, 3, 1); err != nil || n != groups {
					t.Errorf("fault %d on the third page: %d groups, %v", f, n, err)
				}
				if n, err := read(f, 3, 1000); err == nil || n == groups {
					t.Errorf("fault %d from the third page on: %d groups, %v", f, n, err)
				}
			}
			for _, f := range []server.Fault{server.Limited, server.NoPaging} {
				n, err := read(f, 2, 1)
				if w.wantError(t, err, "IncompleteRead"); n == groups {
					t.Errorf("fault %d: all groups", f)
				}
			}
		})
	}
}

// testBinding tests that many connections are opened at once but sign in one after the
// other (rule 19), and that their number stays within the limit.
func (w *windows) testBinding(t *testing.T) {
	const most = 16
	var binding, bound, working, peak atomic.Int32
	w.dc.SetFault(func(o server.Operation) server.Fault {
		switch {
		case o.User == "" && o.Kind == "bind":
			bound.Add(1)
			if binding.Add(1) > 1 {
				t.Error("two connections sign in at once")
			}
			time.Sleep(time.Millisecond)
			binding.Add(-1)
		case o.Kind == "modify":
			n := working.Add(1)
			for p := peak.Load(); n > p && !peak.CompareAndSwap(p, n); p = peak.Load() {
			}
			time.Sleep(20 * time.Millisecond)
			working.Add(-1)
		}
		return server.None
	})
	group, _ := w.create(t, w.target, w.unit.GUID)
	var wait sync.WaitGroup
	for range 3 * most {
		wait.Go(func() {
			for n := range 3 {
				if err := w.target.Writer(nil).Modify(testContext(t), group.GUID, []plan.AttributeChange{{Name: "displayName", New: []string{fmt.Sprint(n)}}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	// The target already had one connection.
	if n := bound.Load(); n > most-1 {
		t.Errorf("%d connections were made", n)
	}
	if n := peak.Load(); n > most || n < 4 {
		t.Errorf("%d changes were made at once", n)
	}
}

// testSuperseded tests that the lease is asked before each request, including the later
// requests of one change and retries (rule 18).
func (w *windows) testSuperseded(t *testing.T) {
	over := &contract.Error{Category: contract.InvalidState, ID: "RunSuperseded", Message: "Another run has taken over.", Advice: "Nothing has to be done."}
	until := func(allowed int) contract.TargetWriter {
		return w.target.Writer(func(context.Context) error {
			if allowed--; allowed < 0 {
				return over
			}
			return nil
		})
	}
	many := w.fill(t, 3_000)
	group, _ := w.create(t, w.target, w.unit.GUID)
	_, err := until(1).ChangeMembers(testContext(t), group.GUID, many, nil)
	w.wantError(t, err, "RunSuperseded")
	if got, err := w.read(t, group.GUID); err != nil || len(got) != 1_000 {
		t.Errorf("%d members, %v", len(got), err)
	}
	// The process slept while it waited for an answer, which never comes.
	var requests atomic.Int32
	w.dc.SetFault(func(o server.Operation) server.Fault {
		if o.Kind != "modify" {
			return server.None
		}
		requests.Add(1)
		return server.Cut
	})
	defer w.dc.SetFault(nil)
	_, err = until(1).ChangeMembers(testContext(t), group.GUID, nil, many[:1])
	w.wantError(t, err, "OutcomeUnknown")
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// testLarge tests a membership with many ranges and many chunks.
func (w *windows) testLarge(t *testing.T) {
	const most = 1000 // values in one request
	many := w.fill(t, 12_345)
	group, _ := w.create(t, w.target, w.unit.GUID)
	var requests, largest, searches atomic.Int32
	w.dc.SetFault(func(o server.Operation) server.Fault {
		switch o.Kind {
		case "modify":
			requests.Add(1)
			largest.Store(max(largest.Load(), int32(o.Values)))
		case "search":
			searches.Add(1)
		}
		return server.None
	})
	defer w.dc.SetFault(nil)
	change := func(add, remove []directory.MemberRef) {
		t.Helper()
		requests.Store(0)
		refused, err := w.target.Writer(nil).ChangeMembers(testContext(t), group.GUID, add, remove)
		if err != nil || len(refused) > 0 {
			t.Fatalf("%v, %d refused", err, len(refused))
		}
		chunks := func(n int) int { return (n + most - 1) / most }
		if n := int(requests.Load()); n != chunks(len(add))+chunks(len(remove)) || largest.Load() > most {
			t.Errorf("%d requests of up to %d values", n, largest.Load())
		}
	}
	wantMembers := func(want []directory.MemberRef) {
		t.Helper()
		got, err := w.read(t, group.GUID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(names(want), names(got), equateEmpty); diff != "" {
			t.Errorf("%d members were read, want %d", len(got), len(want))
		}
	}
	change(many, nil)
	wantMembers(many)
	searches.Store(0)
	var known []directory.GUID
	for _, m := range many[10:] {
		known = append(known, m.GUID)
	}
	slices.SortFunc(known, directory.GUID.Compare)
	whole, ok, err := w.target.GroupByRanges(testContext(t), group.GUID, known)
	if err != nil || !ok || len(whole.Members) != len(many) || whole.CN == "" || whole.USNChanged == 0 {
		t.Errorf("%d members, %v, %+v", len(whole.Members), err, whole.CN)
	}
	named := 0
	for _, m := range whole.Members {
		if m.DN != "" {
			named++
		}
	}
	// The first range has 1,500 values, and each of the others repeats one.
	if n := searches.Load(); n != 9 || named != 10 {
		t.Errorf("%d searches, %d members with a name", n, named)
	}
	if _, ok, err := w.target.GroupByRanges(testContext(t), newID(), nil); ok || err != nil {
		t.Errorf("a group that is not there: %v, %v", ok, err)
	}
	missing, lingering, err := w.target.CheckMembers(testContext(t), group.GUID, many, nil)
	if err != nil || len(missing)+len(lingering) > 0 {
		t.Errorf("%d missing, %d lingering, %v", len(missing), len(lingering), err)
	}
	stay, leave := many[:100], many[100:]
	change(nil, leave)
	wantMembers(stay)
	missing, lingering, err = w.target.CheckMembers(testContext(t), group.GUID, many, leave)
	if err != nil || len(missing) != len(leave) || len(lingering) > 0 {
		t.Errorf("%d missing, want %d; %d lingering, %v", len(missing), len(leave), len(lingering), err)
	}
}

// fill creates contacts in the server directly, which is faster than over LDAP.
func (w *windows) fill(t testing.TB, n int) []directory.MemberRef {
	t.Helper()
	people, err := w.dc.Fill(w.Other, n)
	if err != nil {
		t.Fatal(err)
	}
	refs := make([]directory.MemberRef, n)
	for i, p := range people {
		refs[i] = directory.MemberRef{GUID: directory.MustGUID(p.ObjectGUID), DN: p.DN}
	}
	return refs
}
