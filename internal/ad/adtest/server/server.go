// Package server is a domain controller of Active Directory in this process:
// LDAP over TLS on a loopback address, a domain in memory, and what Windows
// does that Samba does not. It is written from MS-ADTS, MS-DTYP and RFC 4511
// and imports nothing of the client that is tested against it.
//
// It knows: simple binds with the data codes of Windows; search with filters in
// three-valued logic, pages, ranges of values, extended names, deleted objects;
// add, modify (permissive), ModifyDN and delete (whole trees); security
// descriptors with entries that allow; links with back links; update sequence
// numbers; tombstones and their restoring; cursors of a replication that does
// not take place. It does not know: Kerberos, a global catalog, the recycle bin,
// schema changes, referrals to other domain controllers that exist, descriptors
// with entries that deny, rights on single attributes, and attributes and
// classes beyond those of schema.go (objectCategory is missing).
//
// Where the filter has an attribute with an index, a search costs what it finds; a
// change costs what it changes, whatever the size of the group.
//
// It was never compared with a real Windows. Where the documents say nothing, it
// does what is harder for a client or what administrators report: the result
// codes of refused members, operationsError for a range behind the last value,
// no new uSN when a delayed removal ends, an unknown user refused as 52e.
package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
)

// Options change what the server does. The zero value has the limits of Windows as
// installed.
type Options struct {
	// MaxValRange is the number of values of one attribute in an answer, 1500
	// if 0; MaxPageSize that of entries, 1000 if 0 (MS-ADTS 3.1.1.3.4.6).
	MaxValRange, MaxPageSize int
	// LinkLimit is how many values one change removes at once, 10000 if 0. The
	// others stay visible until FinishLinkRemoval, and the group is busy until
	// then (MS-ADTS 3.1.1.1.16).
	LinkLimit int
	// Catalog: it says that it is a global catalog. It answers no search of the
	// whole forest all the same.
	Catalog bool
	// Report is told of defects of the server itself; nil: they panic.
	Report func(format string, arguments ...any)
}

// Server is a running domain controller with the domain litware.test.
type Server struct {
	// LDAPS and LDAP are the ports on 127.0.0.1: TLS at once, and by StartTLS.
	LDAPS, LDAP string
	// CA and OtherCA are certificates in PEM: the authority of the server's
	// certificate, which is for dc1.litware.test and 127.0.0.1, and another.
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
	open        map[net.Conn]bool // nil: closed
}

// Start makes the domain and listens.
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

// track remembers an open connection, or says that the server is closed.
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

// Close ends all connections and waits for them.
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

// SetMaxValRange changes that option.
func (s *Server) SetMaxValRange(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.MaxValRange = n
}

// FinishLinkRemoval does what is left of removals of many values.
func (s *Server) FinishLinkRemoval() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.domain.objects {
		o.finish()
	}
}

// errCut ends a connection without an answer.
var errCut = errors.New("the connection is cut")
