package scenarios

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"groupwriteback/internal/graph/graphtest"
	"groupwriteback/tests/protocol/client"
)

// TestKilledAtAnyMoment kills the engine when it sends its n-th message to the
// domain controller, for every n that a run has. Whatever the engine left behind,
// one further run completes it: the directory is then the same as after an
// undisturbed run.
func TestKilledAtAnyMoment(t *testing.T) {
	if os.Getenv("GWB_LAB") == "" {
		t.Skip("no lab: run under tests/lab/run")
	}
	if os.Getenv("GWB_LAB_SCHEMA") != "exchange" {
		t.Skip("another schema: run under tests/lab/run")
	}
	stride := 1
	if testing.Short() {
		stride = 7
	}
	c := newCrash(t)
	want, sent := c.undisturbed(t)
	t.Logf("a run sends %d messages to the domain controller", sent)
	if sent < 20 {
		t.Fatalf("a run of %d messages is too short to say anything", sent)
	}
	died := 0
	for n := 1; n <= sent; n += stride {
		if c.killAt(t, n) {
			died++
		}
		if got := c.complete(t); got != want {
			t.Fatalf("killed at message %d, and after one more run the directory differs:\n%s\nnot\n%s", n, got, want)
		}
		c.empty(t)
	}
	if died < (sent/stride)*9/10 {
		t.Errorf("the engine died in only %d of %d runs", died, sent/stride)
	}
}

// crash is a tenant, an organisational unit, and a proxy to the domain controller
// that counts messages.
type crash struct {
	ou, state, ca string
	server        *graphtest.Server
	proxy         *proxy
}

