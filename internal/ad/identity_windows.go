package ad

import (
	"context"

	"github.com/go-ldap/ldap/v3/gssapi"

	"groupwriteback/internal/contract"
)

// identityBinder signs in by SSPI as the user that the process runs as.
type identityBinder struct {
	server    endpoint
	principal string
}

func newIdentityBinder(e endpoint, principal string) (binder, error) {
	return identityBinder{server: e, principal: principal}, nil
}

func (b identityBinder) bind(ctx context.Context, c *conn) error {
	session, err := gssapi.NewSSPIClientWithChannelBinding(c.tls.PeerCertificates[0])
	if err != nil {
		return b.failed(err)
	}
	defer func() { _ = session.Close() }()
	ours, err := gssapiBind(ctx, c, session, b.principal, nil)
	if ours != nil {
		return b.failed(ours)
	}
	if err != nil {
		return bindError(ctx, b.server, "", err)
	}
	return nil
}

func (b identityBinder) failed(err error) error {
	return &contract.Error{
		Category: contract.Authentication, ID: "KerberosFailed", Object: b.server.String(),
		Message: "The sign-in as the current user failed.",
		Advice:  "Run as a domain account (LocalSystem acts as the computer account), and connect with the full DNS name of the domain controller.", Err: err,
	}
}

func (identityBinder) close() {}
