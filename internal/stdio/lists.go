package stdio

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/identity"
	"groupwriteback/internal/plan"
)

// Limits on a page. Only a page with a single item may exceed pageBytes.
const (
	defaultLimit = 100
	maxLimit     = 500
	pageBytes    = 512 << 10
	// batch is how many items are read at a time, so that a page that reaches pageBytes
	// has not read many items in vain.
	batch = 50
)

// Paging holds the parameters of every list. It is exported so that messages about a
// parameter leave it out; see parameterName.
type Paging struct {
	After string `json:"after"`
	Limit int    `json:"limit"`
}

// list describes how to build one page of items T, ordered by a key K.
type list[T any, K comparable] struct {
	name  string // name of the list in the result
	parse func(after string) (K, error)
	fetch func(after K, n int) ([]T, error) // returns fewer than n at the end
	key   func(T) K
	text  func(K) string
	show  func(T) (item any, ok bool, err error) // leaves the item out if not ok
}

// page returns the items after the place that p names, up to its limit.
func (l list[T, K]) page(p Paging) (any, error) {
	limit, err := p.limit()
	if err != nil {
		return nil, err
	}
	after, err := l.start(p)
	if err != nil {
		return nil, err
	}
	items := page{limit: limit, items: []json.RawMessage{}}
	more, after, err := l.fill(&items, after)
	if err != nil {
		return nil, err
	}
	result := map[string]any{l.name: items.items}
	if more {
		result["next"] = l.text(after)
	}
	return result, nil
}

// limit returns how many items may be on the page.
func (p Paging) limit() (int, error) {
	switch {
	case p.Limit == 0:
		return defaultLimit, nil
	case p.Limit < 0 || p.Limit > maxLimit:
		return 0, contract.InvalidParameter("limit", fmt.Sprint(p.Limit), fmt.Sprintf("1 to %d", maxLimit))
	}
	return p.Limit, nil
}

// start returns the place after which the page begins.
func (l list[T, K]) start(p Paging) (after K, err error) {
	if p.After == "" {
		return after, nil
	}
	if after, err = l.parse(p.After); err != nil {
		return after, invalidParameter("after", "The value of after is not a value of next that this method returned.", "Pass next of the previous response, or omit after.")
	}
	return after, nil
}

// fill reads items until the page is full or the list ends. It returns whether there
// are more, and the last place that it passed.
func (l list[T, K]) fill(items *page, after K) (more bool, last K, err error) {
	for {
		n := min(batch, items.room()+1) // one more, to find out whether there are more
		got, err := l.fetch(after, n)
		if err != nil {
			return false, after, err
		}
		for _, t := range got {
			item, ok, err := l.show(t)
			if err != nil {
				return false, after, err
			}
			if ok {
				fits, err := items.add(item)
				if err != nil {
					return false, after, err
				}
				if !fits {
					return true, after, nil
				}
			}
			after = l.key(t)
		}
		if len(got) < n {
			return false, after, nil
		}
	}
}

// page holds the items of one page as JSON.
type page struct {
	limit int // maximum number of items
	items []json.RawMessage
	size  int // in bytes
}

// room returns how many more items the page can take.
func (p *page) room() int { return p.limit - len(p.items) }

// add adds an item to the page if it fits.
func (p *page) add(item any) (fits bool, err error) {
	text, err := json.Marshal(item)
	if err != nil {
		return false, err
	}
	if p.room() == 0 || p.size > 0 && p.size+len(text) > pageBytes {
		return false, nil
	}
	p.items, p.size = append(p.items, text), p.size+len(text)
	return true, nil
}

func parseNumber(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) }
func numberText(n int64) string           { return strconv.FormatInt(n, 10) }

type runsParams struct {
	// Kinds are the kinds of runs to list; none means all.
	Kinds []contract.RunKind `json:"kinds"`
	Paging
}

func listRuns(ctx context.Context, e Engine, p runsParams) (any, error) {
	for _, kind := range p.Kinds {
		if err := contract.CheckOneOf("kinds", kind, contract.RunKinds); err != nil {
			return nil, err
		}
	}
	state, err := e.State(ctx)
	if err != nil {
		return nil, err
	}
	return list[contract.Run, int64]{
		name: "runs", parse: parseNumber, text: numberText,
		fetch: func(after int64, n int) ([]contract.Run, error) { return state.Runs(ctx, after, n) },
		key:   func(r contract.Run) int64 { return r.ID },
		show: func(r contract.Run) (any, bool, error) {
			return r, len(p.Kinds) == 0 || slices.Contains(p.Kinds, r.Kind), nil
		},
	}.page(p.Paging)
}

