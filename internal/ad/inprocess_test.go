package ad_test

import (
	"testing"
	"time"

	"groupwriteback/internal/ad"
	"groupwriteback/internal/ad/adtest"
	"groupwriteback/internal/ad/adtest/server"
)

// TestInProcess runs the suite against a domain controller in this process.
func TestInProcess(t *testing.T) {
	ad.ShortenPauses(t, 10*time.Millisecond)
	env, _ := adtest.InProcess(t, ad.Open, server.Options{})
	adtest.Suite(t, env)
}

// TestWindows tests what Windows does and Samba does not.
func TestWindows(t *testing.T) {
	ad.ShortenPauses(t, 2*time.Millisecond)
	adtest.Windows(t, ad.Open)
}
