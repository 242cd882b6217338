package ad

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
)

const (
	dialTimeout = 10 * time.Second
	// requestTimeout exceeds MaxQueryDuration, the 120 s after which a domain
	// controller ends a search by itself.
	requestTimeout = 130 * time.Second
	// maxPacket bounds one message from the server, that is one entry of a search.
	maxPacket = 64 << 20
	// oidStartTLS is the extended operation of RFC 4511, 4.14.
	oidStartTLS = "1.3.6.1.4.1.1466.20037"
)

func init() { ber.MaxPacketLengthBytes = min(maxPacket, math.MaxInt32) }

// conn is a go-ldap connection together with the socket below it.
type conn struct {
	*ldap.Conn
	host   string
	socket net.Conn
	tls    tls.ConnectionState
}

// lostError is the error of an exchange without an answer: the request may or may not
// have taken effect.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// do runs one exchange. go-ldap takes no context, so do closes the socket when ctx
// ends; closing go-ldap's connection would first wait for a writer that hangs. The
// error is either the server's answer, an *ldap.Error with a result code, or a
// *lostError.
func (c *conn) do(ctx context.Context, exchange func(*ldap.Conn) error) error {
	stop := context.AfterFunc(ctx, func() { _ = c.socket.Close() })
	defer stop()
	answered := contract.Asking(ctx, c.host)
	err := exchange(c.Conn)
	answered()
	if err == nil || isAnswer(err) {
		return err
	}
	_ = c.socket.Close()
	if ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return &lostError{err}
}

// isAnswer reports whether the error is a result code from the server, rather than one
// that go-ldap makes up for a failure on this side or on the network.
func isAnswer(err error) bool {
	var e *ldap.Error
	return errors.As(err, &e) && e.ResultCode < ldap.ErrorNetwork
}

// sound reports whether the connection is still usable.
func (c *conn) sound() bool { return !c.IsClosing() && c.GetLastError() == nil }

func (c *conn) discard() {
	_ = c.socket.Close()
	_ = c.Close()
}

// tlsConfig returns the configuration that verifies the server's certificate; nil roots
// mean the system's.
func tlsConfig(host string, roots *x509.CertPool) *tls.Config {
	return &tls.Config{ServerName: host, RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// dial connects and sets up TLS with the certificate verified. Its errors are
// contract.Errors.
func dial(ctx context.Context, e endpoint, roots *x509.CertPool) (*conn, error) {
	dialCtx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	defer contract.Asking(ctx, e.host)()
	socket, err := (&net.Dialer{}).DialContext(dialCtx, "tcp", e.String())
	if err != nil {
		return nil, connectError(ctx, e, err, dialError)
	}
	stop := context.AfterFunc(dialCtx, func() { _ = socket.Close() })
	defer stop()
	if e.startTLS {
		if err := startTLS(socket); err != nil {
			_ = socket.Close()
			return nil, connectError(ctx, e, err, startTLSError)
		}
	}
	secured := tls.Client(socket, tlsConfig(e.host, roots))
	if err := secured.HandshakeContext(dialCtx); err != nil {
		_ = socket.Close()
		return nil, connectError(ctx, e, err, handshakeError)
	}
	c := &conn{Conn: ldap.NewConn(secured, true), host: e.host, socket: socket, tls: secured.ConnectionState()}
	c.SetTimeout(requestTimeout)
	c.Start()
	return c, nil
}

// startTLS asks for TLS on a fresh socket. go-ldap's own StartTLS takes no context and
// turns certificate errors into plain text.
func startTLS(socket net.Conn) error {
	request := ber.NewSequence("LDAP Request")
	request.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 1, "MessageID"))
	operation := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationExtendedRequest, nil, "Extended Request")
	operation.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, oidStartTLS, "StartTLS"))
	request.AppendChild(operation)
	if _, err := socket.Write(request.Bytes()); err != nil {
		return err
	}
	response, err := ber.ReadPacket(socket)
	if err != nil {
		return err
	}
	return ldap.GetLDAPError(response)
}
