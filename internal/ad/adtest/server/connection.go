package server

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

const (
	oidStartTLS         = "1.3.6.1.4.1.1466.20037"
	oidWhoAmI           = "1.3.6.1.4.1.4203.1.11.3"
	oidPermissiveModify = "1.2.840.113556.1.4.1413"
	oidTreeDelete       = "1.2.840.113556.1.4.805"
	oidExtendedDN       = "1.2.840.113556.1.4.529"
	oidShowDeleted      = "1.2.840.113556.1.4.417"
	oidDomainScope      = "1.2.840.113556.1.4.1339"

	// maxReceiveBuffer is the size of the longest request (MS-ADTS 3.1.1.3.4.6).
	maxReceiveBuffer = 10 << 20
)

var supportedControls = []string{ldap.ControlTypePaging, oidPermissiveModify, oidTreeDelete, oidExtendedDN, oidShowDeleted, oidDomainScope, ldap.ControlTypeMicrosoftSDFlags}

// controls are the controls of a request.
type controls struct {
	paging                                           *ldap.ControlPaging
	extended                                         extendedName
	permissive, treeDelete, showDeleted, domainScope bool
	// descriptor says which parts of a security descriptor the request means; 0 means
	// not specified.
	descriptor int64
}

// session is one connection.
type session struct {
	*Server
	socket net.Conn
	reader *bufio.Reader
	secure bool
	user   *object // nil if anonymous
	name   string  // the user's sAMAccountName when it bound
	count  int
}

func (s *Server) serve(socket net.Conn, secure bool) {
	if !s.track(socket) {
		_ = socket.Close()
		return
	}
	defer s.forget(socket)
	c := &session{Server: s, socket: socket, secure: secure}
	if secure {
		c.socket = tls.Server(socket, s.tls)
	}
	c.reader = bufio.NewReader(c.socket)
	for c.next() == nil {
	}
}

// next reads one request and answers it. A message that is not LDAP ends the
// connection, as does any returned error.
func (c *session) next() (err error) {
	message, err := ber.ReadPacket(io.LimitReader(c.reader, maxReceiveBuffer))
	if err != nil {
		return err
	}
	if message.Tag != ber.TagSequence || len(message.Children) < 2 || message.Children[1].ClassType != ber.ClassApplication {
		return errCut
	}
	defer func() {
		if defect := recover(); defect != nil {
			c.options.Report("the server failed on a request: %v", defect)
			err = errCut
		}
	}()
	id, request := integerOf(message.Children[0]), message.Children[1]
	var with controls
	var bad *result
	if len(message.Children) > 2 {
		with, bad = parseControls(message.Children[2])
	}
	c.count++
	operation := describe(request)
	operation.Number = c.count
	operation.User = c.name
	operation.Paged = with.paging != nil
	fault := None
	if operation.Kind != "" {
		fault = c.faultOf(operation)
	}
	switch fault {
	case Cut:
		return errCut
	case Silent:
		return nil
	case Busy:
		bad = busy()
	case Unavailable:
		bad = refuse(ldap.LDAPResultUnavailable, 0x200F, "SvcErr: DSID-03200BA8, problem 5002 (UNAVAILABLE), data 0")
	case TimedOut:
		bad = refuse(ldap.LDAPResultTimeLimitExceeded, 0x2023, "SvcErr: DSID-03200BA8, problem 5003 (TIME_LIMIT), data 0")
	}
	if request.Tag == ldap.ApplicationUnbindRequest {
		return io.EOF
	}
	if request.Tag == ldap.ApplicationAbandonRequest {
		return nil
	}
	var answer searchAnswer
	var name, value string
	if bad == nil {
		answer, name, value, bad = c.answer(request, with)
	}
	if fault == Lost {
		return errCut
	}
	if fault == Limited {
		answer = searchAnswer{entries: answer.entries[:len(answer.entries)/2]}
		bad = refuse(ldap.LDAPResultSizeLimitExceeded, 0, "")
	}
	for _, e := range answer.entries {
		if err := c.send(id, e, nil); err != nil {
			return err
		}
	}
	if fault == Half {
		return errCut
	}
	if fault == NoPaging {
		answer.controls = nil
	}
	if err := c.send(id, done(request.Tag, bad, name, value), answer.controls); err != nil {
		return err
	}
	if name == oidStartTLS && bad == nil {
		c.socket, c.secure = tls.Server(c.socket, c.tls), true
		c.reader = bufio.NewReader(c.socket)
	}
	return nil
}

