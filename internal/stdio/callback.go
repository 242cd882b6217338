package stdio

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/creachadair/jrpc2"

	"groupwriteback/internal/contract"
)

// callTimeout is how long the client may take to answer a request of the engine.
const callTimeout = 60 * time.Second

// freshToken asks the client for another access token.
func (s *session) freshToken(ctx context.Context, tenantID, resource string) (contract.Secret, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, s.callTimeout)
	defer cancel()
	var answer struct {
		AccessToken contract.Secret `json:"accessToken"`
		ExpiresOn   time.Time       `json:"expiresOn"`
	}
	err := s.wire.call(ctx, "credential.token", map[string]string{"tenantId": tenantID, "resource": resource}, &answer)
	if err == nil && answer.AccessToken.IsZero() {
		err = errors.New("the client's response has no access token")
	}
	if err != nil {
		return contract.Secret{}, time.Time{}, callError(ctx, err, contract.Error{Category: contract.Authentication, ID: "AccessTokenExpired", Object: tenantID,
			Message: "The access token has expired and was not renewed",
			Advice:  "Connect with a fresh access token and start the sync again. It continues where it stopped."})
	}
	return answer.AccessToken, answer.ExpiresOn, nil
}

// sign asks the client to sign a SHA-256 digest with a key that it holds.
func (s *session) sign(ctx context.Context, thumbprint string, digest []byte, padding string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.callTimeout)
	defer cancel()
	var answer struct {
		Signature string `json:"signature"`
	}
	err := s.wire.call(ctx, "credential.sign", map[string]string{
		"thumbprint": thumbprint, "digest": base64.StdEncoding.EncodeToString(digest), "padding": padding}, &answer)
	var signature []byte
	if err == nil {
		if signature, err = base64.StdEncoding.DecodeString(answer.Signature); err == nil && len(signature) == 0 {
			err = errors.New("the client's response has no signature")
		}
	}
	if err != nil {
		return nil, callError(ctx, err, contract.Error{Category: contract.Authentication, ID: "SigningFailed", Object: thumbprint,
			Message: "Signing with the certificate's private key failed",
			Advice:  "Check that the certificate with this thumbprint has a private key that this account can use."})
	}
	return signature, nil
}

// callError adds to e what the client answered, or that it did not answer. If the
// request was cancelled in the meantime, it returns that error.
func callError(ctx context.Context, err error, e contract.Error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return errCancelled()
	}
	said := err.Error()
	var client *jrpc2.Error
	if errors.As(err, &client) {
		said = client.Message
	}
	e.Message = fmt.Sprintf("%s: %s.", e.Message, strings.TrimRight(clip(said), "."))
	return &e
}
