// Package server is a domain controller of Active Directory in this process: LDAP over
// TLS on a loopback address, a domain in memory, and behaviour of Windows that Samba
// lacks. It is written from MS-ADTS, MS-DTYP and RFC 4511 and imports nothing from the
// client that is tested against it.
//
// It supports: simple binds with the data codes of Windows; search with filters in
// three-valued logic, pages, value ranges, extended names, deleted objects; add, modify
// (permissive), ModifyDN and delete (whole trees); security descriptors with entries
// that allow; links with back links; update sequence numbers; tombstones and their
// restore; replication cursors, without replication. It does not support: Kerberos, a
// global catalog, the recycle bin, schema changes, referrals to existing domain
// controllers, descriptors with entries that deny, rights to single attributes, and
// attributes and classes other than those in schema.go (objectCategory is missing).
//
// If the filter names an indexed attribute, the cost of a search depends on what it
// finds. The cost of a change depends on what it changes, not on the size of the group.
//
// The server was never compared with a real Windows. Where the documents say nothing,
// it does what is harder for a client or what administrators report: the result codes
// of refused members, operationsError for a range after the last value, no new uSN when
// a delayed removal ends, 52e for an unknown user.
package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
)

// Options change what the server does. The zero value has the limits of a new Windows
// installation.
type Options struct {
	// MaxValRange is the number of values of one attribute in an answer, 1500 if it is
	// 0. MaxPageSize is the number of entries, 1000 if it is 0 (MS-ADTS 3.1.1.3.4.6).
	MaxValRange, MaxPageSize int
	// LinkLimit is how many values one change removes at once, 10000 if it is 0. The
	// others stay visible until FinishLinkRemoval, and the group is busy until then
	// (MS-ADTS 3.1.1.1.16).
	LinkLimit int
	// Catalog makes the server say that it is a global catalog. It still does not
	// answer searches of the whole forest.
	Catalog bool
	// NoExchange leaves out Exchange's version in the schema and its organisation. The
	// attributes stay.
	NoExchange bool
	// RecycleBin switches the recycle bin on.
	RecycleBin bool
	// Report is told about defects of the server itself; if it is nil, they panic.
	Report func(format string, arguments ...any)
}

// Server is a running domain controller of the domain litware.test.
type Server struct {
	// LDAPS and LDAP are the ports on 127.0.0.1, for TLS from the start and for
	// StartTLS.
	LDAPS, LDAP string
	// CA and OtherCA are PEM certificates: the authority of the server's certificate,
	// which is valid for dc1.litware.test and 127.0.0.1, and another authority.
	CA, OtherCA []byte
	// People are the synced users.
	People []Person

	options Options
	tls     *tls.Config
	fault   atomic.Pointer[func(Operation) Fault]

	mu     sync.RWMutex // guards the domain
	domain *domain

	connections sync.WaitGroup
	closing     sync.Mutex // guards listeners and open
	listeners   []net.Listener
	open        map[net.Conn]bool // nil once the server is closed
}

// Start creates the domain and listens.
func Start(options Options) (*Server, error) {
	if options.MaxValRange == 0 {
		options.MaxValRange = 1500
	}
	if options.MaxPageSize == 0 {
		options.MaxPageSize = 1000
	}
	if options.LinkLimit == 0 {
		options.LinkLimit = 10000
	}
	if options.Report == nil {
		options.Report = func(format string, arguments ...any) { panic(fmt.Sprintf(format, arguments...)) }
	}
	s := &Server{options: options, open: make(map[net.Conn]bool)}
	var err error
	if s.domain, s.People, err = newDomain(options); err != nil {
		return nil, err
	}
	if err := s.makeCertificates(); err != nil {
		return nil, err
	}
	if s.LDAPS, err = s.listen(true); err == nil {
		s.LDAP, err = s.listen(false)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Server) listen(secure bool) (port string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s.closing.Lock()
	s.listeners = append(s.listeners, listener)
	s.closing.Unlock()
	s.connections.Go(func() {
		for {
			socket, err := listener.Accept()
			if err != nil {
				return
			}
			s.connections.Go(func() { s.serve(socket, secure) })
		}
	})
	_, port, err = net.SplitHostPort(listener.Addr().String())
	return port, err
}

// track registers an open connection. It returns false if the server is closed.
func (s *Server) track(c net.Conn) bool {
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.open == nil {
		return false
	}
	s.open[c] = true
	return true
}

func (s *Server) forget(c net.Conn) {
	s.closing.Lock()
	defer s.closing.Unlock()
	delete(s.open, c)
	_ = c.Close()
}

// Close closes all connections and waits until they have ended.
func (s *Server) Close() {
	s.closing.Lock()
	for _, l := range s.listeners {
		_ = l.Close()
	}
	for c := range s.open {
		_ = c.Close()
	}
	s.open = nil
	s.closing.Unlock()
	s.connections.Wait()
}

// SetMaxValRange changes Options.MaxValRange.
func (s *Server) SetMaxValRange(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.MaxValRange = n
}

// FinishLinkRemoval completes the delayed removal of values.
func (s *Server) FinishLinkRemoval() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.domain.objects {
		o.finish()
	}
}

// errCut ends a connection without an answer.
var errCut = errors.New("the connection is cut")
