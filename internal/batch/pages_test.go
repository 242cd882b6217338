package batch

import (
	"context"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Pages reads every item once, in order, and asks for no more pages than it needs.
func TestPages(t *testing.T) {
	self := func(n int) int { return n }
	rapid.Check(t, func(t *rapid.T) {
		length, limit := rapid.IntRange(0, 50).Draw(t, "length"), rapid.IntRange(1, 10).Draw(t, "limit")
		stop := rapid.IntRange(0, 60).Draw(t, "stop") // items read before the loop ends by itself
		asked := 0
		list := func(_ context.Context, after, limit int) (page []int, err error) {
			asked++
			for n := after + 1; n <= length && len(page) < limit; n++ {
				page = append(page, n)
			}
			return page, nil
		}
		var got, want []int
		for n := range min(length, stop) {
			want = append(want, n+1)
		}
		for n, err := range Items(t.Context(), limit, list, self) {
			if err != nil {
				t.Fatal(err)
			}
			if len(got) == stop {
				break
			}
			got = append(got, n)
		}
		if !slices.Equal(got, want) || asked > length/limit+1 {
			t.Errorf("%v after %d pages, want %v", got, asked, want)
		}
	})
}

// An error ends the pages, after those that were read.
func TestPagesEndWithAnError(t *testing.T) {
	broken := errors.New("broken")
	list := func(_ context.Context, after, limit int) ([]int, error) {
		if after > 0 {
			return nil, broken
		}
		return []int{1, 2}, nil
	}
	var got []int
	var failed []error
	for n, err := range Items(t.Context(), 2, list, func(n int) int { return n }) {
		if got = append(got, n); err != nil {
			failed = append(failed, err)
		}
	}
	if !slices.Equal(got, []int{1, 2, 0}) || len(failed) != 1 || !errors.Is(failed[0], broken) {
		t.Errorf("%v, %v", got, failed)
	}
}
