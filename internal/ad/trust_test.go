package ad

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"groupwriteback/internal/ad/adtest/server"
	"groupwriteback/internal/contract"
)

func errID(id string) error { return &contract.Error{ID: id} }

// nameService is a DNS server that returns what a test defines: addresses, aliases and
// services.
type nameService struct {
	addresses map[string]string   // by host
	aliases   map[string]string   // CNAME
	services  map[string][]string // hosts of _service._tcp.name

	mu    sync.Mutex
	asked []string
}

// use makes it the process's resolver for one test.
func (d *nameService) use(t *testing.T) {
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go d.serve(theirs)
		return ours, nil
	}}
}

// serve answers with the framing of DNS over TCP.
func (d *nameService) serve(c net.Conn) {
	defer c.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		request := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, request); err != nil {
			return
		}
		answer, err := d.answer(request)
		if err != nil {
			return
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

func (d *nameService) answer(request []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(request); err != nil {
		return nil, err
	}
	q := m.Questions[0]
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	d.mu.Lock()
	d.asked = append(d.asked, name)
	d.mu.Unlock()
	header := func(kind dnsmessage.Type) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: q.Name, Type: kind, Class: dnsmessage.ClassINET, TTL: 1}
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	if alias := d.aliases[name]; alias != "" {
		target := dnsmessage.MustNewName(alias + ".")
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: header(dnsmessage.TypeCNAME), Body: &dnsmessage.CNAMEResource{CNAME: target}})
		name, q.Name = alias, target
	}
	switch address, hosts := d.addresses[name], d.services[name]; {
	case q.Type == dnsmessage.TypeA && address != "":
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: header(dnsmessage.TypeA), Body: &dnsmessage.AResource{A: [4]byte(net.ParseIP(address).To4())}})
	case q.Type == dnsmessage.TypeSRV && hosts != nil:
		for i, host := range hosts {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header(dnsmessage.TypeSRV),
				Body: &dnsmessage.SRVResource{Priority: uint16(i), Port: 389, Target: dnsmessage.MustNewName(host + ".")}})
		}
	case address == "" && hosts == nil:
		m.RCode = dnsmessage.RCodeNameError
	}
	return m.Pack()
}

// TestDNSNamesNobody runs against a domain controller dc1.litware.test. Whatever DNS
// says, the target signs in only on a host that the administrator named, or on a host
// of the domain that the administrator named.
func TestDNSNamesNobody(t *testing.T) {
	dc, err := server.Start(server.Options{Report: t.Errorf})
	if err != nil {
		t.Fatal(err)
	}
	defer dc.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, dc.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	binds := 0
	dc.SetFault(func(o server.Operation) server.Fault {
		if o.Kind == "bind" {
			mu.Lock()
			binds++
			mu.Unlock()
		}
		return server.None
	})
	const srv = "_ldap._tcp.dc._msdcs."
	dc1 := map[string]string{"dc1.litware.test": "127.0.0.1"}
	with := func(more ...string) map[string]string {
		all := map[string]string{"dc1.litware.test": "127.0.0.1"}
		for _, name := range more {
			all[name] = "127.0.0.1"
		}
		return all
	}
	for name, c := range map[string]struct {
		server, preferred string
		dns               *nameService
		id                string // of the error; empty if it connects
		host              string // the host that it connects to
		advice            string
	}{
		"a domain":             {server: "litware.test", dns: &nameService{addresses: dc1, services: map[string][]string{srv + "litware.test": {"dc1.litware.test"}}}, host: "dc1.litware.test"},
		"other letters, a dot": {server: "LitWare.TEST.", preferred: "DC1.LITWARE.TEST.", dns: &nameService{addresses: dc1, services: map[string][]string{srv + "litware.test": {"DC1.LITWARE.test"}}}, host: "dc1.litware.test"},
		"another one beside it": {server: "litware.test", preferred: "dc1.evil.example",
			dns: &nameService{addresses: with("dc1.evil.example"), services: map[string][]string{srv + "litware.test": {"dc1.evil.example", "dc1.litware.test"}}}, host: "dc1.litware.test"},
		"a host": {server: "dc1.litware.test", dns: &nameService{addresses: dc1}, host: "dc1.litware.test"},
		"a host that DNS takes for a domain": {server: "dc1.litware.test",
			dns: &nameService{addresses: with("evil.example", "x.dc1.litware.test"), services: map[string][]string{srv + "dc1.litware.test": {"evil.example", "x.dc1.litware.test"}}}, host: "dc1.litware.test"},
		"the SRV record is an alias": {server: "litware.test", dns: &nameService{addresses: dc1,
			aliases: map[string]string{srv + "litware.test": "_ldap._tcp.evil.example"}, services: map[string][]string{"_ldap._tcp.evil.example": {"dc1.litware.test"}}}, host: "dc1.litware.test"},

		// The certificate is valid, but for a host that nobody named.
		"a domain whose controllers are elsewhere":   {server: "fabrikam.test", dns: &nameService{addresses: dc1, services: map[string][]string{srv + "fabrikam.test": {"dc1.litware.test"}}}, id: "ServerElsewhere", advice: "dc1.litware.test"},
		"a preferred one elsewhere":                  {server: "fabrikam.test", preferred: "dc1.litware.test", dns: &nameService{addresses: dc1, services: map[string][]string{srv + "fabrikam.test": {"dc1.litware.test"}}}, id: "ServerElsewhere", advice: "-Server"},
		"a preferred one elsewhere, without records": {server: "fabrikam.test", preferred: "dc1.litware.test", dns: &nameService{addresses: dc1}, id: "ServerNotFound"},
		"an address as controller":                   {server: "fabrikam.test", dns: &nameService{addresses: dc1, services: map[string][]string{srv + "fabrikam.test": {"127.0.0.1"}}}, id: "ServerNotFound"},
		// The host is below the named domain, but belongs to another domain.
		"a controller of another domain":    {server: "test", dns: &nameService{addresses: dc1, services: map[string][]string{srv + "test": {"dc1.litware.test"}}}, id: "ServerOfOtherDomain"},
		"a preferred one of another domain": {server: "test", preferred: "dc1.litware.test", dns: &nameService{addresses: dc1}, id: "ServerNotFound"},
		// The requested name counts, not the alias.
		"an alias below the domain": {server: "fabrikam.test", dns: &nameService{addresses: dc1, aliases: map[string]string{"dc1.fabrikam.test": "dc1.litware.test"},
			services: map[string][]string{srv + "fabrikam.test": {"dc1.fabrikam.test"}}}, id: "CertificateNameMismatch"},
		"a host that is an alias": {server: "dc9.fabrikam.test", dns: &nameService{addresses: dc1, aliases: map[string]string{"dc9.fabrikam.test": "dc1.litware.test"}}, id: "CertificateNameMismatch"},
	} {
		t.Run(name, func(t *testing.T) {
			c.dns.use(t)
			binds = 0
			target, err := Open(t.Context(), contract.TargetConfig{
				Server: net.JoinHostPort(c.server, dc.LDAPS), PreferredServer: c.preferred, CAFile: ca,
				Kind: contract.SimpleBind, User: server.Service, Password: contract.NewSecret(server.Password),
			})
			if err == nil {
				defer target.Close()
			}
			if c.id != "" {
				if !contract.HasID(err, c.id) || binds != 0 || !strings.Contains(contract.AsError(err).Advice, c.advice) {
					t.Errorf("%v, %d binds", err, binds)
				}
				return
			}
			if err != nil || binds == 0 {
				t.Fatalf("%v, %d binds", err, binds)
			}
			if who, err := target.Identify(t.Context()); err != nil || who.Server != c.host {
				t.Errorf("it is %q, %v", who.Server, err)
			}
			for _, name := range c.dns.asked {
				if slices.Contains([]string{"dc1.evil.example", "evil.example"}, name) {
					t.Errorf("%s was looked up", name)
				}
			}
		})
	}
}

