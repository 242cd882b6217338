package graphtest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"
	"time"
)

// handle is the index of an object in directory.objects. It never changes and is never
// reused for another object.
type handle uint32

type object struct {
	id   guid
	kind kind
	// generated is the number of an unchanged generated object plus one, or 0 if the
	// object has a state of its own.
	generated int32
	state     *state // nil if the object is gone or generated
}

// state is everything about an object. It is replaced, never modified, so that a
// lagging replica can show the old one.
type state struct {
	record  any      // *User, *Group, *Device, *Contact, *ServicePrincipal or *AgentIdentity
	members []handle // the members of a group, ascending
	owners  []handle // the owners of a group, ascending
	former  []handle // the groups that a deleted object was a member of
}

// past is a state that an object had until a change.
type past struct {
	state    *state
	until    time.Time
	sequence uint64
}

// history is what delta queries need to know about a changed object.
type history struct {
	appeared    uint64 // created or restored
	removed     uint64 // deleted, soft or hard
	properties  map[string]uint64
	memberships []membership
	ownerships  []membership
}

type membership struct {
	sequence uint64
	member   handle
	removed  bool
}

// directory holds the objects of the tenant. The caller holds the tenant's lock.
type directory struct {
	// usersUnreported makes the groups' delta omit users that are deleted or restored; only
	// the users' delta reports them.
	usersUnreported bool
	// groupsUnreported makes it also omit groups that are soft-deleted or restored.
	groupsUnreported bool

	objects   []object
	index     map[guid]handle
	byKind    [len(schemas)][]handle // ascending by id; objects that are gone stay
	generator *generator
	now       func() time.Time

	sequence uint64 // the sequence number of the last change
	changes  map[handle]*history

	// past holds the earlier states of each object since the seed, oldest first. A
	// lagging replica still shows them.
	past map[handle][]past
	// heldSequence is the last change that a held replica knows.
	heldSequence uint64
}

func newDirectory(now func() time.Time) *directory {
	return &directory{index: map[guid]handle{}, changes: map[handle]*history{}, past: map[handle][]past{}, now: now}
}

// view is what one replica shows.
type view struct {
	*directory
	held bool      // the replica knows no change after heldSequence
	at   time.Time // the replica knows no change after this time, unless it is zero
}

func (v view) stored(h handle) (*state, bool) {
	if i := slices.IndexFunc(v.past[h], v.shows); i >= 0 {
		return v.past[h][i].state, true
	}
	o := v.objects[h]
	return o.state, o.generated == 0
}

// shows reports whether the replica does not yet know the change that ended a state.
func (v view) shows(p past) bool {
	return v.held && p.sequence > v.heldSequence || !v.at.IsZero() && p.until.After(v.at)
}

// record returns nil if the object does not exist. It also returns objects in the
// deleted items; see live.
func (v view) record(h handle) any {
	s, own := v.stored(h)
	switch {
	case s != nil:
		return s.record
	case own:
		return nil
	}
	o := v.objects[h]
	if o.kind == kindGroup {
		return v.generator.group(int(o.generated - 1))
	}
	return v.generator.user(int(o.generated - 1))
}

func (v view) live(h handle) any {
	if r := v.record(h); r != nil && deletedDate(r) == "" {
		return r
	}
	return nil
}

// members returns the members of a group, ascending. The caller must not modify the
// slice.
func (v view) members(h handle) []handle {
	s, own := v.stored(h)
	switch {
	case s != nil:
		return s.members
	case own || v.objects[h].kind != kindGroup:
		return nil
	}
	return v.generator.members(int(v.objects[h].generated - 1))
}

// owners returns the owners of a group, ascending, also those that are deleted. The caller
// must not modify the slice.
func (v view) owners(h handle) []handle {
	if s, _ := v.stored(h); s != nil {
		return s.owners
	}
	return nil
}

func (v view) find(id string, k kind) (handle, bool) {
	g, ok := parseGUID(id)
	if !ok {
		return 0, false
	}
	h, ok := v.index[g]
	return h, ok && v.objects[h].kind == k && v.record(h) != nil
}

