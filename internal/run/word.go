package run

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"groupwriteback/internal/contract"
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
func words[T any](n contract.Note, since time.Time) (all []word[T], err error) {
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
func note[T any](kind contract.NoteKind, id directory.GUID, all []word[T]) (contract.Note, error) {
	text, err := json.Marshal(all)
	return contract.Note{Kind: kind, ID: id, At: all[len(all)-1].At, Told: text}, err
}

// teller is what adds a later word to what was told before.
type teller[T any] interface {
	*T
	Tell(later *T)
}

// sum is what words tell together.
func sum[T any, P teller[T]](all []word[T]) (told T) {
	for i := range all {
		P(&told).Tell(&all[i].Told)
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
		told[of].Tell(&page[i])
	}
	return told
}
