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

// word is what one delta entry reported about an object, and when. A note keeps all words
// of the last half hour: an earlier one may have reported what the last one leaves out,
// and it ends when the lag after that earlier one is over.
type word[T any] struct {
	At   time.Time
	Told T
}

// words returns the words of a note that are newer than since.
func words[T any](n contract.Note, since time.Time) (all []word[T], err error) {
	if err := json.Unmarshal(n.Told, &all); err != nil {
		return nil, fmt.Errorf("the noted delta entries of %s: %w", n.ID, err)
	}
	for i := range all {
		if all[i].At.After(n.At) { // the clock was ahead
			all[i].At = n.At
		}
	}
	for len(all) > 0 && !all[0].At.After(since) {
		all = all[1:]
	}
	return all, nil
}

// note returns the note with these words, the last of which is the newest.
func note[T any](kind contract.NoteKind, id directory.GUID, all []word[T]) (contract.Note, error) {
	text, err := json.Marshal(all)
	return contract.Note{Kind: kind, ID: id, At: all[len(all)-1].At, Told: text}, err
}

// teller merges a later entry into an earlier one.
type teller[T any] interface {
	*T
	Tell(later *T)
}

// sum merges words into one.
func sum[T any, P teller[T]](all []word[T]) (told T) {
	for i := range all {
		P(&told).Tell(&all[i].Told)
	}
	return told
}

// with appends a word and drops the earlier words that it repeats completely. The delta
// reports a large group in hundreds of entries, most of which are about members only.
func with[T any, P teller[T]](told []word[T], w word[T]) []word[T] {
	alone := sum[T, P]([]word[T]{w})
	told = slices.DeleteFunc(told, func(earlier word[T]) bool {
		return reflect.DeepEqual(sum[T, P]([]word[T]{earlier, w}), alone)
	})
	return append(told, w)
}

// summed merges the entries of a page for each object, by id.
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
