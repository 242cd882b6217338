package kerberos

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// TestTheFirstTokenHasTheBindings checks the layout of RFC 4121, 4.1.1 octet by octet.
func TestTheFirstTokenHasTheBindings(t *testing.T) {
	bindings := [16]byte{1, 2, 3}
	want, _ := hex.DecodeString("10000000" + hex.EncodeToString(bindings[:]) + "32000000") // mutual, confidentiality, integrity
	if got := authenticatorChecksum(bindings); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}
