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

// report is what one delta entry reported about an object, and when. A note keeps all
// reports of the last half hour: an earlier one may contain what the last one leaves out,
// and it counts until the lag after it is over.
type report[T any] struct {
	At     time.Time
	Change T
}

// reports returns the reports of a note that are newer than since.
func reports[T any](n contract.Note, since time.Time) (all []report[T], err error) {
	if err := json.Unmarshal(n.Report, &all); err != nil {
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

// note returns the note with these reports, the last of which is the newest.
func note[T any](kind contract.NoteKind, id directory.GUID, all []report[T]) (contract.Note, error) {
	text, err := json.Marshal(all)
	return contract.Note{Kind: kind, ID: id, At: all[len(all)-1].At, Report: text}, err
}

// merger merges a later entry into an earlier one.
type merger[T any] interface {
	*T
	Merge(later *T)
}

// sum merges reports into one change.
func sum[T any, P merger[T]](all []report[T]) (reported T) {
	for i := range all {
		P(&reported).Merge(&all[i].Change)
	}
	return reported
}

// with appends a report and drops the earlier ones that it repeats completely. The delta
// reports a large group in hundreds of entries, most of which are about members only.
func with[T any, P merger[T]](reported []report[T], w report[T]) []report[T] {
	alone := sum[T, P]([]report[T]{w})
	reported = slices.DeleteFunc(reported, func(earlier report[T]) bool {
		return reflect.DeepEqual(sum[T, P]([]report[T]{earlier, w}), alone)
	})
	return append(reported, w)
}

// summed merges the entries of a page for each object, by id.
func summed[T any, P merger[T]](page []T, id func(*T) directory.GUID) map[directory.GUID]P {
	reported := map[directory.GUID]P{}
	for i := range page {
		of := id(&page[i])
		if reported[of] == nil {
			reported[of] = new(T)
		}
		reported[of].Merge(&page[i])
	}
	return reported
}
