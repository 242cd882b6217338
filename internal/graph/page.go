package graph

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"
)

// pageSize is the largest that Graph gives for groups and members.
const pageSize int32 = 999

// maxPages bounds a listing, against answers that never end: some 100 million
// members, or a delta of every membership of the largest tenant.
const maxPages = 100_000

// collection is a page of a listing as the SDK gives it.
type collection[T any] interface {
	GetValue() []T
	GetOdataNextLink() *string
}

// walk reads a listing page by page to its end. The list is
// complete only when a page without a link to a next one was read, every page
// had its value, and each link stayed with the collection; anything else is an
// error, so that a short list, or another one, never looks like the whole.
func walk[T any](read call, get func(link string) (collection[T], error), each func(items []T, last bool) error) error {
	seen := map[[sha256.Size]byte]struct{}{}
	for link := ""; len(seen) < maxPages; {
		answer, err := get(link)
		if err != nil {
			return read.failed(err)
		}
		if answer == nil || answer.GetValue() == nil {
			return read.incomplete("a page has no value", nil)
		}
		next := text(answer.GetOdataNextLink())
		if next != "" && read.collection != "" {
			if err := read.stays(next); err != nil {
				return err
			}
		}
		key := sha256.Sum256([]byte(next))
		if _, again := seen[key]; again {
			return read.incomplete("the link to the next page leads in a circle", nil)
		}
		if err := each(answer.GetValue(), next == ""); err != nil {
			return err
		}
		if next == "" {
			return nil
		}
		seen[key] = struct{}{}
		link = next
	}
	return read.incomplete(fmt.Sprintf("it did not end after %d pages", maxPages), nil)
}

// page is a page of a listing that is read without the SDK: its models do not
// know what Graph offers below /beta alone, and cannot tell a property that was
// left out from one that is null. An item is nil where the list has null.
type page[T any] struct {
	Value     []*T    `json:"value"`
	NextLink  *string `json:"@odata.nextLink"`
	DeltaLink *string `json:"@odata.deltaLink"`
}

// GetValue implements [collection].
func (p *page[T]) GetValue() []*T { return p.Value }

// GetOdataNextLink implements [collection].
func (p *page[T]) GetOdataNextLink() *string { return p.NextLink }

// list walks the listing that begins at the address, and returns the link of
// its last page to the changes from there on, if it has one.
func list[T any](ctx context.Context, s *source, read call, address string, each func(items []*T) error) (delta string, err error) {
	if read.collection == "" {
		read.collection = address
	}
	err = walk(read,
		func(link string) (collection[*T], error) {
			if link == "" {
				link = address
			}
			var answer page[T]
			if err := s.getJSON(ctx, link, &answer); err != nil {
				return nil, err
			}
			delta = text(answer.DeltaLink)
			return &answer, nil
		},
		func(items []*T, _ bool) error { return each(items) })
	return delta, err
}

// address is path with query options in the order given, as "$select", "id".
func address(path string, options ...string) string {
	for i := 0; i < len(options); i += 2 {
		separator := "&"
		if i == 0 {
			separator = "?"
		}
		path += separator + options[i] + "=" + strings.ReplaceAll(url.QueryEscape(options[i+1]), "+", "%20")
	}
	return path
}
