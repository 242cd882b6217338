package ad

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupwriteback/internal/contract"
)

func newLoginBinder() *kerberosBinder {
	return &kerberosBinder{user: "svc@LOGIN.TEST", signIn: func() (tickets, error) { return &fakeTickets{}, nil }}
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
		got := &fakeTickets{}
		go func() {
			done <- b.login(ctx, func() error {
				<-end
				b.keep(got)
				return nil
			})
		}()
		synctest.Wait()
		cancel()
		<-done
		b.close()
		close(end)
		synctest.Wait()
		if b.held() != nil || !got.destroyed {
			t.Error("the tickets are kept")
		}
		if err := b.getTickets(); err != errClosed {
			t.Error(err)
		}
	})
}

// fakeTickets last until a time, or until they are destroyed.
type fakeTickets struct {
	tickets
	until     time.Time
	destroyed bool
}

func (f *fakeTickets) Until() time.Time { return f.until }
func (f *fakeTickets) Destroy()         { f.destroyed = true }

func TestTicketsAreDueWhenTheyRunOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newLoginBinder()
		if !b.due() {
			t.Error("there are no tickets, and none are due")
		}
		first := &fakeTickets{until: time.Now().Add(time.Hour)}
		b.keep(first)
		time.Sleep(time.Hour - time.Second)
		if b.due() {
			t.Error("the tickets are due early")
		}
		time.Sleep(time.Second)
		if !b.due() {
			t.Error("the tickets are not due")
		}
		b.keep(&fakeTickets{until: time.Now().Add(time.Hour)})
		if b.due() || !first.destroyed {
			t.Error("the first tickets are kept")
		}
	})
}
