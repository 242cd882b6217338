package ad_test

import (
	"testing"

	"groupwriteback/internal/ad"
	"groupwriteback/internal/ad/adtest"
)

// TestLab runs the suite against a real domain controller: tests/lab/run -- go test
// ./internal/ad/...
func TestLab(t *testing.T) {
	adtest.Suite(t, adtest.Lab(t, ad.Open))
}