func deletedDate(record any) string {
	switch r := record.(type) {
	case *Group:
		return r.DeletedDateTime
	case *User:
		return r.DeletedDateTime
	}
	return ""
}

func (d *directory) current() view { return view{directory: d} }

// insert adds an object that has no handle yet.
func (d *directory) insert(id guid, k kind, generated int32) handle {
	h := handle(len(d.objects))
	d.objects = append(d.objects, object{id: id, kind: k, generated: generated})
	d.index[id] = h
	list := d.byKind[k]
	at := sort.Search(len(list), func(i int) bool { return compareIDs(d.objects[list[i]].id, id) > 0 })
	d.byKind[k] = slices.Insert(list, at, h)
	return h
}

// sortKind sorts a list after objects were appended to it in bulk.
func (d *directory) sortKind(k kind) {
	slices.SortFunc(d.byKind[k], func(a, b handle) int { return compareIDs(d.objects[a].id, d.objects[b].id) })
}

func compareIDs(a, b guid) int { return slices.Compare(a[:], b[:]) }

// replace stores a new state; nil means that the object is gone.
func (d *directory) replace(h handle, s *state) {
	d.past[h] = append(d.past[h], past{state: d.snapshot(h), until: d.now(), sequence: d.tick()})
	d.objects[h].state = s
	d.objects[h].generated = 0
}

func (d *directory) snapshot(h handle) *state {
	if o := d.objects[h]; o.generated == 0 {
		return o.state
	}
	return &state{record: d.current().record(h), members: d.current().members(h), owners: d.current().owners(h)}
}

func (d *directory) tick() uint64 {
	d.sequence++
	return d.sequence
}

func (d *directory) historyOf(h handle) *history {
	if d.changes[h] == nil {
		d.changes[h] = &history{properties: map[string]uint64{}}
	}
	return d.changes[h]
}

// put creates an object or replaces the properties of an existing one. If members is
// nil, the members of an existing group stay.
func (d *directory) put(k kind, record any, members []handle) (handle, error) {
	text := reflect.ValueOf(record).Elem().FieldByName("ID").String()
	id, ok := parseGUID(text)
	if !ok {
		return 0, fmt.Errorf("%s: the id %q is no GUID", schemas[k].name, text)
	}
	h, exists := d.index[id]
	if exists && d.objects[h].kind != k {
		return 0, fmt.Errorf("%s %s: the id belongs to a %s", schemas[k].name, text, schemas[d.objects[h].kind].name)
	}
	if !exists {
		h = d.insert(id, k, 0)
	}
	old := d.snapshot(h)
	seq, hist := d.tick(), d.historyOf(h)
	next := &state{record: record, members: slices.Compact(sorted(members))}
	if old == nil {
		hist.appeared = seq
	} else {
		next.owners, next.former = old.owners, old.former
		for _, p := range schemas[k].properties {
			if !reflect.DeepEqual(schemas[k].value(old.record, p), schemas[k].value(record, p)) {
				hist.properties[p.name] = seq
			}
		}
		if members == nil {
			next.members = old.members
		} else {
			hist.memberships = appendChanges(hist.memberships, seq, old.members, next.members)
		}
	}
	d.replace(h, next)
	return h, nil
}

