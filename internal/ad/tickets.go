package ad

import (
	"crypto/md5"
	"time"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/ad/kerberos"
)

// tickets are what a login gets, as [kerberos.Tickets]. They never sign in by
// themselves.
type tickets interface {
	Until() time.Time
	Session(bindings [md5.Size]byte) ldap.GSSAPIClient
	Destroy()
}

func signInBy(account *kerberos.Account) func() (tickets, error) {
	return func() (tickets, error) {
		got, err := account.SignIn()
		if err != nil {
			return nil, err
		}
		return got, nil
	}
}

// getTickets signs in and keeps the tickets.
func (b *kerberosBinder) getTickets() error {
	b.mu.Lock()
	signIn := b.signIn
	b.mu.Unlock()
	if signIn == nil {
		return errClosed
	}
	got, err := signIn()
	if err != nil {
		return err
	}
	b.keep(got)
	return nil
}

// keep stores the tickets, or destroys them if the binder was closed.
func (b *kerberosBinder) keep(got tickets) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.signIn == nil { // closed meanwhile
		got.Destroy()
		return
	}
	if b.tickets != nil {
		b.tickets.Destroy()
	}
	b.tickets = got
}

func (b *kerberosBinder) held() tickets {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tickets
}

// due reports whether there are no tickets, or they have to be renewed.
func (b *kerberosBinder) due() bool {
	held := b.held()
	return held == nil || !time.Now().Before(held.Until())
}
