package ad

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/engine"
)

const (
	maxTries = 5
	// maxTrying is after how long no further try begins, but for the second: a
	// request that hung until it timed out is tried once more.
	maxTrying = 30 * time.Second
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
	return engine.HasID(err, "ServerUnreachable") || engine.HasID(err, "TlsFailed")
}

// retry calls f until it succeeds, fails for good, or has been tried enough;
// it returns the last error.
func retry(ctx context.Context, f func() error) error {
	begin, pause := time.Now(), firstPause
	for try := 1; ; try++ {
		err := f()
		if err == nil || !transient(err) || ctx.Err() != nil || try == maxTries || try > 1 && time.Since(begin)+pause > maxTrying {
			return err
		}
		// Half of the pause is random, so that parallel callers spread.
		timer := time.NewTimer(pause/2 + rand.N(pause/2))
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
		}
		pause *= 2
	}
}
