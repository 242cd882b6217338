package ad

import (
	"context"
	"strings"
	"sync"

	"groupwriteback/internal/contract"
)

// login is a Kerberos login. It continues even if nobody waits for it any more, because
// gokrb5 takes no context.
type login struct {
	done chan struct{} // closed when the login ends
	err  error         // valid once done is closed
}

// loggingIn holds the login in progress for each account, so that logins of one account
// run one after the other in the whole process, even if another Connect begins while a
// cancelled login is still running. Two simultaneous logins with a wrong password would
// count as two failures.
var loggingIn = struct {
	sync.Mutex
	of map[string]*login
}{of: map[string]*login{}}

// start begins a login once no other login of the account is in progress.
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

// login gets the first tickets. A cancelled login is not repeated; the next caller
// waits for it to end.
func (b *kerberosBinder) login(ctx context.Context, do func() error) error {
	l := b.underWay()
	if l == nil {
		var err error
		if l, err = start(ctx, b.user, do); err != nil {
			return stopped(ctx, b.server.String(), err)
		}
		b.setUnderWay(l)
	}
	defer contract.Asking(ctx, "Kerberos for "+b.user)()
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

// close forgets the credentials. A login in progress has its own copy and forgets it
// when it ends.
func (b *kerberosBinder) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.signIn = nil
	if b.tickets != nil {
		b.tickets.Destroy()
		b.tickets = nil
	}
}
