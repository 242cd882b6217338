package ad

import (
	"context"
	"errors"
	"sync"

	"groupwriteback/internal/contract"
)

// maxConns bounds the connections to the domain controller. It is the largest value
// that the export's connections setting allows.
const maxConns = 16

var errClosed = errors.New("the target is closed")

// pool hands out bound connections to one domain controller.
type pool struct {
	// open dials and binds.
	open func(ctx context.Context) (*conn, error)
	// slots has one element for each connection in use.
	slots   chan struct{}
	account *account
	server  string // for messages

	mu     sync.Mutex
	idle   []*conn
	closed bool
}

// account is shared by the pools that sign in as the same account.
type account struct {
	// turn lets one connection bind at a time. Parallel binds with a wrong password
	// would each count as a failure and lock the account.
	turn chan struct{}
	// refused is the error with which the credentials were refused; they are never sent
	// again. Only the holder of turn may access it.
	refused error
}

func newAccount() *account { return &account{turn: make(chan struct{}, 1)} }

func newPool(account *account, server string, open func(ctx context.Context) (*conn, error)) *pool {
	return &pool{open: open, server: server, slots: make(chan struct{}, maxConns), account: account}
}

// use calls f with a connection that nobody else uses.
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
	// The select above picks any ready case, so make sure that nothing is sent once the
	// context has ended.
	if err = ctx.Err(); err == nil {
		err = f(c)
	}
	p.give(c)
	// Whatever broke this connection has most likely broken the idle ones too, and on
	// each of them a request could hang until it times out.
	if lost := (*lostError)(nil); errors.As(err, &lost) && ctx.Err() == nil {
		p.forget()
	}
	return err
}

func (p *pool) take(ctx context.Context) (*conn, error) {
	if c, err := p.reuse(); c != nil || err != nil {
		return c, err
	}
	select {
	case p.account.turn <- struct{}{}:
		defer func() { <-p.account.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	// Another connection may have become idle, or the credentials refused, while we
	// waited for our turn.
	if c, err := p.reuse(); c != nil || err != nil {
		return c, err
	}
	if p.account.refused != nil {
		return nil, p.account.refused
	}
	c, err := p.open(ctx)
	if err != nil {
		if refusesCredentials(err) {
			p.account.refused = err
		}
		return nil, err
	}
	return c, nil
}

// refusesCredentials reports whether the error is about the account or its password.
// Other failed sign-ins may pass, such as those without a KDC, on a server that is
// shutting down, or on the global catalog's port only.
func refusesCredentials(err error) bool {
	e := contract.AsError(err)
	return e.Category == contract.Authentication && e.ID != "KerberosFailed" && e.ID != "BindRefused" && e.ID != "StrongerAuthRequired"
}

// reuse returns an idle connection, or nil if there is none.
func (p *pool) reuse() (*conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
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
	keep := !p.closed && c.sound()
	if keep {
		p.idle = append(p.idle, c)
	}
	p.mu.Unlock()
	if !keep {
		c.discard()
	}
}

// forget closes the idle connections.
func (p *pool) forget() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		c.discard()
	}
}

// close closes the idle connections; those in use are closed when they are given back.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.forget()
}
