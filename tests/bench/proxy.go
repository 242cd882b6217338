package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// proxy is between the engine and a domain controller. It opens TLS, with its own
// certificate, which the engine trusts, and counts what passes.
type proxy struct {
	controller // what the engine gets in place of the domain controller
	server     string
	config     *tls.Config // for the engine
	upstream   *tls.Config
	listener   net.Listener
	delay      time.Duration // delay of each answer, to simulate a round trip

	mu    sync.Mutex
	count traffic
}

// traffic counts messages of LDAP, without those for signing in.
type traffic struct {
	Messages      int // sent by the engine
	Searches      int
	Writes        int // add, modify, modifyDN, delete
	ValuesWritten int // values of member that were added or removed
	ValuesRead    int // values of member in answers
	Entries       int // entries in answers
}

// The messages of RFC 4511 by the number of their tag.
const (
	bindRequest      = 0
	unbindRequest    = 2
	searchRequest    = 3
	searchEntry      = 4
	modifyRequest    = 6
	addRequest       = 8
	deleteRequest    = 10
	modifyDNRequest  = 12
	largestMessage   = 64 << 20
	maxHeaderOfABody = 6
)

// newProxy starts a proxy to the domain controller.
func newProxy(folder string, dc controller) (*proxy, error) {
	host, _, err := net.SplitHostPort(dc.address)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	ca, err := os.ReadFile(dc.caFile)
	if err != nil {
		return nil, err
	}
	pool.AppendCertsFromPEM(ca)
	certificate, text, err := selfSigned(host)
	if err != nil {
		return nil, err
	}
	p := &proxy{controller: dc, server: dc.address, upstream: &tls.Config{RootCAs: pool, ServerName: host},
		config: &tls.Config{Certificates: []tls.Certificate{certificate}}}
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	p.address = fmt.Sprintf("%s:%d", host, p.listener.Addr().(*net.TCPAddr).Port)
	p.caFile = filepath.Join(folder, "proxy-ca.pem")
	go func() {
		for {
			engine, err := p.listener.Accept()
			if err != nil {
				return
			}
			go p.pass(tls.Server(engine, p.config))
		}
	}()
	return p, os.WriteFile(p.caFile, text, 0o600)
}

func selfSigned(host string) (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

// take returns what has passed since the last call of take.
func (p *proxy) take() traffic {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.count
	p.count = traffic{}
	return t
}

func (p *proxy) close() { p.listener.Close() }

func (p *proxy) pass(engine net.Conn) {
	defer engine.Close()
	server, err := tls.Dial("tcp", p.server, p.upstream)
	if err != nil {
		fmt.Fprintln(os.Stderr, "proxy:", err)
		return
	}
	defer server.Close()
	go func() {
		defer engine.Close()
		p.forward(engine, server, p.delay)
	}()
	p.forward(server, engine, 0)
}

// forward forwards whole messages until one side is closed. Messages that arrive
// together are delayed only once.
func (p *proxy) forward(to io.Writer, from io.Reader, delay time.Duration) {
	in := bufio.NewReaderSize(from, 1<<16)
	for {
		message, err := readMessage(in)
		if err != nil {
			return
		}
		p.look(message)
		if in.Buffered() == 0 {
			time.Sleep(delay)
		}
		if _, err := to.Write(message); err != nil {
			return
		}
	}
}

// readMessage reads one BER message, including its header.
func readMessage(in *bufio.Reader) ([]byte, error) {
	head, err := in.Peek(2)
	if err != nil {
		return nil, err
	}
	size, length := 2, int(head[1])
	if length >= 0x80 {
		size += length & 0x7f
		if size > maxHeaderOfABody {
			return nil, fmt.Errorf("a message with a header of %d bytes", size)
		}
		if head, err = in.Peek(size); err != nil {
			return nil, err
		}
		length = 0
		for _, b := range head[2:size] {
			length = length<<8 | int(b)
		}
	}
	if length > largestMessage {
		return nil, fmt.Errorf("a message of %d bytes", length)
	}
	message := make([]byte, size+length)
	_, err = io.ReadFull(in, message)
	return message, err
}

// look counts a message.
func (p *proxy) look(message []byte) {
	packet, err := ber.DecodePacketErr(message)
	if err != nil || len(packet.Children) < 2 {
		return
	}
	var t traffic
	body := packet.Children[1]
	switch body.Tag {
	case bindRequest, unbindRequest:
		return
	case searchRequest:
		t.Messages, t.Searches = 1, 1
	case addRequest:
		t.Messages, t.Writes = 1, 1
		t.ValuesWritten = members(body.Children[1])
	case deleteRequest, modifyDNRequest:
		t.Messages, t.Writes = 1, 1
	case modifyRequest:
		t.Messages, t.Writes = 1, 1
		for _, change := range body.Children[1].Children {
			t.ValuesWritten += members(&ber.Packet{Children: change.Children[1:2]})
		}
	case searchEntry:
		t.Entries, t.ValuesRead = 1, members(body.Children[1])
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count.Messages += t.Messages
	p.count.Searches += t.Searches
	p.count.Writes += t.Writes
	p.count.ValuesWritten += t.ValuesWritten
	p.count.ValuesRead += t.ValuesRead
	p.count.Entries += t.Entries
}

// members counts the values of the attribute member, or of a range of it, in a
// list of attributes.
func members(list *ber.Packet) int {
	count := 0
	for _, attribute := range list.Children {
		name, _, _ := strings.Cut(attribute.Children[0].Data.String(), ";")
		if strings.EqualFold(name, "member") {
			count += len(attribute.Children[1].Children)
		}
	}
	return count
}
