package ad

import (
	"context"
	"strings"
	"sync"

	"groupwriteback/internal/contract"
)

// login is one that goes on when nobody waits for it any more, since gokrb5
// takes no context.
type login struct {
	done chan struct{} // closed at the end
	err  error         // of the end
}

// loggingIn holds the login of each account that is under way, so that they go
// one after the other in the whole process, also when another Connect begins
// while the login of one that was cancelled goes on: two at a time with a wrong
// password count as two failures.
var loggingIn = struct {
	sync.Mutex
	of map[string]*login
}{of: map[string]*login{}}

// start begins a login when no other of the account is under way.
func start(ctx context.Context, account string, do func() error) (*login, error) {
	account = strings.ToLower(account)
	l := &login{done: make(chan struct{})}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		loggingIn.Lock()
		other := loggingIn.of[account]
		if other == nil {
			loggingIn.of[account] = l
		}
		loggingIn.Unlock()
		if other == nil {
			break
		}
		select {
		case <-other.done:
		case <-ctx.Done():
		}
	}
	go func() {
		l.err = do()
		loggingIn.Lock()
		delete(loggingIn.of, account)
		loggingIn.Unlock()
		close(l.done)
	}()
	return l, nil
}

// login gets the first ticket. One that was cancelled is not repeated: its end
// is waited for by whoever comes next.
func (b *kerberosBinder) login(ctx context.Context, do func() error) error {
	l := b.underWay()
	if l == nil {
		var err error
		if l, err = start(ctx, b.user, do); err != nil {
			return stopped(ctx, b.server.String(), err)
		}
		b.setUnderWay(l)
	}
	defer contract.Asking(ctx, "Kerberos of "+b.user)()
	select {
	case <-l.done:
	case <-ctx.Done():
		return stopped(ctx, b.server.String(), ctx.Err())
	}
	b.setUnderWay(nil)
	if l.err != nil {
		return kerberosError(b, l.err)
	}
	return nil
}

func (b *kerberosBinder) underWay() *login {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pending
}

func (b *kerberosBinder) setUnderWay(l *login) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending = l
}

// close forgets the credentials. A login that is under way has its own, and
// forgets them at its end.
func (b *kerberosBinder) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.identity = nil
	if b.tickets != nil {
		b.tickets.Destroy()
		b.tickets = nil
	}
}
