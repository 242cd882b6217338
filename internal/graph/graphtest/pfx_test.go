package graphtest

import (
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

func TestPFX(t *testing.T) {
	c, err := newClientCertificate("client", time.Now())
	must(t, err)
	for _, password := range []string{"secret", "Pässwörd", ""} {
		file, err := c.PFX(password)
		must(t, err)
		key, cert, err := pkcs12.Decode(file, password)
		if err != nil {
			t.Fatalf("%q: %v", password, err)
		}
		if !cert.Equal(c.Certificate) || !c.Key.Equal(key) {
			t.Errorf("%q: another certificate or key", password)
		}
		if _, _, err := pkcs12.Decode(file, "wrong"); err == nil {
			t.Error("a wrong password opens the file")
		}
	}
}