type changesParams struct {
	RunID   int64            `json:"runId"`
	Action  plan.Action      `json:"action"`
	Outcome contract.Outcome `json:"outcome"`
	Group   string           `json:"group"`
	Paging
}

// change is a change as the protocol shows it.
type change struct {
	ID          int64                  `json:"id"`
	RunID       int64                  `json:"runId"`
	RunKind     contract.RunKind       `json:"runKind"`
	Action      plan.Action            `json:"action"`
	Situation   plan.Situation         `json:"situation"`
	SourceID    directory.GUID         `json:"sourceId"`
	TargetGUID  directory.GUID         `json:"targetGuid"`
	DisplayName string                 `json:"displayName"`
	DN          string                 `json:"dn"`
	Attributes  []plan.AttributeChange `json:"attributes"`
	AddCount    int                    `json:"addCount"`
	RemoveCount int                    `json:"removeCount"`
	Add         []directory.MemberRef  `json:"add"`
	Remove      []directory.MemberRef  `json:"remove"`
	Reason      plan.Reason            `json:"reason"`
	Message     string                 `json:"message"`
	Outcome     contract.Outcome       `json:"outcome"`
	ErrorID     string                 `json:"errorId"`
}

// shownMembers is how many members a change in a list includes.
const shownMembers = 100

func listChanges(ctx context.Context, e Engine, p changesParams) (any, error) {
	if p.RunID < 1 {
		return nil, missing("runId")
	}
	if err := cmp.Or(contract.CheckOneOf("action", p.Action, plan.Actions), contract.CheckOneOf("outcome", p.Outcome, contract.Outcomes)); err != nil {
		return nil, err
	}
	state, err := e.State(ctx)
	if err != nil {
		return nil, err
	}
	run, err := state.Run(ctx, p.RunID)
	if err != nil {
		return nil, err
	}
	of, err := changesOf(ctx, state, p.Group)
	if err != nil {
		return nil, err
	}
	phase := plan.Phase(0)
	if p.Action != "" {
		phase = p.Action.Phase()
	}
	return list[contract.SpooledChange, int64]{
		name: "changes", parse: parseNumber, text: numberText,
		fetch: func(after int64, n int) ([]contract.SpooledChange, error) {
			return state.Changes(ctx, p.RunID, phase, after, n)
		},
		key: func(c contract.SpooledChange) int64 { return c.ID },
		show: func(c contract.SpooledChange) (any, bool, error) {
			if p.Action != "" && c.Action != p.Action || p.Outcome != "" && c.Outcome != p.Outcome || !of.holds(&c) {
				return nil, false, nil
			}
			shown, err := showChange(ctx, state, &run, c)
			return shown, true, err
		},
	}.page(p.Paging)
}

// groupChanges selects the changes of the named groups; nil selects all.
type groupChanges struct {
	named identity.Identity
	known map[directory.GUID]bool // object ids and objectGUIDs
}

// changesOf looks up the groups that the state knows by the text, which may contain
// wildcards. A change may also name a group that the state does not know, or no longer
// knows. Error: GroupNotFound.
func changesOf(ctx context.Context, state contract.State, text string) (*groupChanges, error) {
	if text == "" {
		return nil, nil
	}
	of := &groupChanges{named: identity.NewPattern(text), known: map[directory.GUID]bool{}}
	for v, err := range identity.Groups(ctx, state, contract.GroupFilter{Name: text}) {
		if err != nil {
			return nil, err
		}
		of.known[v.ID], of.known[v.TargetGUID] = true, true
	}
	delete(of.known, directory.GUID{})
	return of, nil
}

func (of *groupChanges) holds(c *contract.SpooledChange) bool {
	return of == nil || of.known[c.SourceID] || of.known[c.TargetGUID] ||
		of.named.Rank(&identity.Names{ID: c.SourceID, TargetGUID: c.TargetGUID, DN: c.DN, DisplayName: c.DisplayName}) > 0
}

