package graphtest

import (
	"iter"
	"slices"
	"strings"
)

// defaultDeltaMembers is how many entries of members@delta a page holds.
const defaultDeltaMembers = 500

// maxDeltaIDs is how many objects the $filter of a delta query may name.
const maxDeltaIDs = 50

// deltaToken is the content of a $skiptoken or $deltatoken of a delta query
// (api/group-delta.md, concepts/delta-query-overview.md): the options of the first
// request, what the client knows, and how far the round has got.
type deltaToken struct {
	Epoch  string   `json:"e"`
	Kind   kind     `json:"k"`
	Select []string `json:"s,omitempty"`
	IDs    []string `json:"f,omitempty"`

	// Full marks the first round, which covers everything. Any other round covers what
	// changed after Since. Until is the last change when the round began. The next
	// round begins there, so a change in between is reported again.
	Full  bool   `json:"a,omitempty"`
	Since uint64 `json:"n"`
	Until uint64 `json:"u"`

	// Next is the object to continue with, and Member the member to continue after.
	Next   handle  `json:"o,omitempty"`
	Member *handle `json:"m,omitempty"`
	Nonce  int     `json:"x,omitempty"`
}

func (rq *request) delta(k kind) (*reply, *graphError) {
	q, err := rq.parse(optSelect | optFilter | optSkipToken | optDeltaToken)
	if err != nil {
		return nil, err
	}
	v := view{directory: rq.directory, held: rq.lagging.Delta}
	latest := v.sequence
	if v.held {
		latest = v.heldSequence
	}
	var token deltaToken
	switch {
	case q.skipToken != "" && q.delta != "":
		return nil, badRequest("BadRequest", "$skiptoken and $deltatoken exclude each other.")
	case q.skipToken != "" || q.delta != "" && !strings.EqualFold(q.delta, "latest"):
		if q.given&^(optSkipToken|optDeltaToken) != 0 {
			return nil, notImplemented("further options beside a state token")
		}
		if !decodeToken(q.skipToken+q.delta, &token) || token.Epoch != rq.epoch || token.Kind != k {
			return nil, badRequest("syncStateNotFound", "The sync state generation is not found; continuing from it is not possible. Begin a full synchronization.")
		}
		if q.delta != "" {
			token.Until = latest
		}
	default:
		if token, err = rq.firstDelta(q, k); err != nil {
			return nil, err
		}
		token.Until = latest
		if q.delta != "" {
			p := rq.newPage(schemas[k].set, &query{})
			return p.reply(rq.deltaLink(token)), nil
		}
	}
	return rq.deltaPage(v, token)
}

// firstDelta parses the options allowed in the first request.
func (rq *request) firstDelta(q *query, k kind) (deltaToken, *graphError) {
	token := deltaToken{Epoch: rq.epoch, Kind: k, Full: true, Select: q.selected}
	plain := &query{}
	for _, name := range q.selected {
		if !(k == kindGroup && isRelation(name)) {
			plain.selected = append(plain.selected, name)
		}
	}
	if _, err := plain.properties(schemas[k], rq.version, false, false); err != nil {
		return token, err
	}
	if q.given&optFilter != 0 {
		f, err := parseFilter(q.filter, schemas[k], maxDeltaIDs)
		if err != nil {
			return token, err
		}
		ids, ok := f.ids()
		if !ok {
			return token, badRequest("Request_UnsupportedQuery", "A delta query can only be filtered by id.")
		}
		token.IDs = ids
	}
	return token, nil
}

// isRelation reports whether a selected name is a relationship of groups.
func isRelation(name string) bool {
	return strings.EqualFold(name, "members") || strings.EqualFold(name, "owners")
}

// deltaLink ends a round. The next one begins after what this one has shown.
func (rq *request) deltaLink(token deltaToken) string {
	next := deltaToken{Epoch: token.Epoch, Kind: token.Kind, Select: token.Select, IDs: token.IDs, Since: token.Until}
	return `"@odata.deltaLink":"` + jsonText(rq.url()+"?$deltatoken="+encodeToken(next)) + `"`
}

