package ad_test

import (
	"testing"

	"groupwriteback/internal/ad"
	"groupwriteback/internal/ad/adtest"
	"groupwriteback/internal/ad/adtest/server"
)

// TestInProcess runs the suite against a domain controller in this process.
func TestInProcess(t *testing.T) {
	env, _ := adtest.InProcess(t, ad.Open, server.Options{})
	adtest.Suite(t, env)
}
