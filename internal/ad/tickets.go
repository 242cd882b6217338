package ad

import (
	"time"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/messages"
)

// A gokrb5 client that has a password renews its tickets by itself, and our rules do
// not apply there. If it cannot renew them, it signs in again; if the password has
// changed, it does so again and again, faster each time, until the account is locked.
// So the client that signs in is used once, and its tickets go to a second client
// without a password, which can renew them but never sign in.

// getTickets signs in and keeps the tickets. It takes no context because gokrb5 takes
// none.
func (b *kerberosBinder) getTickets() error {
	b.mu.Lock()
	identity := b.identity
	b.mu.Unlock()
	if identity == nil {
		return errClosed
	}
	c := identity()
	defer c.Destroy()
	request, err := messages.NewASReqForTGT(c.Credentials.Domain(), c.Config, c.Credentials.CName())
	if err != nil {
		return err
	}
	answer, err := c.ASExchange(c.Credentials.Domain(), request, 0)
	if err != nil {
		return err
	}
	tickets, err := holder(c.Credentials, c.Config, &answer)
	if err != nil {
		return err
	}
	granted := answer.DecryptedEncPart
	b.keep(tickets, granted.AuthTime.Add(granted.EndTime.Sub(granted.AuthTime)/6*5))
	return nil
}

// holder returns a client that holds the ticket of the answer and has no credentials to
// sign in with.
func holder(who *credentials.Credentials, krb5 *config.Config, answer *messages.ASRep) (*client.Client, error) {
	ticket, err := answer.Ticket.Marshal()
	if err != nil {
		return nil, err
	}
	granted := &answer.DecryptedEncPart
	var cache credentials.CCache
	cache.DefaultPrincipal.Realm, cache.DefaultPrincipal.PrincipalName = who.Domain(), who.CName()
	entry := &credentials.Credential{
		Client: cache.DefaultPrincipal, Server: cache.DefaultPrincipal, Key: granted.Key, Ticket: ticket,
		AuthTime: granted.AuthTime, StartTime: granted.StartTime, EndTime: granted.EndTime, RenewTill: granted.RenewTill,
	}
	entry.Server.PrincipalName = answer.Ticket.SName
	cache.Credentials = append(cache.Credentials, entry)
	return client.NewFromCCache(&cache, krb5, client.DisablePAFXFAST(true))
}

// keep stores the tickets until they are due, or destroys them if the binder was
// closed.
func (b *kerberosBinder) keep(tickets *client.Client, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.identity == nil { // closed meanwhile
		tickets.Destroy()
		return
	}
	if b.tickets != nil {
		b.tickets.Destroy()
	}
	b.tickets, b.until = tickets, until
}

func (b *kerberosBinder) held() *client.Client {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tickets
}

// due reports whether there are no tickets, or they have to be renewed.
func (b *kerberosBinder) due() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tickets == nil || !time.Now().Before(b.until)
}