// deltaWriter writes the objects of one page.
type deltaWriter struct {
	*page
	view       view
	token      deltaToken
	schema     *schema
	properties []property // without the id
	members    bool       // whether memberships are tracked
	owners     bool       // whether owners are
	minimal    bool       // Prefer: return=minimal
	room       int        // for entries of members@delta
}

func (rq *request) deltaPage(v view, token deltaToken) (*reply, *graphError) {
	s := schemas[token.Kind]
	w := &deltaWriter{page: rq.newPage(s.set, &query{}), view: v, token: token, schema: s, room: rq.options.DeltaMembers}
	if w.room <= 0 {
		w.room = defaultDeltaMembers
	}
	w.minimal = !token.Full && strings.EqualFold(strings.ReplaceAll(rq.header.Get("Prefer"), " ", ""), "return=minimal")
	plain := &query{}
	w.members = token.Kind == kindGroup && token.Select == nil
	for _, name := range token.Select {
		if token.Kind == kindGroup && isRelation(name) {
			w.members = w.members || strings.EqualFold(name, "members")
			w.owners = w.owners || strings.EqualFold(name, "owners")
		} else {
			plain.selected = append(plain.selected, name)
		}
	}
	var props []property
	if token.Select == nil || plain.selected != nil {
		var err *graphError
		if props, err = plain.properties(s, rq.version, false, false); err != nil {
			return nil, err
		}
	}
	w.properties = slices.DeleteFunc(props, func(p property) bool { return p.name == "id" })
	w.again = func() string {
		again := token
		again.Nonce++
		return rq.url() + "?$skiptoken=" + encodeToken(again)
	}
	size := defaultPage
	if rq.pageLimit > 0 {
		size = min(size, rq.pageLimit)
	}
	for h := range w.candidates() {
		if w.items == size || w.room == 0 {
			return w.goOn(h, nil), nil
		}
		var after *handle
		if h == token.Next {
			after = token.Member
		}
		if last := w.object(h, after); last != nil {
			return w.goOn(h, last), nil
		}
	}
	return w.reply(rq.deltaLink(token)), nil
}

func (w *deltaWriter) goOn(h handle, member *handle) *reply {
	next := w.token
	next.Next, next.Member, next.Nonce = h, member, 0
	return w.reply(nextLink(w.rq.url() + "?$skiptoken=" + encodeToken(next)))
}

// candidates returns the objects to look at from token.Next on, ascending.
func (w *deltaWriter) candidates() iter.Seq[handle] {
	v, t := w.view, w.token
	if t.Full && t.IDs == nil {
		return func(yield func(handle) bool) {
			for h := int(t.Next); h < len(v.objects); h++ {
				if v.objects[h].kind == t.Kind && !yield(handle(h)) {
					return
				}
			}
		}
	}
	var list []handle
	if t.IDs != nil {
		for _, id := range t.IDs {
			g, _ := parseGUID(id)
			if h, ok := v.index[g]; ok && v.objects[h].kind == t.Kind {
				list = append(list, h)
			}
		}
	} else {
		for h := range v.changes {
			if v.objects[h].kind == t.Kind {
				list = append(list, h)
			}
		}
	}
	slices.Sort(list)
	from, _ := slices.BinarySearch(list, t.Next)
	return slices.Values(slices.Compact(list[from:]))
}

