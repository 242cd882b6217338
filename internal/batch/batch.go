package batch

// How many items are collected before they are staged in one short transaction, and how
// many are listed at a time.
const (
	StageGroups  = 500
	StageMembers = 20_000
	ListBatch    = 500
	SpoolBatch   = 20 // changes with their members
	AskBatch     = 1_000
	NameBatch    = 100 // names or SIDs, in one filter
)

// Batch collects what a reader gives one by one: size items, or fewer if together they
// weigh StageMembers.
type Batch[T any] struct {
	size   int
	do     func([]T) error
	Weight func(T) int // nil: weights do not matter
	held   []T
	heavy  int
}

// New returns a batch that calls do with up to size items.
func New[T any](size int, do func([]T) error) *Batch[T] { return &Batch[T]{size: size, do: do} }

// Add adds an item and calls do if the batch is full.
func (b *Batch[T]) Add(item T) error {
	if b.Weight != nil {
		b.heavy += b.Weight(item)
	}
	if b.held = append(b.held, item); len(b.held) < b.size && b.heavy < StageMembers {
		return nil
	}
	return b.Flush()
}

// Flush calls do with the remaining items.
func (b *Batch[T]) Flush() error {
	if len(b.held) == 0 {
		return nil
	}
	err := b.do(b.held)
	b.held, b.heavy = nil, 0
	return err
}
