package graph

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"
)

// pageSize is the largest page that Graph returns for groups and members.
const pageSize int32 = 999

// maxPages bounds a listing, in case the answers never end. It is enough for some 100
// million members, or for a delta of every membership of the largest tenant.
const maxPages = 100_000

// collection is a page of a listing as the SDK returns it.
type collection[T any] interface {
	GetValue() []T
	GetOdataNextLink() *string
}

// walk reads a listing page by page to its end. A list is complete only if a page
// without a next link was read, every page had its value, and every link stayed within
// the collection. Anything else is an error, so that a short list, or a different one,
// never looks complete.
func walk[T any](read call, get func(link string) (collection[T], error), each func(items []T, last bool) error) error {
	seen := map[[sha256.Size]byte]struct{}{}
	for link := ""; len(seen) < maxPages; {
		answer, err := get(link)
		if err != nil {
			return read.failed(err)
		}
		if answer == nil || answer.GetValue() == nil {
			return read.incomplete("a page has no list of values", nil)
		}
		next := text(answer.GetOdataNextLink())
		if next != "" && read.collection != "" {
			if err := read.stays(next); err != nil {
				return err
			}
		}
		key := sha256.Sum256([]byte(next))
		if _, again := seen[key]; again {
			return read.incomplete("the link to the next page repeats", nil)
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
	return read.incomplete(fmt.Sprintf("it did not end within %d pages", maxPages), nil)
}

// page is a page of a listing that is read without the SDK. The SDK's models lack what
// Graph offers only below /beta, and cannot distinguish a property that was left out
// from one that is null. An item is nil if the list contains null.
type page[T any] struct {
	Value     []*T    `json:"value"`
	NextLink  *string `json:"@odata.nextLink"`
	DeltaLink *string `json:"@odata.deltaLink"`
}

// GetValue implements [collection].
func (p *page[T]) GetValue() []*T { return p.Value }

// GetOdataNextLink implements [collection].
func (p *page[T]) GetOdataNextLink() *string { return p.NextLink }

// list walks the listing that begins at the address. It returns the delta link of the
// last page, if there is one.
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

// address returns the path with query options, given as pairs such as "$select", "id",
// in that order.
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