func newCrash(t *testing.T) *crash {
	users, err := os.ReadFile(filepath.Join(os.Getenv("GWB_LAB_DIR"), "users.json"))
	if err != nil {
		t.Fatal(err)
	}
	synced, err := graphtest.ParseADUsers(users)
	if err != nil {
		t.Fatal(err)
	}
	seed := graphtest.Seed{}
	for i := range 5 {
		seed.Groups = append(seed.Groups, graphtest.Group{ID: fmt.Sprintf("ca000000-0000-0000-0000-00000000000%d", i),
			DisplayName: fmt.Sprintf("Group %d", i), GroupTypes: []string{"Unified"}, Members: []string{"user0001", "user0002"}})
	}
	server, err := graphtest.New(seed, graphtest.Options{ADUsers: synced}).Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	c := &crash{ou: "OU=crash," + os.Getenv("GWB_LAB_CONTAINER"), state: filepath.Join(t.TempDir(), "state"),
		ca: filepath.Join(t.TempDir(), "ca.pem"), server: server, proxy: newProxy(t)}
	if err := os.WriteFile(c.ca, server.CAPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (&story{}).ldif(fmt.Sprintf("dn: %s\nchangetype: add\nobjectClass: organizationalUnit\n", c.ou)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { admin("ldapdelete", "-r", c.ou).Run() })
	return c
}

// start connects an engine through the proxy.
func (c *crash) start(t *testing.T) *client.Client {
	t.Helper()
	e, err := client.Start(client.Options{Path: client.Executable(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Kill)
	ctx := context.Background()
	if err := e.Initialize(ctx, c.state); err != nil {
		t.Fatal(err)
	}
	if err := e.Call(ctx, "session.connect", map[string]any{
		"source": map[string]any{"tenantId": c.server.TenantID, "clientId": c.server.ClientID, "authority": c.server.URL, "graphEndpoint": c.server.URL,
			"caFile": c.ca, "credential": map[string]any{"kind": "ClientSecret", "secret": c.server.ClientSecret}},
		"target": map[string]any{"server": fmt.Sprintf("%s:%d", os.Getenv("GWB_LAB_SERVER"), c.proxy.port), "caFile": os.Getenv("GWB_LAB_CA"),
			"credential": map[string]any{"kind": "Simple", "user": os.Getenv("GWB_LAB_USER"), "password": os.Getenv("GWB_LAB_PASSWORD")}},
	}, nil); err != nil {
		t.Fatal(err)
	}
	return e
}

func (c *crash) enable(t *testing.T, e *client.Client) {
	t.Helper()
	if err := e.Call(context.Background(), "writeback.enable", map[string]any{"targetContainer": c.ou, "mailRecipient": "MailOnly"}, nil); err != nil {
		t.Fatal(err)
	}
}

// run runs a synchronisation, which must end as Complete.
func (c *crash) run(t *testing.T, e *client.Client) {
	t.Helper()
	var r json.RawMessage
	if err := e.Call(context.Background(), "sync.start", nil, &r); err != nil {
		t.Fatal(err)
	}
	var status struct{ Status string }
	if json.Unmarshal(r, &status); status.Status != "Complete" {
		t.Fatalf("the run ended as %s", r)
	}
}

// undisturbed returns the directory after a whole run, and how many messages the
// run takes.
func (c *crash) undisturbed(t *testing.T) (string, int) {
	e := c.start(t)
	c.enable(t, e)
	before := c.proxy.sent.Load()
	c.run(t, e)
	sent := int(c.proxy.sent.Load() - before)
	e.Close()
	want := c.dump(t)
	c.empty(t)
	return want, sent
}

// killAt starts a run, kills the engine at the run's n-th message, and reports whether
// that ended the run.
func (c *crash) killAt(t *testing.T, n int) bool {
	e := c.start(t)
	c.enable(t, e)
	c.proxy.killAt(n, e.Kill)
	err := e.Call(context.Background(), "sync.start", nil, nil)
	c.proxy.killAt(0, nil)
	e.Kill()
	return err != nil
}

func (c *crash) complete(t *testing.T) string {
	e := c.start(t)
	c.run(t, e)
	e.Close()
	return c.dump(t)
}

// empty disables group writeback and deletes its groups, so that the next round starts
// from nothing.
func (c *crash) empty(t *testing.T) {
	e := c.start(t)
	if err := e.Call(context.Background(), "writeback.disable", nil, nil); err != nil {
		t.Fatal(err)
	}
	c.run(t, e)
	e.Close()
}

// dump returns what an independent client sees, without what differs between two
// objects with the same content.
func (c *crash) dump(t *testing.T) string {
	out, err := admin("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", c.ou, "(objectClass=group)",
		"displayName", "adminDescription", "extensionName", "member").Output()
	if err != nil {
		t.Fatal(err)
	}
	sorted := exec.Command("sort")
	stdin, err := sorted.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() { stdin.Write(out); stdin.Close() }()
	lines, err := sorted.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(lines)
}

// proxy forwards bytes between the engine and the domain controller, and counts
// what the engine sends. It does not open TLS.
type proxy struct {
	port int
	sent atomic.Int64
	kill atomic.Pointer[trap]
}

type trap struct {
	at     int64
	spring func()
}

func newProxy(t *testing.T) *proxy {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	p := &proxy{port: listener.Addr().(*net.TCPAddr).Port}
	go func() {
		for {
			engine, err := listener.Accept()
			if err != nil {
				return
			}
			go p.pass(engine)
		}
	}()
	return p
}

// killAt makes the proxy call spring when the n-th message from now arrives; 0
// disarms it.
func (p *proxy) killAt(n int, spring func()) {
	if n == 0 {
		p.kill.Store(nil)
		return
	}
	p.kill.Store(&trap{at: p.sent.Load() + int64(n), spring: spring})
}

func (p *proxy) pass(engine net.Conn) {
	defer engine.Close()
	server, err := net.Dial("tcp", net.JoinHostPort(os.Getenv("GWB_LAB_SERVER"), "636"))
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		defer engine.Close()
		io.Copy(engine, server)
	}()
	buffer := make([]byte, 1<<20)
	for {
		n, err := engine.Read(buffer)
		if err != nil {
			return
		}
		sent := p.sent.Add(1)
		passed := n
		if trap := p.kill.Load(); trap != nil && sent >= trap.at {
			// At half of the moments the message still reaches the server.
			if sent%2 == 0 {
				passed = 0
			}
			server.Write(buffer[:passed])
			trap.spring()
			return
		}
		if _, err := server.Write(buffer[:passed]); err != nil {
			return
		}
	}
}
