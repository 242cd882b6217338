package ad

import (
	"time"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/messages"
)

// A client of gokrb5 that has a password renews its tickets by itself, beside every
// rule of ours: where they cannot be renewed it signs in anew, and with a password
// that was changed it does so over and over, faster and faster, until the account is
// locked. So the client that signs in is used once, and what it gets is handed to
// another that has no password: that one can renew, and never sign in.

// getTickets signs in and keeps the tickets. It takes no context.
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

// holder makes a client that has the ticket of the answer and nothing to sign in with.
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

// keep keeps tickets until they are due, or for nobody.
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

// due reports whether there are no tickets that last.
func (b *kerberosBinder) due() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tickets == nil || !time.Now().Before(b.until)
}
