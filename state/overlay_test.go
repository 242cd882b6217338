package state

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"

	"slices"

	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// world is what a generation should show, in the simplest form. It has no layers: the
// world of an overlay begins as a copy.
type world struct {
	groups      map[directory.GUID]directory.SourceGroup
	memberships map[directory.GUID]worldMembership
	joins       map[directory.GUID]worldJoin
	targets     map[directory.GUID]directory.TargetGroup
}

type worldMembership struct {
	members    map[directory.GUID]bool
	incomplete string
	reading    bool
}

type worldJoin struct {
	member   directory.SourceMember
	resolved bool
	contract.Resolution
	tries int
	due   time.Time // zero means never
}

func newWorld() *world {
	return &world{map[directory.GUID]directory.SourceGroup{}, map[directory.GUID]worldMembership{}, map[directory.GUID]worldJoin{}, map[directory.GUID]directory.TargetGroup{}}
}

func (w *world) clone() *world {
	c := &world{maps.Clone(w.groups), maps.Clone(w.memberships), maps.Clone(w.joins), maps.Clone(w.targets)}
	for id, m := range c.memberships {
		m.members, m.reading = maps.Clone(m.members), false
		c.memberships[id] = m
	}
	return c
}

// checked is a test that reports failures to rapid, which then looks for a smaller
// example.
type checked struct {
	testing.TB
	r *rapid.T
}

func (c checked) Helper()                   { c.r.Helper() }
func (c checked) Error(args ...any)         { c.r.Error(args...) }
func (c checked) Errorf(f string, a ...any) { c.r.Errorf(f, a...) }
func (c checked) Fatal(args ...any)         { c.r.Fatal(args...) }
func (c checked) Fatalf(f string, a ...any) { c.r.Fatalf(f, a...) }

// history applies random runs to a state and to a world.
type history struct {
	r      *rapid.T
	t      testing.TB
	s      *State
	viewer *State // as another process has it open
	now    time.Time

	base    *world // nil if nothing is committed
	current int64
	links   map[directory.GUID]directory.GUID // by objectGUID
	former  map[directory.GUID]directory.GUID
	pending []directory.GUID

	run     int64
	overlay bool
	*world
	hidden map[directory.GUID]bool // groups of base that the overlay hides
	own    map[directory.GUID]bool // members that are staged in the generation itself
	read   map[directory.GUID]bool // whether each member that was read with a group was readable
}

// There are only a few objects, so that random changes often hit the same one.
func (h *history) groupID() directory.GUID {
	return guid(1, rapid.Uint32Range(1, 4).Draw(h.r, "group"))
}
func (h *history) memberID() directory.GUID {
	return guid(2, rapid.Uint32Range(1, 8).Draw(h.r, "member"))
}
func (h *history) targetID() directory.GUID {
	return guid(3, rapid.Uint32Range(1, 4).Draw(h.r, "target"))
}

func (h *history) member() directory.SourceMember {
	return directory.SourceMember{ID: h.memberID(), Kind: directory.KindUser, Name: rapid.SampledFrom([]string{"a", "b"}).Draw(h.r, "name"),
		Readable: rapid.IntRange(0, 3).Draw(h.r, "readable") > 0, SID: rapid.SampledFrom([]directory.SID{"S-1-5-21-1", "S-1-5-21-2"}).Draw(h.r, "SID")}
}

func (h *history) refs() (refs []directory.MemberRef) {
	for _, n := range rapid.SliceOfN(rapid.Uint32Range(1, 6), 0, 4).Draw(h.r, "refs") {
		refs = append(refs, directory.MemberRef{GUID: guid(4, n), DN: fmt.Sprint("CN=", n)})
	}
	return refs
}

func (h *history) target() directory.TargetGroup {
	return directory.TargetGroup{GUID: h.targetID(), DN: "CN=x", CN: rapid.SampledFrom([]string{"x", "y"}).Draw(h.r, "cn"),
		AdminDesc:   rapid.SampledFrom([]string{"", directory.Mark(guid(1, 1)), directory.Mark(guid(1, 2))}).Draw(h.r, "mark"),
		WhenChanged: rapid.SampledFrom([]time.Time{{}, started}).Draw(h.r, "changed")}
}

