package graphtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"
)

// ClientCertificate is a certificate, with its key, that the tenant's application
// accepts instead of a secret.
type ClientCertificate struct {
	Certificate *x509.Certificate
	Key         *rsa.PrivateKey
	// CertificatePEM and KeyPEM (PKCS #8), in one file, are what parameters such as
	// -CertificatePath accept.
	CertificatePEM, KeyPEM []byte
	// Thumbprint is the SHA-1 hash of the certificate in upper-case hexadecimal, as
	// Windows shows it.
	Thumbprint string
}

func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
}

// serverIdentity creates a certificate authority and a server certificate for the
// loopback names. It discards the authority's key.
func serverIdentity(now time.Time) (tls.Certificate, []byte, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	ca := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "Simulated tenant CA"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.AddDate(2, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	caDER, err := sign(ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	if ca, err = x509.ParseCertificate(caDER); err != nil {
		return tls.Certificate{}, nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	leaf := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "localhost"},
		NotBefore:   now.Add(-time.Hour),
		NotAfter:    now.AddDate(1, 0, 0),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := sign(leaf, ca, &key.PublicKey, caKey)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pemBlock("CERTIFICATE", caDER), nil
}

func newClientCertificate(name string, now time.Time) (*ClientCertificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		NotBefore:   now.Add(-time.Hour),
		NotAfter:    now.AddDate(1, 0, 0),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := sign(template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	thumbprint := sha1.Sum(der)
	return &ClientCertificate{
		Certificate:    cert,
		Key:            key,
		CertificatePEM: pemBlock("CERTIFICATE", der),
		KeyPEM:         pemBlock("PRIVATE KEY", keyDER),
		Thumbprint:     strings.ToUpper(hex.EncodeToString(thumbprint[:])),
	}, nil
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) ([]byte, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("make the certificate %s: %w", template.Subject.CommonName, err)
	}
	return der, nil
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// matches reports whether the header of a client assertion names this certificate, by
// x5t (SHA-1) or x5t#S256. Clients use both alphabets of base64.
func matches(cert *x509.Certificate, header map[string]any) bool {
	decode := func(name string) string {
		text, _ := header[name].(string)
		text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			return ""
		}
		return string(raw)
	}
	short, long := sha1.Sum(cert.Raw), sha256.Sum256(cert.Raw)
	return decode("x5t#S256") == string(long[:]) || decode("x5t") == string(short[:])
}
