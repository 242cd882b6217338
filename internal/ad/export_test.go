package ad

import (
	"testing"
	"time"
)

// ShortenPauses has what is transient tried again after that pause, and then
// after longer ones, for one test.
func ShortenPauses(t *testing.T, first time.Duration) {
	before := firstPause
	firstPause = first
	t.Cleanup(func() { firstPause = before })
}