func (h *history) begin(overlay bool) {
	h.run = beginRun(h.t, h.s, contract.SyncRun, "")
	h.overlay = overlay && h.base != nil
	h.world, h.hidden, h.own, h.read = newWorld(), map[directory.GUID]bool{}, map[directory.GUID]bool{}, map[directory.GUID]bool{}
	if overlay {
		err := h.s.Generation(h.run).Overlay(context.Background())
		if h.base == nil {
			wantID(h.t, err, "InternalError")
		} else {
			must(h.t, err)
			h.world = h.base.clone()
		}
	}
}

// stageJoin does to the world what staging a member does to the state.
func (h *history) stageJoin(m directory.SourceMember) {
	was, known := h.joins[m.ID]
	if known && (was.member == m || h.own[m.ID] && was.member.Readable && !m.Readable) {
		return
	}
	now := worldJoin{member: m}
	if renamed := was.member; known {
		if renamed.Name = m.Name; renamed == m {
			now = was
			now.member = m
		}
	}
	h.joins[m.ID], h.own[m.ID] = now, true
}

func (h *history) readMember(m directory.SourceMember) {
	if readable, ok := h.read[m.ID]; ok && (readable || !m.Readable) {
		return
	}
	h.read[m.ID] = m.Readable
	if was, known := h.joins[m.ID]; !h.overlay && known && (was.member.Readable || !m.Readable) {
		return
	}
	h.stageJoin(m)
}

