package graph

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"groupwriteback/internal/directory"
)

// maxAlternatives is how many values Graph accepts after "in" in a filter.
const maxAlternatives = 15

// byID reads the objects of a collection ("/groups") by id, fifteen per filter. It
// leaves out objects that do not exist. If read allows gaps, it also leaves out those
// that the server repeatedly fails to return.
func byID[T any](ctx context.Context, s *source, read call, root, path string, properties []string, ids []directory.GUID, each func(*T) error) error {
	read.collection = root + path
	var addresses []string
	for part := range slices.Chunk(ids, maxAlternatives) {
		quoted := make([]string, len(part))
		for i, id := range part {
			quoted[i] = "'" + id.String() + "'"
		}
		addresses = append(addresses, address(path,
			"$filter", "id in ("+strings.Join(quoted, ",")+")", "$select", strings.Join(properties, ",")))
	}
	all := func(items []*T) error {
		for _, item := range items {
			if err := each(item); err != nil {
				return err
			}
		}
		return nil
	}
	return read.failed(s.batches(ctx, root, addresses, func(_ int, r batchResponse) error {
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
		if err := all(first.Value); err != nil || text(first.NextLink) == "" {
			return err
		}
		if err := read.stays(*first.NextLink); err != nil {
			return err
		}
		_, err = list(ctx, s, read, *first.NextLink, all)
		return err
	}))
}
