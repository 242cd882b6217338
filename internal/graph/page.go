package graph

// collection is a page of a listing as the SDK gives it.
type collection[T any] interface {
	GetValue() []T
	GetOdataNextLink() *string
}

// walk reads a listing page by page to its end. The list is complete only when
// a page without a link to a next one was read, and every page had its value;
// anything else is an error, so that a short list never looks like a whole one.
func walk[T any](read call, get func(link string) (collection[T], error), each func(items []T, last bool) error) error {
	seen := map[string]struct{}{}
	for link := ""; ; {
		answer, err := get(link)
		if err != nil {
			return read.failed(err)
		}
		if answer == nil || answer.GetValue() == nil {
			return read.incomplete("a page has no value", nil)
		}
		next := text(answer.GetOdataNextLink())
		if _, again := seen[next]; again {
			return read.incomplete("the link to the next page leads in a circle", nil)
		}
		if err := each(answer.GetValue(), next == ""); err != nil {
			return err
		}
		if next == "" {
			return nil
		}
		seen[next] = struct{}{}
		link = next
	}
}