func showChange(ctx context.Context, state contract.State, run *contract.Run, c contract.SpooledChange) (change, error) {
	out := change{
		ID: c.ID, RunID: run.ID, RunKind: run.Kind, Action: c.Action, Situation: c.Situation, SourceID: c.SourceID, TargetGUID: c.TargetGUID,
		DisplayName: c.DisplayName, DN: c.DN, AddCount: c.AddCount, RemoveCount: c.RemoveCount,
		Add: []directory.MemberRef{}, Remove: []directory.MemberRef{},
		Reason: c.Reason, Message: c.Message, Outcome: c.Outcome, ErrorID: c.ErrorID,
	}
	out.Attributes = revealed(c.Attributes)
	if out.Message == "" {
		out.Message = c.Change.Message
	}
	if c.AddCount+c.RemoveCount == 0 {
		return out, nil
	}
	members, err := firstMembers(ctx, state, c.ID, directory.GUID{}, shownMembers)
	for _, m := range members {
		if m.Operation == addMember {
			out.Add = append(out.Add, m.MemberRef)
		} else {
			out.Remove = append(out.Remove, m.MemberRef)
		}
	}
	return out, err
}

// revealed makes invisible characters in the old values visible. Otherwise a name that
// loses such characters would look unchanged.
func revealed(changes []plan.AttributeChange) []plan.AttributeChange {
	out := make([]plan.AttributeChange, len(changes))
	for i, c := range changes {
		out[i] = c
		out[i].Shared = false // an internal detail of how the value is written
		out[i].Old, out[i].New = shown(c.Old, directory.Reveal), shown(c.New, nil)
	}
	return out
}

// shown returns the values without the GUIDs of the objects that they name, and as reveal
// has them.
func shown(values []string, reveal func(string) string) []string {
	out := slices.Clone(values)
	for i, value := range out {
		if out[i] = directory.PlainName(value); reveal != nil {
			out[i] = reveal(out[i])
		}
	}
	return out
}

// memberOperation is what a change does to one value of member.
type memberOperation struct {
	Operation string `json:"operation"`
	directory.MemberRef
}

const (
	addMember    = "Add"
	removeMember = "Remove"
)

// firstMembers returns the first n members of a change after a GUID, added and removed
// ones together, in the order of their GUIDs.
func firstMembers(ctx context.Context, state contract.State, change int64, after directory.GUID, n int) ([]memberOperation, error) {
	add, remove, err := state.ChangeMembers(ctx, change, after, n)
	if err != nil {
		return nil, err
	}
	var out []memberOperation
	for len(out) < n && len(add)+len(remove) > 0 {
		if len(remove) == 0 || len(add) > 0 && add[0].GUID.Compare(remove[0].GUID) <= 0 {
			out, add = append(out, memberOperation{addMember, add[0]}), add[1:]
		} else {
			out, remove = append(out, memberOperation{removeMember, remove[0]}), remove[1:]
		}
	}
	return out, nil
}

type changeMembersParams struct {
	ChangeID int64 `json:"changeId"`
	Paging
}

func listChangeMembers(ctx context.Context, e Engine, p changeMembersParams) (any, error) {
	if p.ChangeID < 1 {
		return nil, missing("changeId")
	}
	state, err := e.State(ctx)
	if err != nil {
		return nil, err
	}
	return list[memberOperation, directory.GUID]{
		name: "members", parse: directory.ParseGUID, text: directory.GUID.String,
		fetch: func(after directory.GUID, n int) ([]memberOperation, error) {
			return firstMembers(ctx, state, p.ChangeID, after, n)
		},
		key:  func(m memberOperation) directory.GUID { return m.GUID },
		show: func(m memberOperation) (any, bool, error) { return m, true, nil },
	}.page(p.Paging)
}

type groupsParams struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// OnHold selects the groups that are on hold or in quarantine.
	OnHold bool `json:"onHold"`
	Paging
}

