package ad

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"

	"groupwriteback/internal/contract"
)

func newLoginBinder() *kerberosBinder {
	return &kerberosBinder{user: "svc@LOGIN.TEST", identity: func() *client.Client { return client.NewWithPassword("svc", "LOGIN.TEST", "x", config.New()) }}
}

// TestACancelledLoginIsFinishedBeforeTheNext: two simultaneous logins with a wrong
// password count as two failures, and a repeated one counts as another.
func TestACancelledLoginIsFinishedBeforeTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("KDC_ERR_PREAUTH_FAILED")
		end := make(chan struct{})
		var begun atomic.Int32
		slow := func() error {
			begun.Add(1)
			<-end
			return refused
		}
		b, other := newLoginBinder(), newLoginBinder()
		other.user = "SVC@login.test" // the same account, in another Connect
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan error, 1)
		go func() { first <- b.login(ctx, slow) }()
		synctest.Wait()
		cancel()
		if err := <-first; !contract.HasID(err, "Cancelled") {
			t.Fatal(err)
		}
		again, beside := make(chan error, 1), make(chan error, 1)
		go func() { again <- b.login(t.Context(), slow) }()
		go func() { beside <- other.login(t.Context(), slow) }()
		waiting, giveUp := context.WithCancel(t.Context())
		third := make(chan error, 1)
		go func() { third <- newLoginBinder().login(waiting, slow) }()
		synctest.Wait()
		if n := begun.Load(); n != 1 {
			t.Fatalf("%d logins are under way", n)
		}
		giveUp()
		if err := <-third; !contract.HasID(err, "Cancelled") {
			t.Error(err)
		}
		other.close() // does not wait
		end <- struct{}{}
		if err := <-again; !contract.HasID(err, "LdapInvalidCredentials") {
			t.Errorf("the end of the first: %v", err)
		}
		synctest.Wait()
		if n := begun.Load(); n != 2 {
			t.Fatalf("%d logins have begun, want the one of the other Connect after the first", n)
		}
		end <- struct{}{}
		if err := <-beside; !contract.HasID(err, "LdapInvalidCredentials") {
			t.Error(err)
		}
	})
}

// TestClosingForgetsWhatALoginGets: this also holds if the login ends after close.
func TestClosingForgetsWhatALoginGets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newLoginBinder()
		end := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		var got *client.Client
		go func() {
			done <- b.login(ctx, func() error {
				<-end
				got = ticketsFor(t, time.Hour)
				b.keep(got, time.Now().Add(time.Hour))
				return nil
			})
		}()
		synctest.Wait()
		cancel()
		<-done
		b.close()
		close(end)
		synctest.Wait()
		if b.held() != nil || got.Credentials.UserName() != "" {
			t.Error("the tickets are kept")
		}
		if err := b.getTickets(); err != errClosed {
			t.Error(err)
		}
	})
}

// ticketsFor returns a client with tickets like those of a login.
func ticketsFor(t *testing.T, life time.Duration) *client.Client {
	t.Helper()
	now := time.Now().UTC()
	service := types.PrincipalName{NameType: nametype.KRB_NT_SRV_INST, NameString: []string{"krbtgt", "LOGIN.TEST"}}
	var answer messages.ASRep
	answer.Ticket = messages.Ticket{TktVNO: 5, Realm: "LOGIN.TEST", SName: service, EncPart: types.EncryptedData{EType: 18, Cipher: []byte("sealed")}}
	answer.DecryptedEncPart = messages.EncKDCRepPart{AuthTime: now, StartTime: now, EndTime: now.Add(life), Key: types.EncryptionKey{KeyType: 18, KeyValue: make([]byte, 32)}}
	c, err := holder(credentials.New("svc", "LOGIN.TEST"), config.New(), &answer)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestTicketsNeverSignInByThemselves: nothing runs besides the logins, however long the
// tickets are kept, and the client that holds the tickets has no credentials.
func TestTicketsNeverSignInByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // synctest fails if anything is left running
		b := newLoginBinder()
		if !b.due() {
			t.Error("there are no tickets, and none are due")
		}
		tickets := ticketsFor(t, 10*time.Hour)
		b.keep(tickets, time.Now().Add(10*time.Hour/6*5))
		if tickets.Credentials.HasPassword() || tickets.Credentials.HasKeytab() {
			t.Error("the tickets can sign in")
		}
		if tickets.Credentials.Domain() != "LOGIN.TEST" || tickets.Credentials.CName().PrincipalNameString() != "svc" {
			t.Errorf("the tickets are of %s", tickets.Credentials.CName().PrincipalNameString())
		}
		time.Sleep(8 * time.Hour)
		if b.due() {
			t.Error("the tickets are due early")
		}
		time.Sleep(time.Hour)
		if !b.due() {
			t.Error("the tickets are not due")
		}
		time.Sleep(2 * time.Hour)
		if err := tickets.Login(); err == nil {
			t.Error("the tickets sign in")
		}
	})
}
