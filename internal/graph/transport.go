package graph

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"
	khttp "github.com/microsoft/kiota-http-go"
)

const (
	// maxAnswer bounds an answer after decompression. A page of 999 members has about
	// half a MiB.
	maxAnswer = 32 << 20
	// answerTimeout bounds one attempt, from connecting to the last byte.
	answerTimeout = 2 * time.Minute
)

var (
	errTooLarge = errors.New("the response is too large")
	errCutOff   = errors.New("the response was cut off")
	errNotJSON  = errors.New("the response is not JSON")
)

// newTransport returns a transport that verifies certificates against roots, or against
// the system's if roots is nil.
func newTransport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:   15 * time.Second,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   maxReaders,
		IdleConnTimeout:       90 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// noRedirect keeps credentials with the host they are meant for. Neither Graph nor the
// sign-in service redirects the requests made here.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// client returns a client whose requests pass through the layers, from the outside in.
// The SDK's own layers are not among them (ADR 4).
func client(wire http.RoundTripper, layers ...khttp.Middleware) *http.Client {
	return &http.Client{Transport: khttp.NewCustomTransportWithParentTransport(wire, layers...), CheckRedirect: noRedirect}
}

// buffered reads every answer to its end, within a time and a size. An answer that was
// cut off is then a fault that the gate can retry, and never looks like a short list.
type buffered struct {
	limit   int64
	timeout time.Duration
}

// whole is a body that was read to its end.
type whole struct {
	io.Reader
	content []byte
}

func wholeOf(content []byte) whole { return whole{bytes.NewReader(content), content} }

// Close implements [io.Closer].
func (whole) Close() error { return nil }

// Intercept implements [khttp.Middleware].
func (b buffered) Intercept(pipeline khttp.Pipeline, next int, req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), b.timeout)
	defer cancel()
	resp, err := pipeline.Next(req.WithContext(ctx), next)
	if err != nil {
		return nil, b.explain(req, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, b.limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errCutOff, b.explain(req, err))
	case int64(len(body)) > b.limit:
		return nil, fmt.Errorf("%w: more than %d bytes", errTooLarge, b.limit)
	case resp.StatusCode == http.StatusOK && !json.Valid(body):
		return nil, fmt.Errorf("%w: %d bytes of type %q", errNotJSON, len(body), resp.Header.Get("Content-Type"))
	}
	resp.Body, resp.ContentLength = wholeOf(body), int64(len(body))
	return resp, nil
}

// explain distinguishes the attempt's own time-out from the end of the caller's
// context.
func (b buffered) explain(req *http.Request, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && req.Context().Err() == nil {
		return fmt.Errorf("no complete response within %v", b.timeout)
	}
	return err
}

// authorizer renews the token of each attempt. The adapter has authorized the request,
// but that may have been half an hour ago, before it waited at the gate. It sends the
// token only to the endpoint, wherever a link in an answer points.
type authorizer struct {
	tokens   *tokenSource
	endpoint string
}

// Intercept implements [khttp.Middleware].
func (a authorizer) Intercept(pipeline khttp.Pipeline, next int, req *http.Request) (*http.Response, error) {
	if !sameHost(req.URL, a.endpoint) {
		return nil, call{doing: "following a link in a response", object: a.endpoint}.elsewhere(req.URL)
	}
	send := func(token string) (*http.Response, error) {
		try := req.Clone(req.Context())
		if req.GetBody != nil {
			var err error
			if try.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
		try.Header.Set("Authorization", "Bearer "+token)
		return pipeline.Next(try, next)
	}
	token, err := a.tokens.token(req.Context())
	if err != nil {
		return nil, err
	}
	resp, err := send(token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	// A new token may be available before this one expires: the token was revoked, or
	// the clocks differ.
	fresh, err := a.tokens.replace(req.Context(), token)
	if err != nil {
		return nil, err
	}
	if fresh == token {
		return resp, nil
	}
	return send(fresh)
}

const throttlePriority = "x-ms-throttle-priority"

// exchange gives each request an id, asks for the low priority suitable for a
// background job, and turns every answer other than success into a [statusError].
type exchange struct{}

// Intercept implements [khttp.Middleware].
func (exchange) Intercept(pipeline khttp.Pipeline, next int, req *http.Request) (*http.Response, error) {
	try := req.Clone(req.Context())
	try.Header.Set("client-request-id", uuid.NewString())
	try.Header.Set(throttlePriority, "low")
	resp, err := pipeline.Next(try, next)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, newStatusError(resp.StatusCode, resp.Header, resp.Body)
	}
	return resp, nil
}
