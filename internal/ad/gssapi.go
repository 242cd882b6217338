package ad

import (
	"context"

	"github.com/go-ldap/ldap/v3"
)

// gssapiBind signs in by SASL with the GSSAPI mechanism and no security layer, because
// TLS already protects the connection. ours is an error of the session itself, such as
// a missing ticket; err is the server's refusal or a lost answer.
func gssapiBind(ctx context.Context, c *conn, session ldap.GSSAPIClient, principal string, options []int) (ours, err error) {
	recorded := &recordedSession{GSSAPIClient: session}
	err = c.do(ctx, func(l *ldap.Conn) error {
		return l.GSSAPIBindRequestWithAPOptions(recorded, &ldap.GSSAPIBindRequest{ServicePrincipalName: principal}, options)
	})
	return recorded.err, err
}

// recordedSession keeps a session's own error, which go-ldap would mix with errors of
// the connection.
type recordedSession struct {
	ldap.GSSAPIClient
	err error
}

func (s *recordedSession) InitSecContextWithOptions(principal string, input []byte, options []int) ([]byte, bool, error) {
	output, more, err := s.GSSAPIClient.InitSecContextWithOptions(principal, input, options)
	s.err = err
	return output, more, err
}

func (s *recordedSession) NegotiateSaslAuth(input []byte, authorization string) ([]byte, error) {
	output, err := s.GSSAPIClient.NegotiateSaslAuth(input, authorization)
	s.err = err
	return output, err
}
