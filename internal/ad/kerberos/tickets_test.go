package kerberos

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// newTickets returns tickets like those of a login.
func newTickets(t *testing.T, life time.Duration) *Tickets {
	t.Helper()
	now := time.Now().UTC()
	service := types.PrincipalName{NameType: nametype.KRB_NT_SRV_INST, NameString: []string{"krbtgt", "LOGIN.TEST"}}
	var answer messages.ASRep
	answer.Ticket = messages.Ticket{TktVNO: 5, Realm: "LOGIN.TEST", SName: service, EncPart: types.EncryptedData{EType: 18, Cipher: []byte("sealed")}}
	answer.DecryptedEncPart = messages.EncKDCRepPart{AuthTime: now, StartTime: now, EndTime: now.Add(life), Key: types.EncryptionKey{KeyType: 18, KeyValue: make([]byte, 32)}}
	tickets, err := ticketsOf(credentials.New("svc", "LOGIN.TEST"), config.New(), &answer)
	if err != nil {
		t.Fatal(err)
	}
	return tickets
}

// TestTicketsNeverSignInByThemselves: nothing runs besides the logins, however long the
// tickets are kept, and the client that holds the tickets has no credentials.
func TestTicketsNeverSignInByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // synctest fails if anything is left running
		tickets := newTickets(t, 6*time.Hour)
		who := tickets.client.Credentials
		if who.HasPassword() || who.HasKeytab() {
			t.Error("the tickets can sign in")
		}
		if who.Domain() != "LOGIN.TEST" || who.CName().PrincipalNameString() != "svc" {
			t.Errorf("the tickets are of %s", who.CName().PrincipalNameString())
		}
		if life := time.Until(tickets.Until()); life.Round(time.Second) != 5*time.Hour {
			t.Errorf("the tickets are used for %v", life)
		}
		time.Sleep(7 * time.Hour)
		if err := tickets.client.Login(); err == nil {
			t.Error("the tickets sign in")
		}
		tickets.Destroy()
		if tickets.client.Credentials.UserName() != "" {
			t.Error("the tickets are kept")
		}
	})
}
