package contract

import "context"

type mayWriteKey struct{}

// WithMayWrite returns a context for writes that are made of several requests,
// or tried again: may is asked before each (rule 18).
func WithMayWrite(ctx context.Context, may func(context.Context) error) context.Context {
	return context.WithValue(ctx, mayWriteKey{}, may)
}

// MayWrite is what a Target asks before each request that changes something.
// An error means that nothing more may be written.
func MayWrite(ctx context.Context) error {
	if may, ok := ctx.Value(mayWriteKey{}).(func(context.Context) error); ok {
		return may(ctx)
	}
	return nil
}