// answer performs the operation. name and value belong to an extended response.
func (c *session) answer(p *ber.Packet, with controls) (answer searchAnswer, name, value string, bad *result) {
	switch p.Tag {
	case ldap.ApplicationBindRequest:
		return answer, "", "", c.bind(p)
	case ldap.ApplicationSearchRequest:
		answer, bad = c.search(c.user, p, with)
		return answer, "", "", bad
	case ldap.ApplicationExtendedRequest:
		name, value, bad = c.extended(p)
		return answer, name, value, bad
	}
	if c.user == nil {
		return answer, "", "", refuse(ldap.LDAPResultOperationsError, 0x4DC, "LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind must be completed on the connection., data 0, v4563")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	w := writer{domain: c.domain, token: c.domain.tokenOf(c.user), account: c.user}
	switch p.Tag {
	case ldap.ApplicationAddRequest:
		bad = w.add(p)
	case ldap.ApplicationModifyRequest:
		bad = w.modify(p, with)
	case ldap.ApplicationModifyDNRequest:
		bad = w.modifyDN(p)
	case ldap.ApplicationDelRequest:
		bad = w.delete(content(p), with.treeDelete)
	default:
		bad = refuse(ldap.LDAPResultProtocolError, 0x57, "LdapErr: DSID-0C0C0069, comment: unknown operation, data 0, v4563")
	}
	return answer, "", "", bad
}

func (c *session) extended(p *ber.Packet) (name, value string, bad *result) {
	switch name = content(p.Children[0]); name {
	case oidStartTLS:
		if c.secure {
			bad = refuse(ldap.LDAPResultOperationsError, 0, "LdapErr: DSID-0C0C006F, comment: TLS is in use already, data 0, v4563")
		}
		return name, "", bad
	case oidWhoAmI:
		if c.user != nil {
			value = "u:" + netbios + `\` + c.name
		}
		return "", value, nil
	}
	return "", "", refuse(ldap.LDAPResultProtocolError, 0x57, "LdapErr: DSID-0C0C0069, comment: unknown extended operation, data 0, v4563")
}

// describe returns the request in the form for a fault function. It has no kind if the
// request gets no answer.
func describe(p *ber.Packet) Operation {
	var o Operation
	text := func(p *ber.Packet) string { return content(p) }
	switch p.Tag {
	case ldap.ApplicationBindRequest:
		o = Operation{Kind: "bind", DN: text(p.Children[1])}
	case ldap.ApplicationSearchRequest:
		o = Operation{Kind: "search", DN: text(p.Children[0])}
		for _, c := range p.Children[7].Children {
			o.Attributes = append(o.Attributes, text(c))
		}
	case ldap.ApplicationAddRequest:
		o = Operation{Kind: "add", DN: text(p.Children[0])}
	case ldap.ApplicationModifyRequest:
		o = Operation{Kind: "modify", DN: text(p.Children[0])}
		for _, c := range p.Children[1].Children {
			o.Attributes = append(o.Attributes, text(c.Children[1].Children[0]))
			o.Values = max(o.Values, len(c.Children[1].Children[1].Children))
		}
	case ldap.ApplicationModifyDNRequest:
		o = Operation{Kind: "modifyDN", DN: text(p.Children[0])}
	case ldap.ApplicationDelRequest:
		o = Operation{Kind: "delete", DN: text(p)}
	case ldap.ApplicationExtendedRequest:
		o = Operation{Kind: "extended", DN: text(p.Children[0])}
	}
	return o
}

func parseControls(p *ber.Packet) (c controls, bad *result) {
	for _, packet := range p.Children {
		critical := len(packet.Children) > 1 && packet.Children[1].Tag == ber.TagBoolean && packet.Children[1].Value.(bool)
		switch oid := content(packet.Children[0]); oid {
		case ldap.ControlTypePaging:
			decoded, err := ldap.DecodeControl(packet)
			if err != nil {
				return c, refuse(ldap.LDAPResultProtocolError, 0x57, err.Error())
			}
			c.paging = decoded.(*ldap.ControlPaging)
		case oidExtendedDN:
			// The control has no value, or SEQUENCE { Flag INTEGER }.
			c.extended = hexName
			if last := packet.Children[len(packet.Children)-1]; len(packet.Children) > 1 && last.Tag == ber.TagOctetString {
				flag, err := ber.DecodePacketErr(last.Data.Bytes())
				if err != nil || len(flag.Children) != 1 {
					return c, refuse(ldap.LDAPResultProtocolError, 0x57, "the control is malformed")
				}
				if integerOf(flag.Children[0]) == 1 {
					c.extended = textName
				}
			}
		case oidPermissiveModify:
			c.permissive = true
		case oidTreeDelete:
			c.treeDelete = true
		case oidShowDeleted:
			c.showDeleted = true
		case oidDomainScope:
			c.domainScope = true
		case ldap.ControlTypeMicrosoftSDFlags:
			flags, err := ber.DecodePacketErr(packet.Children[len(packet.Children)-1].Data.Bytes())
			if err != nil || len(flags.Children) != 1 {
				return c, refuse(ldap.LDAPResultProtocolError, 0x57, "the control is malformed")
			}
			c.descriptor = integerOf(flags.Children[0])
		default:
			if critical {
				return c, refuse(ldap.LDAPResultUnavailableCriticalExtension, 0x57, "LdapErr: DSID-0C090F31, comment: unknown critical control "+oid+", data 0, v4563")
			}
		}
	}
	return c, nil
}

// done returns the final response to a request of that kind.
func done(request ber.Tag, r *result, name, value string) *ber.Packet {
	tag := request + 1
	if request == ldap.ApplicationExtendedRequest {
		tag = ldap.ApplicationExtendedResponse
	}
	if r == nil {
		r = &result{}
	}
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "response")
	if request == ldap.ApplicationSearchRequest {
		p.Tag = ldap.ApplicationSearchResultDone
	}
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(r.code), ""))
	p.AppendChild(octetString(r.matched))
	p.AppendChild(octetString(r.text))
	if len(r.referrals) > 0 {
		list := ber.Encode(ber.ClassContext, ber.TypeConstructed, 3, nil, "referral")
		for _, url := range r.referrals {
			list.AppendChild(octetString(url))
		}
		p.AppendChild(list)
	}
	if name != "" {
		p.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 10, name, ""))
	}
	if value != "" {
		p.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 11, value, ""))
	}
	return p
}

func (c *session) send(id int64, p *ber.Packet, with []ldap.Control) error {
	message := ber.NewSequence("message")
	message.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	message.AppendChild(p)
	if len(with) > 0 {
		list := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "controls")
		for _, control := range with {
			list.AppendChild(control.Encode())
		}
		message.AppendChild(list)
	}
	_, err := c.socket.Write(message.Bytes())
	return err
}

func integerOf(p *ber.Packet) int64 {
	n, _ := p.Value.(int64)
	return n
}

// sameText compares text as Active Directory does.
func sameText(a, b string) bool { return strings.EqualFold(a, b) || fold(a) == fold(b) }

// content returns the octets of a primitive value.
func content(p *ber.Packet) string { return p.Data.String() }