// TestACatalogIsFoundInTheForest: the domain controller is not a global catalog, DNS
// knows one, and the target signs in only on a host of the forest.
func TestACatalogIsFoundInTheForest(t *testing.T) {
	dc, err := server.Start(server.Options{Report: t.Errorf, Catalog: true})
	if err != nil {
		t.Fatal(err)
	}
	defer dc.Close()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(dc.CA)
	var binds atomic.Int32
	dc.SetFault(func(o server.Operation) server.Fault {
		if o.Kind == "bind" {
			binds.Add(1)
		}
		return server.None
	})
	dns := &nameService{
		addresses: map[string]string{"dc1.litware.test": "127.0.0.1", "evil.example": "127.0.0.1"},
		services:  map[string][]string{"_gc._tcp.litware.test": {"evil.example", "dc9.litware.test", "dc1.litware.test"}},
	}
	dns.use(t)
	config := contract.TargetConfig{Kind: contract.SimpleBind, User: server.Service, Password: contract.NewSecret(server.Password)}
	opener := func(configuration string) *catalogOpener {
		return &catalogOpener{config: config, roots: roots, at: func(host string) endpoint { return endpoint{host: host, port: dc.LDAPS} }, target: &target{
			server: endpoint{host: "dc2.litware.test"},
			root:   rootDSE{dnsHostName: "dc2.litware.test", baseDN: server.Base, rootDomain: server.Base, noCatalog: true, configuration: configuration},
		}}
	}
	o := opener("CN=Configuration," + server.Base)
	for i := range 2 {
		c, err := o.open(t.Context())
		if err != nil || binds.Load() != int32(i+1) {
			t.Fatalf("%v, %d binds", err, binds.Load())
		}
		c.discard()
	}
	if slices.Contains(dns.asked, "evil.example") {
		t.Error("a host elsewhere was looked up")
	}
	binds.Store(0)
	if _, err := opener("CN=Configuration,DC=other,DC=test").open(t.Context()); !contract.HasID(err, "GlobalCatalogNotFound") || binds.Load() != 0 {
		t.Errorf("another forest: %v, %d binds", err, binds.Load())
	}
	dns.services = nil
	if _, err := opener("CN=Configuration," + server.Base).open(t.Context()); !contract.HasID(err, "GlobalCatalogNotFound") {
		t.Errorf("none: %v", err)
	}
}
