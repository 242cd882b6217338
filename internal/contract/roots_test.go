package contract

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

func newAuthority(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// inUTF16 returns text as Out-File of Windows PowerShell writes it.
func inUTF16(text []byte, order binary.AppendByteOrder, mark bool) []byte {
	var out []byte
	if mark {
		out = order.AppendUint16(out, 0xfeff)
	}
	for _, unit := range utf16.Encode([]rune(string(text))) {
		out = order.AppendUint16(out, unit)
	}
	return out
}

// chain returns a PKCS #7 file with the certificates and no signature.
func chain(t testing.TB, certificates ...*x509.Certificate) []byte {
	t.Helper()
	var inside []byte
	for _, c := range certificates {
		inside = append(inside, c.Raw...)
	}
	marshal := func(v any) []byte {
		der, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	set := asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSet, IsCompound: true}
	signed := marshal(struct {
		Version      int
		Digests      asn1.RawValue
		Content      struct{ Type asn1.ObjectIdentifier }
		Certificates asn1.RawValue
		Signers      asn1.RawValue
	}{
		1, set, struct{ Type asn1.ObjectIdentifier }{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}},
		asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: inside}, set,
	})
	return marshal(struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue
	}{
		asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2},
		asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: signed},
	})
}

func TestTrustedRootsInEveryForm(t *testing.T) {
	a, b := newAuthority(t, "A"), newAuthority(t, "B")
	one := pemOf("CERTIFICATE", a.Raw)
	two := append(append([]byte("subject=A\r\n"), one...), pemOf("CERTIFICATE", b.Raw)...)
	lines := []byte(strings.ReplaceAll(string(two), "\n", "\r\n"))
	both := []*x509.Certificate{a, b}
	for name, c := range map[string]struct {
		content []byte
		want    []*x509.Certificate
	}{
		"PEM":                     {one, both[:1]},
		"PEM, two":                {two, both},
		"PEM, CR LF":              {lines, both},
		"PEM, older name":         {pemOf("X509 CERTIFICATE", a.Raw), both[:1]},
		"PEM beside a key":        {append(pemOf("PRIVATE KEY", []byte("x")), one...), both[:1]},
		"UTF-8 with a mark":       {append([]byte("\xef\xbb\xbf"), lines...), both},
		"UTF-16":                  {inUTF16(lines, binary.LittleEndian, true), both},
		"UTF-16, big-endian":      {inUTF16(lines, binary.BigEndian, true), both},
		"UTF-16 without a mark":   {inUTF16(lines, binary.LittleEndian, false), both},
		"UTF-16, big, unmarked":   {inUTF16(lines, binary.BigEndian, false), both},
		"DER":                     {a.Raw, both[:1]},
		"DER, two":                {append(append([]byte{}, a.Raw...), b.Raw...), both},
		"PKCS #7":                 {chain(t, a, b), both},
		"PKCS #7 as PEM":          {pemOf("PKCS7", chain(t, a, b)), both},
		"PKCS #7, called as such": {pemOf("CERTIFICATE", chain(t, a, b)), both},
	} {
		got, err := parseCertificates(c.content)
		if err != nil || len(got) != len(c.want) {
			t.Errorf("%s: %d certificates, %v", name, len(got), err)
			continue
		}
		for i := range got {
			if !got[i].Equal(c.want[i]) {
				t.Errorf("%s: certificate %d is %s", name, i, got[i].Subject)
			}
		}
	}
}

func TestTrustedRootsThatAreNone(t *testing.T) {
	a := newAuthority(t, "A")
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"empty": nil, "mark.pem": []byte("\xef\xbb\xbf"), "marks.pem": []byte("\xff\xfe"), "text": []byte("a text"), "odd": []byte("\xff\xfe-"),
		"key.pem": pemOf("PRIVATE KEY", []byte("x")), "broken.pem": pemOf("CERTIFICATE", a.Raw[:20]),
		"broken.cer": a.Raw[:len(a.Raw)-1], "behind.cer": append(append([]byte{}, a.Raw...), 1), "chain.p7b": chain(t),
		"large": make([]byte, maxCAFile+1),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if pool, err := TrustedRoots(path, "-TenantCAFile"); !HasID(err, "CAFileInvalid") || pool != nil {
			t.Errorf("%s: %v", name, err)
		} else if e := AsError(err); e.Object != path || !strings.Contains(e.Advice, "-TenantCAFile") || e.Err == nil {
			t.Errorf("%s: %+v", name, e)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "none.pem")} {
		if _, err := TrustedRoots(path, "-DirectoryCAFile"); !HasID(err, "CAFileInvalid") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if pool, err := TrustedRoots("", "-TenantCAFile"); pool != nil || err != nil {
		t.Errorf("no file: %v, %v", pool, err)
	}
}

func FuzzParseCertificates(f *testing.F) {
	a := newAuthority(f, "A")
	f.Add(a.Raw)
	f.Add(pemOf("CERTIFICATE", a.Raw))
	f.Add(chain(f, a))
	f.Fuzz(func(t *testing.T, content []byte) {
		if got, err := parseCertificates(content); (err == nil) != (len(got) > 0) {
			t.Errorf("%d certificates, %v", len(got), err)
		}
	})
}