// group is a group as the protocol shows it.
type group struct {
	ID             directory.GUID `json:"id"`
	TargetGUID     directory.GUID `json:"targetGuid"`
	DisplayName    string         `json:"displayName"`
	Description    string         `json:"description"`
	Mail           string         `json:"mail"`
	DN             string         `json:"dn"`
	SAMAccountName string         `json:"samAccountName"`
	SID            directory.SID  `json:"sid"`
	Situation      plan.Situation `json:"situation"`
	Members        int            `json:"members"`
	Unwritten      int            `json:"unwritten"`
	// Recipient is what the object is to Exchange: None, MailOnly, Remote or Captured.
	Recipient   plan.RecipientState `json:"recipient"`
	LeftOut     []string            `json:"leftOutAddresses,omitempty"`
	LastAction  plan.Action         `json:"lastAction"`
	LastOutcome contract.Outcome    `json:"lastOutcome"`
	LastMessage string              `json:"lastMessage"`
	Hold        *directory.Hold     `json:"hold,omitempty"`
	Quarantine  *contract.Failing   `json:"quarantine,omitempty"`
}

func showGroup(g *contract.GroupView) group {
	return group{ID: g.ID, TargetGUID: g.TargetGUID, DisplayName: g.DisplayName, Description: g.Description, Mail: g.Mail, DN: g.DN,
		SAMAccountName: g.SAMAccountName, SID: g.SID, Situation: g.Situation, Members: g.Members, Unwritten: g.Unwritten, Recipient: g.Recipient, LeftOut: g.LeftOut,
		LastAction: g.LastAction, LastOutcome: g.LastOutcome, LastMessage: g.LastMessage, Hold: g.Hold, Quarantine: g.Quarantine}
}

// changedGroup is the answer of a method that changes how a group is treated.
func changedGroup(g contract.GroupView, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return map[string]any{"group": showGroup(&g)}, nil
}

func listGroups(ctx context.Context, e Engine, p groupsParams) (any, error) {
	id, err := guid("id", p.ID)
	if err != nil {
		return nil, err
	}
	state, err := e.State(ctx)
	if err != nil {
		return nil, err
	}
	return list[contract.GroupView, directory.GUID]{
		name: "groups", parse: directory.ParseGUID, text: directory.GUID.String,
		fetch: func(after directory.GUID, n int) ([]contract.GroupView, error) {
			return state.Groups(ctx, contract.GroupFilter{ID: id, Name: p.Name}, after, n)
		},
		key: func(g contract.GroupView) directory.GUID { return g.Key },
		show: func(g contract.GroupView) (any, bool, error) {
			return showGroup(&g), !p.OnHold || g.Hold != nil || g.Quarantine != nil, nil
		},
	}.page(p.Paging)
}

type groupMembersParams struct {
	ID    string `json:"id"`
	Group string `json:"group"`
	Paging
}

// memberKey is a place in a group's list of members. It includes the group, so that the
// group is looked up by name only once.
type memberKey struct{ group, member directory.GUID }

func (k memberKey) String() string { return k.group.String() + " " + k.member.String() }

func parseMemberKey(after string) (k memberKey, err error) {
	group, member, _ := strings.Cut(after, " ")
	if k.group, err = directory.ParseGUID(group); err == nil {
		k.member, err = directory.ParseGUID(member)
	}
	return k, err
}

// member is a member of a cloud group as the protocol shows it.
type member struct {
	GroupID   directory.GUID `json:"groupId"`
	GroupName string         `json:"groupName"`
	contract.MemberView
}

func listGroupMembers(ctx context.Context, e Engine, p groupMembersParams) (any, error) {
	if p.ID != "" {
		if _, err := guid("id", p.ID); err != nil {
			return nil, err
		}
		p.Group = p.ID
	}
	if p.Group == "" {
		return nil, missing("id")
	}
	state, err := e.State(ctx)
	if err != nil {
		return nil, err
	}
	name := p.Group
	if after, err := parseMemberKey(p.After); err == nil {
		name = after.group.String()
	}
	group, err := e.Group(ctx, "group", name)
	if err != nil {
		return nil, err
	}
	return list[contract.MemberView, memberKey]{
		name: "members", parse: parseMemberKey, text: memberKey.String,
		fetch: func(after memberKey, n int) ([]contract.MemberView, error) {
			return state.GroupMembers(ctx, group.ID, after.member, n)
		},
		key: func(m contract.MemberView) memberKey { return memberKey{group.ID, m.ID} },
		show: func(m contract.MemberView) (any, bool, error) {
			return member{group.ID, group.DisplayName, m}, true, nil
		},
	}.page(p.Paging)
}
