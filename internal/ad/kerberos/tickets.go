package kerberos

import (
	"time"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
)

// Account holds the password or the keys of an account.
type Account struct {
	// identity returns a client that has the credentials. FAST is disabled in all
	// clients, because its armour requires the ticket of a computer account.
	identity func() *client.Client
}

// WithPassword returns an account that signs in by password.
func WithPassword(user, realm, password string, c *Config) *Account {
	return &Account{func() *client.Client {
		return client.NewWithPassword(user, realm, password, c.krb5, client.DisablePAFXFAST(true))
	}}
}

// WithKeytab returns an account that signs in by the keys in a file.
func WithKeytab(user, realm, path string, c *Config) (*Account, error) {
	keys, err := keytab.Load(path)
	if err != nil {
		return nil, err
	}
	return &Account{func() *client.Client {
		return client.NewWithKeytab(user, realm, keys, c.krb5, client.DisablePAFXFAST(true))
	}}, nil
}

// A gokrb5 client that has a password renews its tickets by itself, and our rules do
// not apply there. If it cannot renew them, it signs in again; if the password has
// changed, it does so again and again, faster each time, until the account is locked.
// So the client that signs in is used once, and its tickets go to a second client
// without a password, which can renew them but never sign in.

// Tickets are what an account gets by signing in.
type Tickets struct {
	client *client.Client
	until  time.Time
}

// SignIn gets tickets. It takes no context because gokrb5 takes none.
func (a *Account) SignIn() (*Tickets, error) {
	c := a.identity()
	defer c.Destroy()
	request, err := messages.NewASReqForTGT(c.Credentials.Domain(), c.Config, c.Credentials.CName())
	if err != nil {
		return nil, err
	}
	answer, err := c.ASExchange(c.Credentials.Domain(), request, 0)
	if err != nil {
		return nil, err
	}
	return ticketsOf(c.Credentials, c.Config, &answer)
}

// ticketsOf returns the ticket of the answer, in a client that has no credentials to
// sign in with.
func ticketsOf(who *credentials.Credentials, krb5 *config.Config, answer *messages.ASRep) (*Tickets, error) {
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
	c, err := client.NewFromCCache(&cache, krb5, client.DisablePAFXFAST(true))
	if err != nil {
		return nil, err
	}
	return &Tickets{client: c, until: granted.AuthTime.Add(granted.EndTime.Sub(granted.AuthTime) / 6 * 5)}, nil
}

// Until returns when to get new tickets: when five sixths of their life are over.
func (t *Tickets) Until() time.Time { return t.until }

// Destroy forgets the tickets.
func (t *Tickets) Destroy() { t.client.Destroy() }
