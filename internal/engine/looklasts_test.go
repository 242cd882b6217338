package engine

import (
	"testing"
	"time"
)

// LookLasts sets for how long a look is enough, for one test.
func LookLasts(t *testing.T, lasts time.Duration) {
	before := lookLasts
	lookLasts = lasts
	t.Cleanup(func() { lookLasts = before })
}
