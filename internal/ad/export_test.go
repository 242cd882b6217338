package ad

import (
	"testing"
	"time"
)

// ShortenPauses has what is transient tried again after a moment, for one test.
func ShortenPauses(t *testing.T) {
	before := firstPause
	firstPause = 10 * time.Millisecond
	t.Cleanup(func() { firstPause = before })
}
