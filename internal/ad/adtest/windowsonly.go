package adtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/ad/adtest/server"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/engine"
	"groupwriteback/internal/plan"
)

// Windows runs what only a domain controller of Windows does, on one in this
// process that can be told when to do it.
func Windows(t *testing.T, open engine.OpenTarget) {
	t.Run("Changing", func(t *testing.T) { newWindows(t, open, server.Options{MaxValRange: 150}).testChanging(t) })
	t.Run("Stopping", func(t *testing.T) { newWindows(t, open, server.Options{MaxValRange: 150}).testStopping(t) })
	t.Run("Busy", func(t *testing.T) { newWindows(t, open, server.Options{}).testBusy(t) })
	t.Run("Lingering", func(t *testing.T) { newWindows(t, open, server.Options{LinkLimit: 100}).testLingering(t) })
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
	t.Run("Cutting", func(t *testing.T) { newWindows(t, open, server.Options{}).testCutting(t) })
}

type windows struct {
	*suite
	dc     *server.Server
	target engine.Target
	unit   engine.Container
}

func newWindows(t *testing.T, open engine.OpenTarget, options server.Options) *windows {
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
	groups, err := w.target.GroupsByGUID(testContext(t), []directory.GUID{group}, true)
	if err == nil && len(groups) != 1 {
		t.Fatalf("%d groups", len(groups))
	}
	if err != nil {
		return nil, err
	}
	return groups[0].Members, nil
}

// readAll reads the groups of the unit, of which there is one with members.
func (w *windows) readAll(t *testing.T) ([]directory.MemberRef, error) {
	var members []directory.MemberRef
	err := w.target.Groups(testContext(t), w.unit.GUID, true, func(g directory.TargetGroup) error {
		members = append(members, g.Members...)
		return nil
	})
	return members, err
}

// laterRange reports whether the operation asks for values of member behind the
// first part.
func laterRange(o server.Operation) bool {
	return o.Kind == "search" && slices.ContainsFunc(o.Attributes, func(a string) bool {
		return strings.HasPrefix(a, "member;range=") && !strings.HasPrefix(a, "member;range=0-")
	})
}

