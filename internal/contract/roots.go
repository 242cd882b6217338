package contract

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf16"
)

// maxCAFile bounds a file of certificates. The bundle of a whole system has about 200
// KiB.
const maxCAFile = 4 << 20

// TrustedRoots reads the certificates to trust instead of the system's. It returns nil if
// path is empty. The parameter is the one of Connect-GroupWriteback that names the file.
//
// Errors: CAFileInvalid.
func TrustedRoots(path, parameter string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	content, err := readCAFile(path)
	var certificates []*x509.Certificate
	if err == nil {
		certificates, err = parseCertificates(content)
	}
	if err != nil {
		return nil, &Error{
			Category: InvalidData, ID: "CAFileInvalid", Object: path, Err: err,
			Message: "The file with the trusted certificates is not valid.",
			Advice: "Specify with " + parameter + " a file that contains the authority's certificate, in a format that Windows exports: " +
				"Base-64 encoded or DER encoded X.509 (.CER), or PKCS #7 (.P7B).",
		}
	}
	pool := x509.NewCertPool()
	for _, c := range certificates {
		pool.AddCert(c)
	}
	return pool, nil
}

func readCAFile(path string) ([]byte, error) {
	// Opening a pipe would block until somebody writes to it.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxCAFile+1))
	if err == nil && len(content) > maxCAFile {
		err = fmt.Errorf("it is larger than %d bytes", maxCAFile)
	}
	return content, err
}

var errNoCertificate = errors.New("it contains no certificate")

// parseCertificates reads PEM or DER. PEM text may be UTF-8 or UTF-16, with or without a
// byte-order mark, because PowerShell redirects to files in UTF-16.
func parseCertificates(content []byte) ([]*x509.Certificate, error) {
	if certificates, err := parseDER(content); err == nil {
		return certificates, nil
	}
	var found []*x509.Certificate
	problem := errNoCertificate
	for block, rest := pem.Decode(asUTF8(content)); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE", "X509 CERTIFICATE", "PKCS7":
			certificates, err := parseDER(block.Bytes)
			if err != nil {
				problem = err
			}
			found = append(found, certificates...)
		case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
			problem = errors.New("it contains a private key but no certificate")
		}
	}
	if len(found) == 0 {
		return nil, problem
	}
	return found, nil
}

// parseDER reads one or more certificates, or a PKCS #7 file.
func parseDER(der []byte) ([]*x509.Certificate, error) {
	certificates, err := x509.ParseCertificates(der)
	if err != nil {
		var inside []byte
		if inside, err = certificatesOfPKCS7(der); err == nil {
			certificates, err = x509.ParseCertificates(inside)
		}
	}
	if err == nil && len(certificates) == 0 {
		err = errNoCertificate
	}
	return certificates, err
}

// certificatesOfPKCS7 returns the concatenated certificates of signed data (RFC 2315,
// 9.1). Windows exports chains in this form, without a signature.
func certificatesOfPKCS7(der []byte) ([]byte, error) {
	var info struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"explicit,tag:0"`
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, errNoCertificate
	}
	var signed struct {
		Version      int
		Digests      asn1.RawValue
		Content      asn1.RawValue
		Certificates asn1.RawValue `asn1:"optional,tag:0"`
		Rest         asn1.RawValue `asn1:"optional"`
		Signers      asn1.RawValue `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(info.Content.Bytes, &signed); err != nil {
		return nil, errNoCertificate
	}
	return signed.Certificates.Bytes, nil
}

// asUTF8 returns the text in UTF-8, without a byte-order mark. Without a mark, it
// recognises UTF-16 by the zero bytes next to ASCII characters.
func asUTF8(text []byte) []byte {
	var order binary.ByteOrder
	dash := bytes.Index(text, []byte("-\x00-"))
	switch {
	case bytes.HasPrefix(text, []byte("\xef\xbb\xbf")):
		return text[3:]
	case bytes.HasPrefix(text, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(text, []byte("\xfe\xff")):
		order = binary.BigEndian
	case dash < 0:
		return text
	case dash%2 == 0:
		order = binary.LittleEndian
	default:
		order = binary.BigEndian
	}
	units := make([]uint16, 0, len(text)/2)
	for ; len(text) >= 2; text = text[2:] {
		units = append(units, order.Uint16(text))
	}
	return bytes.TrimPrefix([]byte(string(utf16.Decode(units))), []byte("\xef\xbb\xbf"))
}
