package ad

import (
	"testing"
	"time"
)

// ShortenPauses sets the first pause before a retry for one test; later pauses grow
// from it.
func ShortenPauses(t *testing.T, first time.Duration) {
	before := firstPause
	firstPause = first
	t.Cleanup(func() { firstPause = before })
}