func sorted(list []handle) []handle {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// appendChanges appends what turns the old list, of members or owners, into the next one.
func appendChanges(to []membership, seq uint64, old, next []handle) []membership {
	for _, m := range old {
		if _, stays := slices.BinarySearch(next, m); !stays {
			to = append(to, membership{seq, m, true})
		}
	}
	for _, m := range next {
		if _, was := slices.BinarySearch(old, m); !was {
			to = append(to, membership{seq, m, false})
		}
	}
	return to
}

var errNotThere = errors.New("no such object in the tenant")

// group finds a group that is live or, if deleted is set, in the deleted items.
func (d *directory) group(id string, deleted bool) (handle, *Group, error) {
	h, ok := d.current().find(id, kindGroup)
	if !ok {
		return 0, nil, fmt.Errorf("group %s: %w", id, errNotThere)
	}
	g := d.current().record(h).(*Group)
	if (g.DeletedDateTime != "") != deleted {
		return 0, nil, fmt.Errorf("group %s: deleted is %t, want %t", id, !deleted, deleted)
	}
	return h, g, nil
}

func (d *directory) user(ref string, deleted bool) (handle, *User, error) {
	h, err := d.resolve(ref, true)
	if err != nil {
		return 0, nil, err
	}
	u, ok := d.current().record(h).(*User)
	if !ok {
		return 0, nil, fmt.Errorf("%s: not a user", ref)
	}
	if (u.DeletedDateTime != "") != deleted {
		return 0, nil, fmt.Errorf("user %s: deleted is %t, want %t", ref, !deleted, deleted)
	}
	return h, u, nil
}

// setMembers replaces the members of a group.
func (d *directory) setMembers(h handle, members []handle) {
	hist := d.historyOf(h)
	hist.memberships = appendChanges(hist.memberships, d.tick(), d.snapshot(h).members, members)
	d.setMembersUnreported(h, members)
}

func (d *directory) setMembersUnreported(h handle, members []handle) {
	old := d.snapshot(h)
	d.replace(h, &state{record: old.record, members: members, owners: old.owners, former: old.former})
}

// putOwners replaces the owners of a group, unless they are nil.
func (d *directory) putOwners(group string, refs []string) error {
	if refs == nil {
		return nil
	}
	h, _, err := d.group(group, false)
	if err != nil {
		return err
	}
	owners, err := d.resolveAll(refs)
	if err != nil {
		return fmt.Errorf("group %s: owner %w", group, err)
	}
	old, hist := d.snapshot(h), d.historyOf(h)
	owners = slices.Compact(sorted(owners))
	hist.ownerships = appendChanges(hist.ownerships, d.tick(), old.owners, owners)
	d.replace(h, &state{record: old.record, members: old.members, owners: owners, former: old.former})
	return nil
}

func (d *directory) addMember(group string, ref string) error {
	h, _, err := d.group(group, false)
	if err != nil {
		return err
	}
	m, err := d.resolve(ref, false)
	if err != nil {
		return err
	}
	members := d.current().members(h)
	at, is := slices.BinarySearch(members, m)
	if is {
		return fmt.Errorf("group %s: %s is a member already", group, ref)
	}
	d.setMembers(h, slices.Insert(slices.Clone(members), at, m))
	return nil
}

func (d *directory) removeMember(group string, ref string) error {
	h, _, err := d.group(group, false)
	if err != nil {
		return err
	}
	m, err := d.resolve(ref, true)
	if err != nil {
		return err
	}
	members := d.current().members(h)
	at, is := slices.BinarySearch(members, m)
	if !is {
		return fmt.Errorf("group %s: %s is not a member", group, ref)
	}
	d.setMembers(h, slices.Delete(slices.Clone(members), at, at+1))
	return nil
}

// remove hard-deletes an object.
func (d *directory) remove(h handle) {
	d.historyOf(h).removed = d.tick()
	d.replace(h, nil)
}

// deleteGroup moves a Microsoft 365 group to the deleted items. Any other group is
// hard-deleted at once (resources/directory.md).
func (d *directory) deleteGroup(id string) error {
	h, g, err := d.group(id, false)
	if err != nil {
		return err
	}
	gone := *g
	gone.DeletedDateTime = timestamp(d.now())
	d.softDelete(h, &gone)
	if !g.IsUnified() {
		d.remove(h)
	}
	return nil
}

func (d *directory) purgeGroup(id string) error {
	h, _, err := d.group(id, true)
	if err != nil {
		return err
	}
	d.remove(h)
	return nil
}

func (d *directory) restoreGroup(id string) error {
	h, g, err := d.group(id, true)
	if err != nil {
		return err
	}
	back := *g
	back.DeletedDateTime = ""
	d.restore(h, &back)
	return nil
}

func (d *directory) deleteUser(ref string) error {
	h, u, err := d.user(ref, false)
	if err != nil {
		return err
	}
	gone := *u
	gone.DeletedDateTime = timestamp(d.now())
	d.softDelete(h, &gone)
	return nil
}

func (d *directory) purgeUser(ref string) error {
	h, _, err := d.user(ref, true)
	if err != nil {
		return err
	}
	d.remove(h)
	return nil
}

func (d *directory) restoreUser(ref string) error {
	h, u, err := d.user(ref, true)
	if err != nil {
		return err
	}
	back := *u
	back.DeletedDateTime = ""
	d.restore(h, &back)
	return nil
}

// softDelete stores the record as deleted and removes the object from the groups that
// it is a member of.
func (d *directory) softDelete(h handle, gone any) {
	var former []handle
	for _, g := range d.byKind[kindGroup] {
		if d.objects[g].generated > 0 && d.objects[h].kind != kindUser {
			continue // generated groups have only users as members
		}
		members := d.current().members(g)
		if at, is := slices.BinarySearch(members, h); is {
			former = append(former, g)
			d.comeOrGo(h)(g, slices.Delete(slices.Clone(members), at, at+1))
		}
	}
	members := d.current().members(h)
	if seq := d.tick(); !d.groupUnreported(h) {
		d.historyOf(h).removed = seq
	}
	d.replace(h, &state{record: gone, members: members, owners: d.current().owners(h), former: former})
}

// restore restores an object, and its memberships in the groups that still exist.
func (d *directory) restore(h handle, back any) {
	old := d.snapshot(h)
	if seq := d.tick(); !d.groupUnreported(h) {
		d.historyOf(h).appeared = seq
	}
	d.replace(h, &state{record: back, members: old.members, owners: old.owners})
	for _, g := range old.former {
		if d.current().record(g) == nil {
			continue
		}
		members := d.current().members(g)
		if at, is := slices.BinarySearch(members, h); !is {
			d.comeOrGo(h)(g, slices.Insert(slices.Clone(members), at, h))
		}
	}
}

// comeOrGo returns the function that sets the members of a group when a member is
// deleted or restored.
func (d *directory) comeOrGo(h handle) func(group handle, members []handle) {
	if d.usersUnreported && d.objects[h].kind == kindUser || d.groupUnreported(h) {
		return d.setMembersUnreported
	}
	return d.setMembers
}

// groupUnreported reports whether an object is a group whose soft deletion or restore is
// not reported. A group without a recycle bin is hard-deleted, which is always
// reported.
func (d *directory) groupUnreported(h handle) bool {
	g, ok := d.current().record(h).(*Group)
	return ok && d.groupsUnreported && g.IsUnified()
}

// resolve finds the one object that has a name; see Group.Members. Generated objects
// are found only by id.
func (d *directory) resolve(ref string, deleted bool) (handle, error) {
	if id, ok := parseGUID(ref); ok {
		h, ok := d.index[id]
		if !ok || d.current().record(h) == nil || !deleted && d.current().live(h) == nil {
			return 0, fmt.Errorf("%s: %w", ref, errNotThere)
		}
		return h, nil
	}
	var found []handle
	for i, o := range d.objects {
		if o.state == nil || !deleted && deletedDate(o.state.record) != "" {
			continue
		}
		if slices.ContainsFunc(namesOf(o.state.record), func(n string) bool { return n != "" && strings.EqualFold(n, ref) }) {
			found = append(found, handle(i))
		}
	}
	switch len(found) {
	case 0:
		return 0, fmt.Errorf("%q: %w", ref, errNotThere)
	case 1:
		return found[0], nil
	default:
		return 0, fmt.Errorf("%q: %d objects bear this name, use an id", ref, len(found))
	}
}

func namesOf(record any) []string {
	switch r := record.(type) {
	case *User:
		names := []string{r.UserPrincipalName, r.OnPremisesSamAccountName}
		if !strings.EqualFold(r.Mail, r.UserPrincipalName) {
			names = append(names, r.Mail)
		}
		return names
	case *Group:
		return []string{r.MailNickname}
	case *Device:
		return []string{r.DisplayName}
	case *Contact:
		return []string{r.Mail}
	case *ServicePrincipal:
		return []string{r.DisplayName}
	case *AgentIdentity:
		return []string{r.DisplayName}
	}
	return nil
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
