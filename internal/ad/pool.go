package ad

import (
	"context"
	"errors"
	"sync"

	"groupwriteback/internal/engine"
)

// maxConns bounds the connections to the domain controller.
const maxConns = 4

var errClosed = errors.New("the target is closed")

// pool hands out bound connections to one domain controller.
type pool struct {
	// open dials and binds.
	open func(ctx context.Context) (*conn, error)
	// slots has one element for each connection in use.
	slots chan struct{}
	// binding lets one connection bind at a time: with a wrong password,
	// parallel binds would count as that many failures and lock the account.
	// Pools that sign in as the same account share it.
	binding chan struct{}

	mu     sync.Mutex
	idle   []*conn
	broken error // ends all further opening: refused credentials, or closed
}

func newPool(binding chan struct{}, open func(ctx context.Context) (*conn, error)) *pool {
	return &pool{open: open, slots: make(chan struct{}, maxConns), binding: binding}
}

// use calls f with a connection of its own.
func (p *pool) use(ctx context.Context, f func(*conn) error) error {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	c, err := p.take(ctx)
	if err != nil {
		return err
	}
	// A select takes any case that is ready: nothing is sent for a context
	// that has ended.
	if err = ctx.Err(); err == nil {
		err = f(c)
	}
	p.give(c)
	return err
}

func (p *pool) take(ctx context.Context) (*conn, error) {
	if c, err := p.reuse(); c != nil || err != nil {
		return c, err
	}
	select {
	case p.binding <- struct{}{}:
		defer func() { <-p.binding }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	// While this one waited for its turn the answer may have become known.
	if c, err := p.reuse(); c != nil || err != nil {
		return c, err
	}
	c, err := p.open(ctx)
	if err != nil {
		if engine.AsError(err).Category == engine.Authentication {
			p.mu.Lock()
			p.broken = err
			p.mu.Unlock()
		}
		return nil, err
	}
	return c, nil
}

// reuse returns an idle connection, nil where there is none, or the error that
// ends all opening.
func (p *pool) reuse() (*conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken != nil {
		return nil, p.broken
	}
	for len(p.idle) > 0 {
		c := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if c.sound() {
			return c, nil
		}
		c.discard()
	}
	return nil, nil
}

func (p *pool) give(c *conn) {
	p.mu.Lock()
	keep := p.broken == nil && c.sound()
	if keep {
		p.idle = append(p.idle, c)
	}
	p.mu.Unlock()
	if !keep {
		c.discard()
	}
}

// close ends the idle connections and, as they are given back, the others.
func (p *pool) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.broken = errClosed
	p.mu.Unlock()
	for _, c := range idle {
		c.discard()
	}
}
