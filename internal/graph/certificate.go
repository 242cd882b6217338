package graph

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/google/uuid"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// certificateCredential reads the file once, and returns a function that creates the
// credential.
func certificateCredential(config contract.SourceConfig, hosts endpoints, options policy.ClientOptions) (func() (azcore.TokenCredential, error), error) {
	certificates, key, err := readCertificate(config.CertificatePath, config.CertificatePassword)
	if err != nil {
		return nil, err
	}
	if err := stillValid(certificates[0], config.CertificatePath, time.Now()); err != nil {
		return nil, err
	}
	return func() (azcore.TokenCredential, error) {
		credential, err := azidentity.NewClientCertificateCredential(config.TenantID, config.ClientID, certificates, key,
			&azidentity.ClientCertificateCredentialOptions{
				ClientOptions: options, DisableInstanceDiscovery: hosts.private, SendCertificateChain: true,
			})
		if err != nil {
			return nil, invalidSetting("Credential", clean(err.Error()), "Check the client id and the certificate.")
		}
		return credential, nil
	}, nil
}

// readCertificate reads a PFX or PEM file with an RSA key. The certificate that belongs
// to the key comes first in the result.
func readCertificate(path string, password contract.Secret) ([]*x509.Certificate, *rsa.PrivateKey, error) {
	invalid := func(what string, err error) error {
		return &contract.Error{
			Category: contract.InvalidData, ID: "CertificateFileInvalid", Object: path, Err: cause(err),
			Message: "The certificate file is not valid: " + what + ".",
			Advice:  "Specify a PFX file, or a PEM file that contains the certificate and its unencrypted RSA private key.",
		}
	}
	content, err := readSmallFile(path)
	if err != nil {
		return nil, nil, invalid("it cannot be read", err)
	}
	certificates, key, err := parseCertificate(content, password.Reveal())
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		what := "The password of the certificate file is wrong."
		if password.IsZero() {
			what = "The certificate file is protected by a password, but no password was specified."
		}
		return nil, nil, &contract.Error{
			Category: contract.Authentication, ID: "CertificatePasswordWrong", Object: path, Message: what,
			Advice: "Specify the password that the file was exported with.",
		}
	case err != nil:
		return nil, nil, invalid("it is not a PFX or PEM file with a certificate and its private key", err)
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, nil, invalid("its key is not an RSA key, which Entra requires", nil)
	}
	for i, c := range certificates {
		if private.PublicKey.Equal(c.PublicKey) {
			certificates[0], certificates[i] = certificates[i], certificates[0]
			return certificates, private, nil
		}
	}
	return nil, nil, invalid("its private key does not belong to any of its certificates", nil)
}

func parseCertificate(content []byte, password string) ([]*x509.Certificate, crypto.PrivateKey, error) {
	if !bytes.Contains(content, []byte("-----BEGIN ")) {
		key, own, chain, err := pkcs12.DecodeChain(content, password)
		return append([]*x509.Certificate{own}, chain...), key, err
	}
	for rest := content; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
			return nil, nil, errors.New("encrypted PEM keys are not supported")
		}
	}
	return azidentity.ParseCertificates(content, nil)
}

func stillValid(certificate *x509.Certificate, object string, now time.Time) error {
	if now.After(certificate.NotAfter) {
		return &contract.Error{
			Category: contract.Authentication, ID: "ClientCertificateExpired", Object: object,
			Message: fmt.Sprintf("The certificate %q expired on %s.", clean(certificate.Subject.String()), directory.Moment(certificate.NotAfter)),
			Advice:  "Create a new certificate, add it to the app registration, and connect with it.",
		}
	}
	return nil
}

// assertion makes the signed statement by which an application proves that it holds a
// certificate's key (RFC 7523), without access to the key.
type assertion struct {
	clientID, audience string
	certificate        *x509.Certificate
	key                *rsa.PublicKey
	holder             func(ctx context.Context, digest []byte, padding string) ([]byte, error)
}

// assertionLifetime is the lifetime that Microsoft's libraries use.
const assertionLifetime = 10 * time.Minute

func newAssertion(config contract.SourceConfig, hosts endpoints) (*assertion, error) {
	certificate, err := x509.ParseCertificate(config.Certificate)
	if err != nil {
		return nil, invalidSetting("Certificate", "it is not a DER-encoded X.509 certificate", "Specify the public part of the certificate.")
	}
	key, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, invalidSetting("Certificate", "its key is not an RSA key", "Use a certificate with an RSA key, which Entra requires.")
	}
	if err := stillValid(certificate, "Certificate", time.Now()); err != nil {
		return nil, err
	}
	return &assertion{
		clientID: config.ClientID, audience: hosts.authority + "/" + config.TenantID + "/oauth2/v2.0/token",
		certificate: certificate, key: key, holder: config.Sign,
	}, nil
}

// sign asks for RSASSA-PSS, which Microsoft recommends. If the key's provider does not
// support it, as older Windows providers do not, sign asks for PKCS #1.
func (a *assertion) sign(ctx context.Context, now time.Time) (string, error) {
	signed, err := a.signWith(ctx, now, jwt.SigningMethodPS256, "Pss")
	if err == nil || ctx.Err() != nil {
		return signed, err
	}
	signed, second := a.signWith(ctx, now, jwt.SigningMethodRS256, "Pkcs1")
	if second == nil {
		return signed, nil
	}
	var known *contract.Error
	if errors.As(err, &known) {
		return "", known
	}
	return "", &contract.Error{
		Category: contract.Authentication, ID: "ClientCertificateInvalid", Object: clean(a.certificate.Subject.String()), Err: cause(err),
		Message: "Signing with the certificate's private key failed.",
		Advice:  "Check that the certificate store has the private key and that this account can use it.",
	}
}

func (a *assertion) signWith(ctx context.Context, now time.Time, method jwt.SigningMethod, padding string) (string, error) {
	thumbprint := sha256.Sum256(a.certificate.Raw)
	token := jwt.NewWithClaims(method, jwt.MapClaims{
		"aud": a.audience, "iss": a.clientID, "sub": a.clientID, "jti": uuid.NewString(),
		"nbf": now.Unix(), "iat": now.Unix(), "exp": now.Add(assertionLifetime).Unix(),
	})
	token.Header["x5t#S256"] = base64.RawURLEncoding.EncodeToString(thumbprint[:])
	token.Header["x5c"] = []string{base64.StdEncoding.EncodeToString(a.certificate.Raw)}
	input, err := token.SigningString()
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256([]byte(input))
	signature, err := a.holder(ctx, digest[:], padding)
	if err != nil {
		return "", err
	}
	// golang-jwt would take a salt of any length, RFC 7518 (3.5) wants the hash's.
	if method == jwt.SigningMethod(jwt.SigningMethodPS256) {
		err = rsa.VerifyPSS(a.key, crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		err = method.Verify(input, signature, a.key)
	}
	if err != nil {
		return "", errors.New("the signature does not match the certificate")
	}
	return input + "." + token.EncodeSegment(signature), nil
}
