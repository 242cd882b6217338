package graph

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	abs "github.com/microsoft/kiota-abstractions-go"

	"groupwriteback/internal/directory"
)

// maxAlternatives is how many values Graph accepts after "in" in a filter.
const maxAlternatives = 15

// byID reads the objects of a collection by id, fifteen per filter; where returns the
// request for those that match a filter. It leaves out objects that do not exist. If
// read allows gaps, it also leaves out those that the server repeatedly fails to return.
func byID[T any](ctx context.Context, s *source, read call, v version, where func(filter string) (*abs.RequestInformation, error),
	ids []directory.GUID, each func(*T) error) error {
	var requests []*abs.RequestInformation
	for part := range slices.Chunk(ids, maxAlternatives) {
		quoted := make([]string, len(part))
		for i, id := range part {
			quoted[i] = "'" + id.String() + "'"
		}
		request, err := where("id in (" + strings.Join(quoted, ",") + ")")
		if err != nil {
			return read.failed(err)
		}
		requests = append(requests, request)
	}
	all := func(items []*T, _ bool) error {
		for _, item := range items {
			if err := each(item); err != nil {
				return err
			}
		}
		return nil
	}
	return read.failed(s.batches(ctx, v, requests, func(i int, r batchResponse) error {
		read := read
		var first page[T]
		err := r.decode(&first)
		if e := (*statusError)(nil); read.allowsGaps && errors.As(err, &e) && e.status >= http.StatusInternalServerError {
			return nil
		}
		if err != nil {
			return err
		}
		if first.Value == nil {
			return read.incomplete("a page has no list of values", nil)
		}
		if err := all(first.Value, false); err != nil || text(first.NextLink) == "" {
			return err
		}
		if read.collection, err = addressOf(requests[i]); err != nil {
			return err
		}
		if err := read.stays(*first.NextLink); err != nil {
			return err
		}
		rest, err := get(*first.NextLink)
		if err != nil {
			return err
		}
		_, err = list(ctx, s, read, rest, all)
		return err
	}))
}
