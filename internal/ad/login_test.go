package ad

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"

	"groupwriteback/internal/engine"
)

func newLoginBinder() *kerberosBinder {
	return &kerberosBinder{user: "svc@LOGIN.TEST", client: client.NewWithPassword("svc", "LOGIN.TEST", "x", config.New())}
}

// TestACancelledLoginIsFinishedBeforeTheNext: two logins at a time with a wrong
// password count as two failures, and one that is repeated as another.
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
		other.user = "SVC@login.test" // the same account, by another Connect
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan error, 1)
		go func() { first <- b.login(ctx, slow) }()
		synctest.Wait()
		cancel()
		if err := <-first; !engine.HasID(err, "Cancelled") {
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
		if err := <-third; !engine.HasID(err, "Cancelled") {
			t.Error(err)
		}
		other.close() // waits for nobody
		end <- struct{}{}
		if err := <-again; !engine.HasID(err, "LdapInvalidCredentials") {
			t.Errorf("the end of the first: %v", err)
		}
		synctest.Wait()
		if n := begun.Load(); n != 2 {
			t.Fatalf("%d logins have begun, want the one of the other Connect after the first", n)
		}
		end <- struct{}{}
		if err := <-beside; !engine.HasID(err, "LdapInvalidCredentials") {
			t.Error(err)
		}
	})
}

// TestClosingWaitsForALogin: the credentials are not taken from under a login
// that nobody waits for.
func TestClosingWaitsForALogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newLoginBinder()
		end := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- b.login(ctx, func() error { <-end; return nil }) }()
		synctest.Wait()
		cancel()
		<-done
		b.close()
		synctest.Wait()
		if !b.client.Credentials.HasPassword() {
			t.Error("the password was forgotten during the login")
		}
		close(end)
		synctest.Wait()
		if b.client.Credentials.HasPassword() {
			t.Error("the password is kept after the login")
		}
	})
}
