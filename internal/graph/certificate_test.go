package graph

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"groupwriteback/internal/contract"
)

// rsaKey is generated once, because that takes a while.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func newCertificate(t *testing.T, key crypto.Signer, ends time.Time) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "app"},
		NotBefore: ends.Add(-48 * time.Hour), NotAfter: ends,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCertificateFiles(t *testing.T) {
	tomorrow := time.Now().Add(24 * time.Hour)
	certificate, other := newCertificate(t, rsaKey(), tomorrow), newCertificate(t, mustEC(t), tomorrow)
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	key8, err := x509.MarshalPKCS8PrivateKey(rsaKey())
	if err != nil {
		t.Fatal(err)
	}
	pfx := func(enc *pkcs12.Encoder, key any, c *x509.Certificate, password string) string {
		b, err := enc.Encode(key, c, []*x509.Certificate{other}, password)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	const password = "Pa55word-ÄÖ"
	for name, test := range map[string]struct {
		content, password string
		id                string // of the error, empty for none
	}{
		"PFX of Windows Server 2016":  {content: pfx(pkcs12.LegacyDES, rsaKey(), certificate, password), password: password},
		"PFX of older Windows":        {content: pfx(pkcs12.LegacyRC2, rsaKey(), certificate, password), password: password},
		"PFX with AES":                {content: pfx(pkcs12.Modern2023, rsaKey(), certificate, password), password: password},
		"PFX without a password":      {content: pfx(pkcs12.Modern2023, rsaKey(), certificate, "")},
		"PEM with PKCS 8":             {content: block("CERTIFICATE", certificate.Raw) + block("PRIVATE KEY", key8)},
		"PEM with PKCS 1, key first":  {content: block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey())) + block("CERTIFICATE", other.Raw) + block("CERTIFICATE", certificate.Raw)},
		"PEM, password not needed":    {content: block("CERTIFICATE", certificate.Raw) + block("PRIVATE KEY", key8), password: password},
		"wrong password":              {content: pfx(pkcs12.Modern2023, rsaKey(), certificate, password), password: "no", id: "CertificatePasswordWrong"},
		"wrong password, old PFX":     {content: pfx(pkcs12.LegacyDES, rsaKey(), certificate, password), password: "no", id: "CertificatePasswordWrong"},
		"no password":                 {content: pfx(pkcs12.Modern2023, rsaKey(), certificate, password), id: "CertificatePasswordWrong"},
		"key of another certificate":  {content: block("CERTIFICATE", other.Raw) + block("PRIVATE KEY", key8), id: "CertificateFileInvalid"},
		"elliptic curve":              {content: pfx(pkcs12.Modern2023, mustEC(t), other, password), password: password, id: "CertificateFileInvalid"},
		"certificate without its key": {content: block("CERTIFICATE", certificate.Raw), id: "CertificateFileInvalid"},
		"encrypted key":               {content: block("CERTIFICATE", certificate.Raw) + block("ENCRYPTED PRIVATE KEY", key8), id: "CertificateFileInvalid"},
		"garbage":                     {content: "hello", id: "CertificateFileInvalid"},
		"nothing":                     {content: "", id: "CertificateFileInvalid"},
		"cut off":                     {content: pfx(pkcs12.Modern2023, rsaKey(), certificate, password)[:300], password: password, id: "CertificateFileInvalid"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.pfx")
			if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			got, key, err := readCertificate(path, contract.NewSecret(test.password))
			if test.id != "" {
				wantID(t, err, test.id)
				if strings.Contains(err.Error(), password) {
					t.Error("the error holds the password")
				}
				return
			}
			if err != nil || !got[0].Equal(certificate) || !key.Equal(rsaKey()) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	_, _, err = readCertificate(filepath.Join(t.TempDir(), "none.pfx"), contract.Secret{})
	wantID(t, err, "CertificateFileInvalid")
	_, _, err = readCertificate(t.TempDir(), contract.Secret{})
	wantID(t, err, "CertificateFileInvalid")
	wantID(t, stillValid(certificate, "app.pfx", tomorrow.Add(time.Hour)), "ClientCertificateExpired")
}

func mustEC(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// holder signs as the caller does, with the paddings that it supports.
func holder(paddings ...string) func(context.Context, []byte, string) ([]byte, error) {
	return func(_ context.Context, digest []byte, padding string) ([]byte, error) {
		for _, able := range paddings {
			switch {
			case able == padding && padding == "Pss":
				return rsa.SignPSS(rand.Reader, rsaKey(), crypto.SHA256, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
			case able == padding:
				return rsa.SignPKCS1v15(rand.Reader, rsaKey(), crypto.SHA256, digest)
			}
		}
		return nil, errors.New("the specified algorithm is not supported")
	}
}

func TestAssertionIsSignedByTheHolder(t *testing.T) {
	now := time.Now()
	certificate := newCertificate(t, rsaKey(), now.Add(time.Hour))
	config := contract.SourceConfig{TenantID: tenantID, ClientID: "client", Certificate: certificate.Raw}
	for name, test := range map[string]struct {
		sign      func(context.Context, []byte, string) ([]byte, error)
		algorithm string
	}{
		"a provider that knows PSS":       {holder("Pss", "Pkcs1"), "PS256"},
		"a provider that does not":        {holder("Pkcs1"), "RS256"},
		"a key that may not be used":      {holder(), ""},
		"a signature of another key":      {func(context.Context, []byte, string) ([]byte, error) { return make([]byte, 256), nil }, ""},
		"a signature that is far too big": {func(context.Context, []byte, string) ([]byte, error) { return make([]byte, 1<<16), nil }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			config.Sign = test.sign
			a, err := newAssertion(config, endpoints{authority: "https://login.microsoftonline.com"})
			if err != nil {
				t.Fatal(err)
			}
			signed, err := a.sign(t.Context(), now)
			if test.algorithm == "" {
				wantID(t, err, "ClientCertificateInvalid")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			parts := strings.Split(signed, ".")
			var header, payload map[string]any
			for i, into := range []*map[string]any{&header, &payload} {
				b, err := base64.RawURLEncoding.DecodeString(parts[i])
				if err != nil || json.Unmarshal(b, into) != nil {
					t.Fatalf("part %d: %s", i, parts[i])
				}
			}
			thumbprint := sha256.Sum256(certificate.Raw)
			if header["alg"] != test.algorithm || header["x5t#S256"] != base64.RawURLEncoding.EncodeToString(thumbprint[:]) {
				t.Errorf("header %v", header)
			}
			if payload["aud"] != "https://login.microsoftonline.com/"+tenantID+"/oauth2/v2.0/token" || payload["iss"] != "client" ||
				payload["sub"] != "client" || payload["exp"].(float64)-payload["nbf"].(float64) != 600 {
				t.Errorf("claims %v", payload)
			}
		})
	}

	refusal := &contract.Error{Category: contract.Authentication, ID: "KeyNotFound", Message: "no key"}
	config.Sign = func(context.Context, []byte, string) ([]byte, error) { return nil, refusal }
	a, err := newAssertion(config, endpoints{authority: "https://login.microsoftonline.com"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.sign(t.Context(), now); err != error(refusal) {
		t.Errorf("the holder's own error is lost: %v", err)
	}
	config.Certificate = newCertificate(t, mustEC(t), now.Add(time.Hour)).Raw
	_, err = newAssertion(config, endpoints{authority: "https://login.microsoftonline.com"})
	wantID(t, err, "InvalidParameter")
	config.Certificate = newCertificate(t, rsaKey(), now.Add(-time.Hour)).Raw
	_, err = newAssertion(config, endpoints{authority: "https://login.microsoftonline.com"})
	wantID(t, err, "ClientCertificateExpired")
	config.Certificate = []byte("no certificate")
	_, err = newAssertion(config, endpoints{authority: "https://login.microsoftonline.com"})
	wantID(t, err, "InvalidParameter")
}
