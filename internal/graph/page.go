package graph

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"

	abs "github.com/microsoft/kiota-abstractions-go"
)

// pageSize is the largest page that Graph returns for groups and members.
const pageSize int32 = 999

// maxPages bounds a listing, in case the answers never end. It is enough for some 100
// million members, or for a delta of every membership of the largest tenant.
const maxPages = 100_000

// page is a page of a listing. An item is nil if the list contains null.
type page[T any] struct {
	Value     []*T    `json:"value"`
	NextLink  *string `json:"@odata.nextLink"`
	DeltaLink *string `json:"@odata.deltaLink"`
}

// list reads a listing page by page to its end, beginning with the request. It returns
// the delta link of the last page, if there is one. Each is also told whether the page
// is the last.
func list[T any](ctx context.Context, s *source, read call, first *abs.RequestInformation, each func(items []*T, last bool) error) (delta string, err error) {
	if read.collection == "" {
		if read.collection, err = addressOf(first); err != nil {
			return "", read.failed(err)
		}
	}
	return walk(read, func(link string) (answer page[T], err error) {
		at := first
		if link != "" {
			if at, err = get(link); err != nil {
				return answer, err
			}
		}
		return answer, s.send(ctx, at, &answer)
	}, each)
}

// walk reads a listing by getting the page that each link leads to. A list is complete
// only if a page without a next link was read, every page had its value, and every link
// stayed within the collection. Anything else is an error, so that a short list, or a
// different one, never looks complete.
func walk[T any](read call, get func(link string) (page[T], error), each func(items []*T, last bool) error) (delta string, err error) {
	seen := map[[sha256.Size]byte]struct{}{}
	for link := ""; len(seen) < maxPages; {
		answer, err := get(link)
		if err != nil {
			return "", read.failed(err)
		}
		if answer.Value == nil {
			return "", read.incomplete("a page has no list of values", nil)
		}
		next := text(answer.NextLink)
		if next != "" && read.collection != "" {
			if err := read.stays(next); err != nil {
				return "", err
			}
		}
		key := sha256.Sum256([]byte(next))
		if _, again := seen[key]; again {
			return "", read.incomplete("the link to the next page repeats", nil)
		}
		if err := each(answer.Value, next == ""); err != nil {
			return "", err
		}
		if next == "" {
			return text(answer.DeltaLink), nil
		}
		seen[key] = struct{}{}
		link = next
	}
	return "", read.incomplete(fmt.Sprintf("it did not end within %d pages", maxPages), nil)
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
