package ad

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/ad/kerberos"
	"groupwriteback/internal/contract"
)

const (
	maxTries = 5
	// maxTrying is the time after which no further attempt begins. The second attempt
	// is exempt, so a request that hung until it timed out is tried once more.
	maxTrying = contract.ShortPatience
	// maxPause is the longest pause between two attempts.
	maxPause = 30 * time.Second
)

// firstPause is the pause before the second attempt; later pauses are longer. Tests
// that break hundreds of connections shorten it.
var firstPause = 500 * time.Millisecond

// transient reports whether the operation may succeed in a moment without anybody doing
// anything.
func transient(err error) bool {
	var lost *lostError
	if errors.As(err, &lost) {
		return true
	}
	var answer *ldap.Error
	if errors.As(err, &answer) {
		switch answer.ResultCode {
		case ldap.LDAPResultBusy, ldap.LDAPResultUnavailable, ldap.LDAPResultTimeLimitExceeded,
			ldap.LDAPResultServerDown, ldap.LDAPResultTimeout, ldap.LDAPResultConnectError:
			return true
		}
		return false
	}
	// A connection may also break while TLS is being set up.
	return contract.HasID(err, "ServerUnreachable") || contract.HasID(err, "TlsFailed")
}

// passing reports whether the error may pass when a run has used the server before: the
// server's name and its Kerberos can be gone for as long as the domain controller is.
func passing(err error) bool {
	return contract.HasID(err, "ServerNotFound") || contract.HasID(err, "KerberosFailed") && kerberos.NoNetwork(err)
}

// absent reports whether the server cannot be reached or used for now, so that it may
// be back in some minutes. A search that exceeded its time limit does not count: the
// server did answer, and would take as long again.
func absent(err error) bool {
	var answer *ldap.Error
	if lost := (*lostError)(nil); !errors.As(err, &lost) && errors.As(err, &answer) {
		return answer.ResultCode != ldap.LDAPResultTimeLimitExceeded && answer.ResultCode != ldap.LDAPResultTimeout
	}
	return true
}

// retry calls f until it succeeds, fails for good, or has been tried often enough, and
// returns the last error. While the server cannot be reached, retry goes on for as long
// as the run allows.
func retry(ctx context.Context, server string, f func() error) error {
	return retryOn(ctx, server, func() (bool, error) { return false, f() })
}

// retryOn is like retry, for operations that take long: heard says that the server
// answered before it was lost, so the time of the outage is counted anew.
func retryOn(ctx context.Context, server string, f func() (heard bool, err error)) error {
	since, pause := time.Now(), firstPause
	for try := 1; ; try++ {
		heard, err := f()
		if err == nil && try > 1 {
			slog.InfoContext(ctx, "the server responds again", "server", server, "seconds", time.Since(since).Seconds())
		}
		patience := contract.OutagePatience(ctx)
		waits := patience > contract.ShortPatience
		if err == nil || ctx.Err() != nil || !transient(err) && !(waits && passing(err)) {
			return err
		}
		if heard {
			since, pause, try = time.Now(), firstPause, 1
		}
		// Half of the pause is random, to spread parallel callers.
		wait := pause/2 + rand.N(pause/2)
		w := contract.Waiting{For: server, Why: reason(err), Since: since, Next: time.Now().Add(wait)}
		if waits && absent(err) {
			if time.Since(since)+wait > patience {
				return err
			}
			w.Until = since.Add(patience)
		} else if try == maxTries || try > 1 && time.Since(since)+pause > maxTrying {
			return err
		}
		w.Brief = w.Until.IsZero()
		contract.TellWaiting(ctx, w)
		if contract.Pause(ctx, wait) != nil {
			return err
		}
		pause = min(2*pause, maxPause)
	}
}

// reason returns the reason in one line, without the details of a contract.Error.
func reason(err error) string {
	if e := (*contract.Error)(nil); errors.As(err, &e) {
		return strings.TrimSuffix(e.Message, ".")
	}
	return err.Error()
}