func (h *history) step() {
	ctx, t := context.Background(), h.t
	switch action := rapid.IntRange(0, 13).Draw(h.r, "action"); action {
	case 0:
		var groups []directory.SourceGroup
		for range rapid.IntRange(1, 3).Draw(h.r, "groups") {
			g := directory.SourceGroup{ID: h.groupID(), Kind: directory.UnifiedGroup, Properties: directory.Values{"displayName": {rapid.SampledFrom([]string{"x", "y"}).Draw(h.r, "name")}}}
			if rapid.Bool().Draw(h.r, "set") {
				enabled := rapid.Bool().Draw(h.r, "enabled")
				g.WritebackEnabled, g.OnPremisesGroupType = &enabled, string(plan.UniversalSecurity)
			}
			groups = append(groups, g)
			h.groups[g.ID] = g
			if h.hidden[g.ID] { // the group is visible again
				delete(h.hidden, g.ID)
				if _, ok := h.memberships[g.ID]; !ok {
					if m, ok := h.base.clone().memberships[g.ID]; ok {
						h.memberships[g.ID] = m
					}
				}
			}
		}
		must(t, h.s.Generation(h.run).StageSourceGroups(ctx, groups))
	case 1, 2:
		var pages []contract.MemberPage
		for range rapid.IntRange(1, 3).Draw(h.r, "pages") {
			p := contract.MemberPage{Group: h.groupID(), Last: rapid.IntRange(0, 2).Draw(h.r, "last") > 0}
			if !p.Last && rapid.Bool().Draw(h.r, "broken") {
				p.Err = errors.New("cut off")
			}
			m := h.memberships[p.Group]
			if !m.reading {
				m = worldMembership{members: map[directory.GUID]bool{}, incomplete: notReadToEnd, reading: true}
			}
			for range rapid.IntRange(0, 4).Draw(h.r, "size") {
				member := h.member()
				p.Members = append(p.Members, member)
				h.readMember(member)
				m.members[member.ID] = true
			}
			if m.incomplete == notReadToEnd && p.Err != nil {
				m.incomplete = "InternalError"
			} else if m.incomplete == notReadToEnd && p.Last {
				m.incomplete, m.reading = "", false
			}
			h.memberships[p.Group] = m
			pages = append(pages, p)
		}
		must(t, h.s.Generation(h.run).StageMembers(ctx, pages))
	case 3:
		var groups []directory.TargetGroup
		for range rapid.IntRange(1, 3).Draw(h.r, "targets") {
			g := h.target()
			g.Members = h.refs()
			groups = append(groups, g)
			h.targets[g.GUID] = g
		}
		must(t, h.s.Generation(h.run).StageTargetGroups(ctx, groups))
	case 4:
		g := h.groupID()
		delete(h.groups, g)
		delete(h.memberships, g)
		h.hidden[g] = h.overlay
		must(t, h.s.Generation(h.run).StageGoneGroups(ctx, []directory.GUID{g}))
	case 5:
		g := h.targetID()
		delete(h.targets, g)
		must(t, h.s.Generation(h.run).StageGoneTargets(ctx, []directory.GUID{g}))
	case 6:
		g := h.groupID()
		was, there := h.memberships[g]
		m := worldMembership{members: maps.Clone(was.members), incomplete: was.incomplete}
		if !there {
			m = worldMembership{members: map[directory.GUID]bool{}, incomplete: notReadToEnd}
		}
		var changes []contract.MemberChange
		for range rapid.IntRange(0, 5).Draw(h.r, "changes") {
			c := contract.MemberChange{ID: h.memberID(), Kind: directory.KindGroup, Removed: rapid.Bool().Draw(h.r, "removed")}
			changes = append(changes, c)
			if delete(m.members, c.ID); !c.Removed {
				m.members[c.ID] = true
			}
		}
		for i, c := range changes {
			last := !slices.ContainsFunc(changes[i+1:], func(o contract.MemberChange) bool { return o.ID == c.ID })
			if _, known := h.joins[c.ID]; last && !c.Removed && !known {
				h.joins[c.ID], h.own[c.ID] = worldJoin{member: directory.SourceMember{ID: c.ID, Kind: c.Kind}}, true
			}
		}
		// If nothing changes, later pages are still appended.
		if m.reading = there && was.reading && maps.Equal(was.members, m.members); true {
			h.memberships[g] = m
		}
		must(t, h.s.Generation(h.run).ChangeMembership(ctx, g, changes))
	case 7:
		g, added, removed := h.target(), h.refs(), h.refs()
		members := slices.DeleteFunc(slices.Clone(h.targets[g.GUID].Members), func(m directory.MemberRef) bool { return slices.Contains(removed, m) })
		must(t, h.s.Generation(h.run).StageTargetWritten(ctx, g, added, removed))
		g.Members = append(members, added...)
		h.targets[g.GUID] = g
	case 8:
		m := h.member()
		if _, known := h.joins[m.ID]; known {
			h.stageJoin(m)
		}
		must(t, h.s.Generation(h.run).StageKnownMembers(ctx, []directory.SourceMember{m}))
	case 9:
		id := h.memberID()
		h.again(id)
		must(t, h.s.Generation(h.run).StageMembersAgain(ctx, []directory.GUID{id}))
	case 10:
		h.now = h.now.Add(time.Duration(rapid.IntRange(0, 100).Draw(h.r, "minutes")) * time.Minute)
		for id, j := range h.joins {
			if !j.due.IsZero() && !j.due.After(h.now) {
				h.again(id)
			}
		}
		must(t, h.s.Generation(h.run).StageDueMembers(ctx, h.now))
	case 11:
		var resolutions []contract.Resolution
		for _, id := range slices.SortedFunc(maps.Keys(h.own), directory.GUID.Compare) {
			if rapid.Bool().Draw(h.r, "resolve") {
				continue
			}
			r := contract.Resolution{MemberID: id, Reason: rapid.SampledFrom([]directory.Reason{directory.ReasonJoined, directory.ReasonJoined,
				directory.ReasonGuest, directory.ReasonNotFound, directory.ReasonLookupFailed}).Draw(h.r, "reason")}
			if r.Reason == directory.ReasonJoined {
				r.Ref = directory.MemberRef{GUID: guid(4, rapid.Uint32Range(1, 6).Draw(h.r, "object")), DN: "CN=o"}
			}
			j := h.joins[id]
			j.Resolution, j.resolved, j.due = r, true, time.Time{}
			switch r.Reason {
			case directory.ReasonLookupFailed:
				j.tries, j.due = 0, h.now
			case directory.ReasonNotFound:
				j.due = h.now.Add(min(30*time.Minute*time.Duration(1<<j.tries), 24*time.Hour))
				j.tries++
			default:
				j.tries = 0
			}
			h.joins[id] = j
			resolutions = append(resolutions, r)
		}
		must(t, h.s.Generation(h.run).SaveResolutions(ctx, resolutions, h.now))
	case 12:
		source, target := h.groupID(), h.targetID()
		for other, s := range h.links {
			if s == source && other != target {
				h.former[other] = source
				delete(h.links, other)
			}
		}
		h.links[target] = source
		delete(h.former, target)
		must(t, h.s.SaveLinks(ctx, []contract.Link{{SourceID: source, TargetGUID: target}}))
	case 13:
		target := h.targetID()
		delete(h.links, target)
		delete(h.former, target)
		delete(h.targets, target)
		if h.base != nil {
			delete(h.base.targets, target)
		}
		must(t, h.s.Unlink(ctx, target))
	}
}

