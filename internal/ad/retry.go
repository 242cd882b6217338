package ad

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/jcmturner/gokrb5/v8/krberror"

	"groupwriteback/internal/contract"
)

const (
	maxTries = 5
	// maxTrying is after how long no further try begins, but for the second: a
	// request that hung until it timed out is tried once more.
	maxTrying = contract.ShortPatience
	// maxPause is the longest between two tries.
	maxPause = 30 * time.Second
)

// firstPause is before the second try; later ones are longer. Tests that break
// hundreds of connections shorten it.
var firstPause = 500 * time.Millisecond

// transient reports whether what failed may succeed in a moment by itself.
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

// passing reports the same of what a run has used before, and that may be gone
// with the domain controller for a while: its name, and its Kerberos.
func passing(err error) bool {
	return contract.HasID(err, "ServerNotFound") || contract.HasID(err, "KerberosFailed") && strings.Contains(err.Error(), krberror.NetworkingError)
}

// absent reports whether the server cannot be reached, or not used for now: in
// some minutes it may be there again. One that ran out of the time for a search
// answers, and will take as long once more.
func absent(err error) bool {
	var answer *ldap.Error
	if lost := (*lostError)(nil); !errors.As(err, &lost) && errors.As(err, &answer) {
		return answer.ResultCode != ldap.LDAPResultTimeLimitExceeded && answer.ResultCode != ldap.LDAPResultTimeout
	}
	return true
}

// retry calls f until it succeeds, fails for good, or has been tried enough; it
// returns the last error. What cannot be reached is tried for as long as the run
// allows.
func retry(ctx context.Context, server string, f func() error) error {
	return retryOn(ctx, server, func() (bool, error) { return false, f() })
}

// retryOn is retry of what takes long: heard says that the server answered
// before it was gone, so that the outage begins anew.
func retryOn(ctx context.Context, server string, f func() (heard bool, err error)) error {
	since, pause := time.Now(), firstPause
	for try := 1; ; try++ {
		heard, err := f()
		if err == nil && try > 1 {
			slog.InfoContext(ctx, "answered again", "server", server, "seconds", time.Since(since).Seconds())
		}
		patience := contract.OutagePatience(ctx)
		waits := patience > contract.ShortPatience
		if err == nil || ctx.Err() != nil || !transient(err) && !(waits && passing(err)) {
			return err
		}
		if heard {
			since, pause, try = time.Now(), firstPause, 1
		}
		// Half of the pause is random, so that parallel callers spread.
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

// reason says why in one line, without what is long.
func reason(err error) string {
	if e := (*contract.Error)(nil); errors.As(err, &e) {
		return strings.TrimSuffix(e.Message, ".")
	}
	return err.Error()
}