// testChanging: a membership that changes between two ranges is read as it is
// in the end; one that changes again and again, not at all.
func (w *windows) testChanging(t *testing.T) {
	many := w.contacts(t, w.target, 403)
	dc, admin := w.dc, w.admin
	// The order of the values is the server's.
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
			admin.modify(t, dn, func(r *ldap.ModifyRequest) { r.Replace("member", []string{many[3].DN}) })
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
				if err := w.target.Delete(testContext(t), group.GUID); err != nil {
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
		groups, err := w.target.GroupsByGUID(testContext(t), []directory.GUID{group.GUID}, true)
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

// allMembers reads a membership range by range, undisturbed, sorted.
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

// testStopping: a server that stops answering within a membership.
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
					// Nothing was handed on before, so it is tried again.
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
		groups, err := w.target.GroupsByGUID(short, []directory.GUID{group.GUID}, true)
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

// testBusy: what is busy is tried again, and said when it stays so.
func (w *windows) testBusy(t *testing.T) {
	user := w.people(t)["user0001"].ref()
	group, _ := w.create(t, w.target, w.unit.GUID)
	ctx := testContext(t)
	for name, c := range map[string]struct {
		kind string
		do   func() error
	}{
		"modify": {"modify", func() error {
			return w.target.Modify(ctx, group.GUID, []plan.AttributeChange{{Name: "displayName", New: []string{"busy"}}})
		}},
		"members": {"modify", func() error {
			_, err := w.target.ChangeMembers(ctx, group.GUID, []directory.MemberRef{user}, nil)
			return err
		}},
		"create": {"add", func() error {
			id := newID()
			_, _, err := w.target.Create(ctx, w.unit.GUID, w.attributes(id, directory.Mark(id)), []directory.MemberRef{user})
			return err
		}},
		"rename": {"modifyDN", func() error {
			_, err := w.target.Rename(ctx, group.GUID, "renamed "+newID().String(), directory.GUID{})
			return err
		}},
		"read": {"search", func() error {
			_, err := w.target.GroupsByGUID(ctx, []directory.GUID{group.GUID}, true)
			return err
		}},
		"delete": {"delete", func() error {
			other, _ := w.create(t, w.target, w.unit.GUID)
			return w.target.Delete(ctx, other.GUID)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			defer w.dc.SetFault(nil)
			var refused atomic.Int32
			busy := func(times int32) {
				refused.Store(0)
				w.dc.SetFault(func(o server.Operation) server.Fault {
					if o.Kind == c.kind && refused.Add(1) <= times {
						return server.Busy
					}
					return server.None
				})
			}
			busy(2)
			if err := c.do(); err != nil || refused.Load() < 3 {
				t.Errorf("%v after %d tries", err, refused.Load())
			}
			busy(1000)
			w.wantError(t, c.do(), "ServerBusy")
		})
	}
}

// testLingering: of a large removal Windows finishes some values later.
func (w *windows) testLingering(t *testing.T) {
	many := w.contacts(t, w.target, 300)
	group, _ := w.create(t, w.target, w.unit.GUID, many...)
	ctx := testContext(t)
	stay, gone := many[:10], many[10:]
	refused, err := w.target.ChangeMembers(ctx, group.GUID, nil, gone)
	if err != nil || len(refused) > 0 {
		t.Fatalf("%v, refused %v", err, refused)
	}
	missing, lingering, err := w.target.CheckMembers(ctx, group.GUID, stay, gone)
	if want := len(gone) - 100; err != nil || len(missing) > 0 || len(lingering) != want {
		t.Errorf("missing %d, lingering %d, want 0 and %d; %v", len(missing), len(lingering), want, err)
	}
	// What is seen is read, and the group cannot be changed meanwhile.
	if got, err := w.read(t, group.GUID); err != nil || len(got) != len(stay)+len(lingering) {
		t.Errorf("%d members, %v", len(got), err)
	}
	_, err = w.target.ChangeMembers(ctx, group.GUID, nil, stay[:1])
	w.wantError(t, err, "ServerBusy")
	// It is finished while the change is tried again.
	var tries atomic.Int32
	w.dc.SetFault(func(o server.Operation) server.Fault {
		if o.Kind == "modify" && tries.Add(1) == 3 {
			w.dc.FinishLinkRemoval()
		}
		return server.None
	})
	if refused, err = w.target.ChangeMembers(ctx, group.GUID, nil, stay[:1]); err != nil || len(refused) > 0 {
		t.Errorf("%v, refused %v", err, refused)
	}
	missing, lingering, err = w.target.CheckMembers(ctx, group.GUID, stay[1:], gone)
	if err != nil || len(missing)+len(lingering) > 0 {
		t.Errorf("in the end %d missing, %d lingering, %v", len(missing), len(lingering), err)
	}
}

// testSmall: a server whose limits are below what is asked for.
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

// testCutting: every connection ends after some operations.
func (w *windows) testCutting(t *testing.T) {
	users := w.people(t)
	members := []directory.MemberRef{users["user0001"].ref(), users["user0002"].ref()}
	// The first three are the greeting, the bind and whatever looks first.
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
				if _, err := w.target.ChangeMembers(testContext(t), group.GUID, members[1:], members[:1]); err != nil {
					t.Error(err)
				}
				dn, err := w.target.Rename(testContext(t), group.GUID, fmt.Sprint("renamed ", name, after), directory.GUID{})
				if err != nil || !strings.HasPrefix(dn, "CN=renamed") {
					t.Errorf("%s, %v", dn, err)
				}
				got, err := w.read(t, group.GUID)
				if diff := cmp.Diff(names(members[1:]), names(got)); err != nil || diff != "" {
					t.Errorf("%v, %s", err, diff)
				}
				if err := w.target.Delete(testContext(t), group.GUID); err != nil {
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