func (h *history) again(id directory.GUID) {
	if j, known := h.joins[id]; known {
		j.resolved, j.Resolution = false, contract.Resolution{}
		h.joins[id], h.own[id] = j, true
	}
}

// end commits the run, discards it, or lets its process die.
func (h *history) end() {
	ctx, t := context.Background(), h.t
	switch rapid.IntRange(0, 4).Draw(h.r, "end") {
	case 0:
		must(t, h.s.Generation(h.run).Discard(ctx))
	case 1: // the process dies
		must(t, h.s.Close())
		s, err := Open(ctx, h.s.folder)
		must(t, err)
		h.s = s
		return
	default:
		h.pending = nil
		for range rapid.IntRange(0, 3).Draw(h.r, "pending") {
			h.pending = append(h.pending, h.groupID())
		}
		must(t, h.s.Generation(h.run).Commit(ctx, contract.Watermark{HighestUSN: h.run}, h.pending))
		h.pending = sortedSet(h.pending)
		if h.overlay {
			for id := range h.own {
				if j := h.joins[id]; !j.resolved {
					j.due = started.Add(-time.Hour)
					h.joins[id] = j
				}
			}
		} else {
			h.current = h.run
		}
		h.base = h.world
	}
	endRun(t, h.s, h.run, contract.RunComplete)
}

func (w *world) membership(id directory.GUID) plan.Membership {
	m := plan.Membership{Incomplete: notReadToEnd, Joined: []directory.GUID{}}
	if staged, ok := w.memberships[id]; ok {
		m.Incomplete = staged.incomplete
		for member := range staged.members {
			reason := directory.ReasonUnresolved
			if j := w.joins[member]; j.resolved {
				reason = j.Reason
			}
			if reason == directory.ReasonJoined {
				m.Joined = append(m.Joined, w.joins[member].Ref.GUID)
				continue
			}
			if m.Unwritten == nil {
				m.Unwritten = map[directory.Reason]int{}
			}
			m.Unwritten[reason]++
		}
	}
	m.Joined = sortedSet(m.Joined)
	return m
}

func memberKeys(refs []directory.MemberRef) (guids []directory.GUID) {
	for _, m := range refs {
		guids = append(guids, m.GUID)
	}
	return sortedSet(guids)
}

func (h *history) same(what string, want, got any) {
	h.t.Helper()
	if diff := cmp.Diff(want, got, wholeGUIDs, cmpopts.EquateEmpty()); diff != "" {
		h.t.Fatalf("%s in generation %d: %s", what, h.run, diff)
	}
}

