package batch

import (
	"context"
	"iter"
)

// Pages yields a list page by page. list returns at most limit items after a key, the
// first of them after the zero key; key is what the list is sorted by. A page with fewer
// items is the last. An error ends the pages.
func Pages[K, T any](ctx context.Context, limit int, list func(ctx context.Context, after K, limit int) ([]T, error), key func(T) K) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		var after K
		for {
			page, err := list(ctx, after, limit)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(page) > 0 && !yield(page, nil) || len(page) < limit {
				return
			}
			after = key(page[len(page)-1])
		}
	}
}

// Items yields the items of a list, which it reads as [Pages] does.
func Items[K, T any](ctx context.Context, limit int, list func(ctx context.Context, after K, limit int) ([]T, error), key func(T) K) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for page, err := range Pages(ctx, limit, list, key) {
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range page {
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}
