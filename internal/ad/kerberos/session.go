package kerberos

import (
	"crypto/md5"
	"encoding/binary"

	"github.com/go-ldap/ldap/v3"
	"github.com/go-ldap/ldap/v3/gssapi"
	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/asn1tools"
	"github.com/jcmturner/gokrb5/v8/client"
	krbgssapi "github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/iana/chksumtype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// Session returns a GSSAPI session for one bind over TLS. The bindings are the MD5 hash
// of the channel's bindings (RFC 4121, 4.1.1.2).
func (t *Tickets) Session(bindings [md5.Size]byte) ldap.GSSAPIClient {
	return &boundSession{Client: gssapi.Client{Client: t.client}, bindings: bindings}
}

// boundSession is go-ldap's GSSAPI client, which sends no channel bindings, with a
// first token that includes them. A domain controller may require them
// (LdapEnforceChannelBinding).
type boundSession struct {
	gssapi.Client
	bindings [md5.Size]byte
}

func (s *boundSession) InitSecContext(service string, input []byte) ([]byte, bool, error) {
	return s.InitSecContextWithOptions(service, input, nil)
}

func (s *boundSession) InitSecContextWithOptions(service string, input []byte, options []int) ([]byte, bool, error) {
	output, more, err := s.Client.InitSecContextWithOptions(service, input, options)
	if err != nil || input != nil {
		return output, more, err
	}
	// The embedded client has kept the session key of the same cached ticket.
	ticket, key, err := s.GetServiceTicket(service)
	if err != nil {
		return nil, false, err
	}
	token, err := apRequest(s.Client.Client, ticket, key, s.bindings, options)
	return token, true, err
}

// apRequest returns the first token of RFC 4121, 4.1.
func apRequest(c *client.Client, ticket messages.Ticket, key types.EncryptionKey, bindings [md5.Size]byte, options []int) ([]byte, error) {
	authenticator, err := types.NewAuthenticator(c.Credentials.Domain(), c.Credentials.CName())
	if err != nil {
		return nil, err
	}
	authenticator.Cksum = types.Checksum{CksumType: chksumtype.GSSAPI, Checksum: authenticatorChecksum(bindings)}
	request, err := messages.NewAPReq(ticket, key, authenticator)
	if err != nil {
		return nil, err
	}
	for _, option := range options {
		types.SetFlag(&request.APOptions, option)
	}
	encoded, err := request.Marshal()
	if err != nil {
		return nil, err
	}
	token, err := asn1.Marshal(krbgssapi.OIDKRB5.OID())
	if err != nil {
		return nil, err
	}
	token = append(token, 1, 0) // the token is an AP-REQ
	return asn1tools.AddASNAppTag(append(token, encoded...), 0), nil
}

// authenticatorChecksum returns the field of RFC 4121, 4.1.1: the length of the
// bindings, the bindings, the flags.
func authenticatorChecksum(bindings [md5.Size]byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, md5.Size)
	b = append(b, bindings[:]...)
	return binary.LittleEndian.AppendUint32(b,
		krbgssapi.ContextFlagInteg|krbgssapi.ContextFlagConf|krbgssapi.ContextFlagMutual)
}