// check compares everything that a generation shows with a world.
func (h *history) check(generation int64, w *world) {
	ctx, t, s := context.Background(), h.t, h.s
	var groups []directory.SourceGroup
	var incomplete []directory.GUID
	for _, id := range slices.SortedFunc(maps.Keys(w.groups), directory.GUID.Compare) {
		groups = append(groups, w.groups[id])
		if m, ok := w.memberships[id]; !ok || m.incomplete != "" {
			incomplete = append(incomplete, id)
		}
	}
	h.same("groups", groups, collect(t, 2, func(after directory.GUID, limit int) ([]directory.SourceGroup, error) {
		return s.Generation(generation).SourceGroups(ctx, after, limit)
	}, func(g directory.SourceGroup) directory.GUID { return g.ID }))
	h.same("incomplete groups", incomplete, collect(t, 2, func(after directory.GUID, limit int) ([]directory.GUID, error) {
		return s.Generation(generation).IncompleteGroups(ctx, after, limit)
	}, itself))
	n, err := s.Generation(generation).CountSourceGroups(ctx)
	must(t, err)
	h.same("number of groups", len(groups), n)

	for i := range uint32(4) {
		id := guid(1, i+1)
		g, ok, err := s.Generation(generation).SourceGroup(ctx, id)
		must(t, err)
		want, there := w.groups[id]
		h.same("group", want, g)
		h.same("presence", there, ok)
		m, err := s.Generation(generation).SourceMembership(ctx, id)
		must(t, err)
		h.same("membership", w.membership(id), m)
		unwritten, err := s.Generation(generation).StagedUnwritten(ctx, id, 1000)
		must(t, err)
		reasons := map[directory.Reason]int{}
		for i, u := range unwritten {
			reasons[u.Reason]++
			if i > 0 && unwritten[i-1].ID.Compare(u.ID) >= 0 {
				t.Errorf("the unwritten members are not in order: %v", unwritten)
			}
		}
		if len(unwritten) > 0 || m.Unwritten != nil {
			h.same("unwritten members", m.Unwritten, reasons)
		}
	}

	var targets []contract.StagedTarget
	memberships := 0
	for id, g := range w.targets {
		staged := contract.StagedTarget{TargetGroup: g}
		staged.Members = nil
		if source, linked := h.links[id]; linked {
			staged.SourceID, staged.Linked = source, true
			memberships += len(memberKeys(g.Members))
		} else if mark, ok := g.SourceID(); ok {
			staged.SourceID = mark
		} else {
			staged.SourceID = h.former[id]
		}
		staged.Former = !staged.Linked && !staged.SourceID.IsZero() && staged.SourceID == h.former[id]
		targets = append(targets, staged)
		members, err := s.Generation(generation).TargetMembership(ctx, id)
		must(t, err)
		h.same("members in AD", memberKeys(g.Members), members)
	}
	slices.SortFunc(targets, func(a, b contract.StagedTarget) int { return a.GUID.Compare(b.GUID) })
	all := []directory.GUID{guid(3, 4), guid(3, 1), guid(3, 9), guid(3, 2), guid(3, 3)}
	got, err := s.Generation(generation).StagedTargets(ctx, all)
	must(t, err)
	h.same("objects", targets, got)
	slices.SortStableFunc(targets, func(a, b contract.StagedTarget) int { return a.SourceID.Compare(b.SourceID) })
	var listed []contract.StagedTarget
	for after := (contract.TargetKey{}); ; {
		page, err := s.Generation(generation).TargetGroups(ctx, after, 2)
		must(t, err)
		if listed = append(listed, page...); len(page) < 2 {
			break
		}
		after = contract.TargetKey{SourceID: page[1].SourceID, GUID: page[1].GUID}
	}
	h.same("objects by group", targets, listed)
	for i := range uint32(4) {
		id := guid(1, i+1)
		candidates, err := s.Generation(generation).Candidates(ctx, id)
		must(t, err)
		h.same("candidates", slices.DeleteFunc(slices.Clone(targets), func(g contract.StagedTarget) bool { return g.SourceID != id }), candidates)
	}
	n, err = s.Generation(generation).CountMemberships(ctx)
	must(t, err)
	h.same("memberships", memberships, n)

	var unstaged []contract.Link
	for _, target := range slices.SortedFunc(maps.Keys(h.links), directory.GUID.Compare) {
		if _, ok := w.targets[target]; !ok {
			unstaged = append(unstaged, contract.Link{SourceID: h.links[target], TargetGUID: target})
		}
	}
	h.same("links of objects that are not staged", unstaged, collect(t, 1, func(after directory.GUID, limit int) ([]contract.Link, error) {
		return s.Generation(generation).UnstagedLinks(ctx, after, limit)
	}, func(l contract.Link) directory.GUID { return l.TargetGUID }))

	wanted := []directory.GUID{guid(2, 2), guid(2, 99), guid(2, 5)}
	var with []directory.GUID
	for id, m := range w.memberships {
		if m.members[wanted[0]] || m.members[wanted[2]] {
			with = append(with, id)
		}
	}
	groupsWith, err := s.Generation(generation).GroupsWithMembers(ctx, wanted)
	must(t, err)
	h.same("groups with members", sortedSet(with), groupsWith)
	for id, m := range w.memberships {
		among, err := s.Generation(generation).MembersAmong(ctx, id, wanted)
		must(t, err)
		h.same("members among some", slices.DeleteFunc(sortedSet(slices.Clone(wanted)), func(id directory.GUID) bool { return !m.members[id] }), among)
	}

	objects := []directory.GUID{guid(4, 2), guid(4, 99), guid(4, 5)}
	var joined []directory.GUID
	for id, j := range w.joins {
		if j.resolved && j.Reason == directory.ReasonJoined && slices.Contains(objects, j.Ref.GUID) {
			joined = append(joined, id)
		}
	}
	joinedTo, err := s.Generation(generation).MembersJoinedTo(ctx, objects)
	must(t, err)
	h.same("members joined to objects", sortedSet(joined), sortedSet(joinedTo))
}

