package command_test

import (
	"errors"
	"strings"
	"testing"

	"groupwriteback/internal/contract"
)

// The message of a server is kept whole, unless it is endless.
func TestTheCauseIsKept(t *testing.T) {
	said := strings.Repeat("why ", 500)
	if got := (&contract.Error{Err: errors.New(said)}).Cause(); got != said {
		t.Errorf("of %d bytes %d are left", len(said), len(got))
	}
	if got := (&contract.Error{Err: errors.New(strings.Repeat("ä", 1<<20))}).Cause(); len(got) > 5000 || strings.ContainsRune(got, '\uFFFD') {
		t.Errorf("%d bytes", len(got))
	}
}
