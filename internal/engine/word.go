package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"groupwriteback/internal/directory"
)

// word is something that a delta told of an object, and when. A note keeps all of
// the last half hour: what the last of them leaves out an earlier one may have told,
// and that ends when the lag after the earlier one is over.
type word[T any] struct {
	At   time.Time
	Told T
}

// words are those of a note that were told since.
func words[T any](n Note, since time.Time) (all []word[T], err error) {
	if err := json.Unmarshal(n.Told, &all); err != nil {
		return nil, fmt.Errorf("what was told of %s: %w", n.ID, err)
	}
	for i := range all {
		if all[i].At.After(n.At) { // by a clock that was ahead
			all[i].At = n.At
		}
	}
	for len(all) > 0 && !all[0].At.After(since) {
		all = all[1:]
	}
	return all, nil
}

// note is the note of these words, the last of which is the newest.
func note[T any](kind NoteKind, id directory.GUID, all []word[T]) (Note, error) {
	text, err := json.Marshal(all)
	return Note{Kind: kind, ID: id, At: all[len(all)-1].At, Told: text}, err
}

// teller is what adds a later word to what was told before.
type teller[T any] interface {
	*T
	tell(later *T)
}

// sum is what words tell together.
func sum[T any, P teller[T]](all []word[T]) (told T) {
	for i := range all {
		P(&told).tell(&all[i].Told)
	}
	return told
}

// with adds a word to those that were told before, and leaves out of them those of
// which it tells everything anew: a large group is told in hundreds of entries, most
// of them of members alone.
func with[T any, P teller[T]](told []word[T], w word[T]) []word[T] {
	alone := sum[T, P]([]word[T]{w})
	told = slices.DeleteFunc(told, func(earlier word[T]) bool {
		return reflect.DeepEqual(sum[T, P]([]word[T]{earlier, w}), alone)
	})
	return append(told, w)
}

// summed is what a page tells of each object, by its id.
func summed[T any, P teller[T]](page []T, id func(*T) directory.GUID) map[directory.GUID]P {
	told := map[directory.GUID]P{}
	for i := range page {
		of := id(&page[i])
		if told[of] == nil {
			told[of] = new(T)
		}
		told[of].tell(&page[i])
	}
	return told
}

// tell adds a later word, without its members.
func (c *GroupChange) tell(later *GroupChange) {
	c.ID, c.Removed = later.ID, later.Removed
	c.Kind, c.Retyped = cmp.Or(later.Kind, c.Kind), later.Retyped || c.Retyped && later.Kind == nil
	if c.Retyped {
		c.Kind = nil
	}
	c.Visibility, c.OnPremisesSID = cmp.Or(later.Visibility, c.Visibility), cmp.Or(later.OnPremisesSID, c.OnPremisesSID)
	told := directory.Values{}
	maps.Copy(told, c.Properties)
	maps.Copy(told, later.Properties)
	c.Properties = told
}

// apply changes what the entry tells; what it does not tell is unchanged.
func (c *GroupChange) apply(g *directory.SourceGroup) {
	put(&g.Kind, c.Kind)
	put(&g.Visibility, c.Visibility)
	put(&g.OnPremisesSID, c.OnPremisesSID)
	for name, values := range c.Properties {
		g.Properties = g.Properties.With(name, values...)
	}
}

func put[T any](to, told *T) {
	if told != nil {
		*to = *told
	}
}

// tell adds a later word. A user who was restored may be another than before.
func (c *UserChange) tell(later *UserChange) {
	if c.Deleted || later.Deleted {
		*c = *later
		return
	}
	c.ID = later.ID
	c.Name, c.Guest, c.Synced = cmp.Or(later.Name, c.Name), cmp.Or(later.Guest, c.Guest), cmp.Or(later.Synced, c.Synced)
	c.SID, c.ImmutableID = cmp.Or(later.SID, c.SID), cmp.Or(later.ImmutableID, c.ImmutableID)
}

// whole reports whether everything is told.
func (c *UserChange) whole() bool {
	return c.Name != nil && c.Guest != nil && c.Synced != nil && c.SID != nil && c.ImmutableID != nil
}

// apply changes what is told of the user. Of one of whom nothing is known, a part
// does not say who he is.
func (c *UserChange) apply(m *directory.SourceMember) {
	switch {
	case c.whole():
		*m = directory.SourceMember{ID: c.ID, Kind: directory.KindUser, Readable: true}
	case !m.Readable:
		return
	}
	put(&m.Name, c.Name)
	put(&m.Guest, c.Guest)
	put(&m.Synced, c.Synced)
	put(&m.ImmutableID, c.ImmutableID)
	m.Readable = m.Name != ""
	if c.SID != nil {
		m.SetSID(*c.SID)
	}
}