// checkStaged compares what is staged in the generation itself with the world.
func (h *history) checkStaged() {
	ctx, t, s := context.Background(), h.t, h.s
	var unresolved, unread []directory.SourceMember
	var changed []directory.GUID
	for _, id := range slices.SortedFunc(maps.Keys(h.own), directory.GUID.Compare) {
		j := h.joins[id]
		if !j.resolved {
			unresolved = append(unresolved, j.member)
		}
		if !j.member.Readable {
			unread = append(unread, directory.SourceMember{ID: id, Kind: j.member.Kind})
		}
		if h.base != nil {
			if was, known := h.base.joins[id]; known && (was.resolved != j.resolved || was.Reason != j.Reason || was.Ref.GUID != j.Ref.GUID) {
				changed = append(changed, id)
			}
		}
	}
	h.same("unresolved members", unresolved, byID(collect(t, 2, func(after directory.GUID, limit int) ([]directory.SourceMember, error) {
		return s.Generation(h.run).UnresolvedMembers(ctx, after, limit)
	}, idOf)))
	h.same("unread members", unread, byID(collect(t, 2, func(after directory.GUID, limit int) ([]directory.SourceMember, error) {
		return s.Generation(h.run).UnreadMembers(ctx, after, limit)
	}, idOf)))
	got, err := s.Generation(h.run).ChangedJoins(ctx)
	must(t, err)
	h.same("changed joins", changed, got)
}