// object writes what there is to report about an object, if anything. It returns the
// last member written if there was no room for all.
func (w *deltaWriter) object(h handle, after *handle) (last *handle) {
	record := w.view.record(h)
	hist := w.view.changes[h]
	if hist == nil {
		hist = &history{}
	}
	if record == nil || deletedDate(record) != "" {
		// The first round leaves out objects that are already gone; see the overview.
		if !w.token.Full && w.news(hist.removed) {
			w.removedObject(h, record)
		}
		return nil
	}
	whole := w.token.Full || w.news(hist.appeared)
	var members []membership
	if w.members && !w.rq.hidesMembers(record.(*Group)) {
		if whole {
			for _, m := range w.view.members(h) {
				members = append(members, membership{member: m})
			}
			if !w.token.Full {
				members = append(members, w.lost(hist.memberships, w.view.members(h))...)
				slices.SortFunc(members, func(a, b membership) int { return int(a.member) - int(b.member) })
			}
		} else {
			members = w.recent(hist.memberships)
		}
	}
	// A group has 100 owners at most, so they are on one page.
	var owners []membership
	if w.owners && after == nil {
		if owners = w.recent(hist.ownerships); whole {
			owners = nil
			for _, m := range w.view.owners(h) {
				owners = append(owners, membership{member: m})
			}
		}
	}
	changed := slices.ContainsFunc(w.properties, func(p property) bool { return w.news(hist.properties[p.name]) })
	if !whole && !changed && len(members)+len(owners) == 0 {
		return nil
	}
	if after != nil {
		members = slices.DeleteFunc(members, func(m membership) bool { return m.member <= *after })
	}
	if len(members) > w.room {
		members = members[:w.room]
		last = &members[len(members)-1].member
	}
	w.room -= len(members)
	w.item()
	id, _ := w.schema.property("id")
	w.value.WriteString(`{"id":`)
	appendValue(&w.value, w.schema.value(record, id))
	for _, p := range w.properties {
		value := w.schema.value(record, p)
		_, everSet := hist.properties[p.name]
		if w.minimal && !whole && !w.news(hist.properties[p.name]) || value == nil && !everSet {
			continue
		}
		w.value.WriteString(`,"` + p.name + `":`)
		appendValue(&w.value, value)
	}
	w.writeRelated("members@delta", members)
	w.writeRelated("owners@delta", owners)
	w.value.WriteByte('}')
	return last
}

// news reports whether a change belongs to this round. A held replica does not know
// changes made after it was held.
func (w *deltaWriter) news(sequence uint64) bool {
	return sequence > w.token.Since && (!w.view.held || sequence <= w.view.heldSequence)
}

// recent reduces memberships to the last change of each member, ascending.
func (w *deltaWriter) recent(all []membership) []membership {
	last := map[handle]membership{}
	for _, m := range all {
		if w.news(m.sequence) {
			last[m.member] = m
		}
	}
	out := make([]membership, 0, len(last))
	for _, m := range last {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b membership) int { return int(a.member) - int(b.member) })
	return out
}

// lost returns the members that a group has lost in this round, if the group is
// reported in full: a client may know it from before it was deleted and restored.
func (w *deltaWriter) lost(all []membership, current []handle) []membership {
	return slices.DeleteFunc(w.recent(all), func(m membership) bool {
		_, is := slices.BinarySearch(current, m.member)
		return is
	})
}

func (w *deltaWriter) writeRelated(name string, members []membership) {
	if len(members) == 0 {
		return
	}
	w.value.WriteString(`,"` + name + `":[`)
	for i, m := range members {
		if i > 0 {
			w.value.WriteByte(',')
		}
		o := w.view.objects[m.member]
		w.value.WriteString(`{"@odata.type":"#microsoft.graph.` + schemas[o.kind].name + `","id":"` + o.id.String() + `"`)
		if m.removed {
			// This also applies if the member itself was deleted.
			w.value.WriteString(`,"@removed":{"reason":"deleted"}`)
		}
		w.value.WriteByte('}')
	}
	w.value.WriteByte(']')
}

func (w *deltaWriter) removedObject(h handle, record any) {
	reason := "deleted"
	if record != nil {
		reason = "changed" // soft-deleted, can be restored
	}
	w.item()
	w.value.WriteString(`{"id":"` + w.view.objects[h].id.String() + `","@removed":{"reason":"` + reason + `"}}`)
}