// checkCurrent compares what readers outside the run see, in this process and in another.
func (h *history) checkCurrent() {
	ctx, t := context.Background(), h.t
	current, err := h.s.Current(ctx)
	must(t, err)
	h.same("current generation", h.current, current)
	if h.base == nil {
		return
	}
	h.check(h.current, h.base)
	h.checkIndex()
	pending, err := h.s.Pending(ctx)
	must(t, err)
	h.same("pending", h.pending, pending)
	for id := range h.base.groups {
		var want []directory.GUID
		m := h.base.memberships[id]
		for _, member := range slices.SortedFunc(maps.Keys(m.members), directory.GUID.Compare) {
			if j := h.base.joins[member]; j.resolved {
				want = append(want, j.Ref.GUID)
			} else {
				want = append(want, directory.GUID{})
			}
		}
		for _, s := range []*State{h.s, h.viewer} {
			views, err := s.GroupMembers(ctx, id, directory.GUID{}, 100)
			must(t, err)
			var got []directory.GUID
			for _, v := range views {
				got = append(got, v.TargetGUID)
			}
			h.same("members for people", want, got)
			groups, err := s.Groups(ctx, contract.GroupFilter{ID: id}, directory.GUID{}, 10)
			must(t, err)
			unwritten := 0
			for _, n := range h.base.membership(id).Unwritten {
				unwritten += n
			}
			h.same("members not written", unwritten, groups[0].Unwritten)
		}
	}
}

// checkIndex compares the index, if there is one, with the memberships.
func (h *history) checkIndex() {
	ctx, t := context.Background(), h.t
	numbers := map[uint32]directory.GUID{}
	pairs := map[[2]directory.GUID]bool{}
	missing := false
	must(t, h.s.snapshot(ctx, "read the index", func(q *session) error {
		var index int64
		if _, err := q.one("SELECT indexed FROM watermark", nil, &index); err != nil {
			return err
		}
		missing = index == 0
		err := q.each("SELECT number, id FROM member", nil, func(rows *sql.Rows) error {
			var number uint32
			var id directory.GUID
			err := rows.Scan(&number, intoGUID(&id))
			numbers[number] = id
			return err
		})
		if err != nil {
			return err
		}
		return indexChunks.each(q, layers{top: index}, only, func(keys []byte) error {
			for key := range slices.Chunk(keys, pairSize) {
				pairs[[2]directory.GUID{numbers[binary.BigEndian.Uint32(key)], numbers[binary.BigEndian.Uint32(key[numberSize:])]}] = true
			}
			return nil
		})
	}))
	if missing {
		return
	}
	want := map[[2]directory.GUID]bool{}
	for group, m := range h.base.memberships {
		for member := range m.members {
			want[[2]directory.GUID{member, group}] = true
		}
	}
	h.same("index", want, pairs)
}

// TestHistories: every generation shows what it should, whatever runs stage, commit,
// discard, or leave behind when they die.
func TestHistories(t *testing.T) {
	smallChunks(t)
	defer func(n int) { maxDifference = n }(maxDifference)
	maxDifference = 6
	rapid.Check(t, func(r *rapid.T) {
		s := newState(t)
		h := &history{r: r, t: checked{t, r}, s: s, viewer: openState(t, s.folder), now: started, links: map[directory.GUID]directory.GUID{}, former: map[directory.GUID]directory.GUID{}}
		defer func() { must(h.t, errors.Join(h.s.Close(), h.viewer.Close())) }()
		for range rapid.IntRange(1, 5).Draw(r, "runs") {
			h.begin(rapid.IntRange(0, 3).Draw(r, "overlay") > 0)
			for range rapid.IntRange(0, 12).Draw(r, "steps") {
				h.step()
				if rapid.IntRange(0, 3).Draw(r, "check") == 0 {
					h.check(h.run, h.world)
				}
			}
			h.check(h.run, h.world)
			h.checkStaged()
			h.end()
			h.checkCurrent()
		}
		beginRun(h.t, h.s, contract.SyncRun, "")
		for _, staged := range stagedTables {
			if n, err := h.s.count(context.Background(), "count", "SELECT count(*) FROM "+staged.table+" WHERE generation NOT IN (?, -1)", h.current); n != 0 || err != nil {
				r.Fatalf("%d rows of no generation are left in %s, %v", n, staged.table, err)
			}
		}
	})
}
