package adtest

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// proxy sits between the target and the server and breaks connections.
type proxy struct {
	address string // where it listens
	server  string

	mu       sync.Mutex
	listener net.Listener
	open     map[net.Conn]bool
	fault    fault
	skip     int // messages in the fault's direction to pass first
	// held is called once with an answer that has arrived, which is passed on when held
	// returns. If nil, no answer is held.
	held func()
}

// fault is what happens to the next message, once.
type fault int

const (
	noFault    fault = iota
	loseAnswer       // the request arrives, its answer does not
	loseRequest
)

func newProxy(t *testing.T, server string) *proxy {
	t.Helper()
	p := &proxy{address: "127.0.0.1:0", server: server, open: make(map[net.Conn]bool)}
	p.up(t)
	t.Cleanup(p.down)
	return p
}

// up starts to listen, after down at the same address as before.
func (p *proxy) up(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		t.Error(err)
		return
	}
	p.mu.Lock()
	p.listener = listener
	p.mu.Unlock()
	p.address = listener.Addr().String()
	go p.accept(listener)
}

// down cuts all connections and refuses new ones.
func (p *proxy) down() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.listener.Close()
	for c := range p.open {
		_ = c.Close()
	}
	clear(p.open)
}

func (p *proxy) port() string {
	_, port, _ := net.SplitHostPort(p.address)
	return port
}

func (p *proxy) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.open[client], p.open[server] = true, true
		p.mu.Unlock()
		go p.copy(server, client, loseRequest)
		go p.copy(client, server, loseAnswer)
	}
}

// copy passes on data until the fault for this direction is due.
func (p *proxy) copy(to, from net.Conn, mine fault) {
	defer func() { _ = to.Close(); _ = from.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		p.mu.Lock()
		due := p.fault == mine && p.skip == 0
		if due {
			p.fault = noFault
		} else if p.fault == mine {
			p.skip--
		}
		var held func()
		if mine == loseAnswer {
			held, p.held = p.held, nil
		}
		p.mu.Unlock()
		if due {
			return
		}
		if held != nil {
			held()
		}
		if _, err := to.Write(buffer[:n]); err != nil && err != io.EOF {
			return
		}
	}
}

// after makes the fault happen once, after some messages in its direction. The returned
// function reports whether it has happened, and cancels it if not.
func (p *proxy) after(skip int, f fault) (hit func() bool) {
	p.mu.Lock()
	p.fault, p.skip = f, skip
	p.mu.Unlock()
	return func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		hit := p.fault == noFault
		p.fault = noFault
		return hit
	}
}

// hold calls f with the next answer, which has arrived and is not passed on yet.
func (p *proxy) hold(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = f
}

// testLost tests lost answers and lost connections during every kind of change.
func (s *suite) testLost(t *testing.T) {
	p := newProxy(t, s.at(s.LDAPS))
	direct := s.open(t)
	unit, second := s.unit(t, direct, s.Container), s.unit(t, direct, s.Container)
	users := s.people(t)
	members := []directory.MemberRef{users["user0001"].ref(), users["user0002"].ref()}
	target := s.open(t, func(c *contract.TargetConfig) { c.Server = s.at(p.port()) })
	ctx := testContext(t)
	for name, f := range map[string]fault{"answer": loseAnswer, "request": loseRequest} {
		// Each write is preceded by reads. To hit the write, place a fault at every
		// message in turn until none is hit any more.
		eachMessage := func(t *testing.T, write func() error, check func()) {
			t.Helper()
			for at := range 30 {
				hit := p.after(at, f)
				err := write()
				if err != nil {
					t.Fatalf("message %d: %v", at, err)
				}
				check()
				if !hit() {
					if at == 0 {
						t.Fatal("no message was lost")
					}
					return
				}
			}
			t.Fatal("there is no end of messages")
		}
		t.Run("create, "+name, func(t *testing.T) {
			var id directory.GUID
			eachMessage(t, func() error {
				id = newID()
				refused, err := target.Writer(nil).Create(ctx, unit.GUID, s.attributes(id, directory.Mark(id)), members)
				if len(refused) > 0 {
					t.Errorf("refused %v", refused)
				}
				return err
			}, func() {
				found := 0
				for _, g := range s.groups(t, direct, unit.GUID) {
					if g.AdminDesc == directory.Mark(id) {
						found++
						if diff := cmp.Diff(names(members), names(g.Members)); diff != "" {
							t.Error(diff)
						}
					}
				}
				if found != 1 {
					t.Errorf("%d groups", found)
				}
			})
		})
		t.Run("members, "+name, func(t *testing.T) {
			created, _ := s.create(t, direct, unit.GUID)
			eachMessage(t, func() error {
				_, err := target.Writer(nil).ChangeMembers(ctx, created.GUID, members, nil)
				return err
			}, func() {
				if diff := cmp.Diff(names(members), s.admin.members(t, created.GUID)); diff != "" {
					t.Error(diff)
				}
			})
			eachMessage(t, func() error {
				_, err := target.Writer(nil).ChangeMembers(ctx, created.GUID, members[:1], members[1:])
				return err
			}, func() {
				if diff := cmp.Diff(names(members[:1]), s.admin.members(t, created.GUID)); diff != "" {
					t.Error(diff)
				}
				if _, err := direct.Writer(nil).ChangeMembers(ctx, created.GUID, members, nil); err != nil {
					t.Error(err)
				}
			})
		})
		t.Run("modify, "+name, func(t *testing.T) {
			created, _ := s.create(t, direct, unit.GUID)
			eachMessage(t, func() error {
				return target.Writer(nil).Modify(ctx, created.GUID, []plan.AttributeChange{{Name: "displayName", New: []string{"after " + name}}})
			}, func() {
				if got := s.admin.get(t, created.DN, "displayName").GetAttributeValue("displayName"); got != "after "+name {
					t.Errorf("displayName %q", got)
				}
			})
		})
		t.Run("rename, "+name, func(t *testing.T) {
			created, _ := s.create(t, direct, unit.GUID)
			there := false
			eachMessage(t, func() error {
				there = !there
				parent := map[bool]directory.GUID{true: second.GUID, false: unit.GUID}[there]
				_, err := target.Writer(nil).Rename(ctx, created.GUID, "renamed after a lost "+name, parent)
				return err
			}, func() {
				parent := map[bool]string{true: second.DN, false: unit.DN}[there]
				if got := s.admin.get(t, byGUID(created.GUID)).DN; got != "CN=renamed after a lost "+name+","+parent {
					t.Errorf("it is %s", got)
				}
			})
		})
		t.Run("delete, "+name, func(t *testing.T) {
			var created contract.Created
			eachMessage(t, func() error {
				created, _ = s.create(t, direct, unit.GUID)
				return target.Writer(nil).Delete(ctx, created.GUID)
			}, func() {
				if s.admin.get(t, byGUID(created.GUID)) != nil {
					t.Error("it is still there")
				}
			})
		})
	}
	t.Run("reading", func(t *testing.T) {
		many := s.unit(t, direct, s.Container)
		for range 130 {
			s.create(t, direct, many.GUID)
		}
		// The listing breaks after its first page. It starts over, and hands on each
		// group once.
		n := 0
		seen := map[directory.GUID]bool{}
		err := target.Groups(ctx, many.GUID, contract.WithMembers, func(g directory.TargetGroup) error {
			if n++; n == 50 {
				p.after(0, loseAnswer)
			}
			seen[g.GUID] = true
			return nil
		})
		if err != nil || n != 130 || len(seen) != n {
			t.Errorf("%d groups, %d of them once: %v", n, len(seen), err)
		}
		if got := s.groups(t, target, many.GUID); len(got) != 130 {
			t.Errorf("%d groups the next time", len(got))
		}
	})
	t.Run("cancelled in the middle", func(t *testing.T) {
		created, _ := s.create(t, direct, unit.GUID)
		brief, cancel := context.WithCancel(ctx)
		ended := make(chan struct{})
		p.hold(func() { cancel(); <-ended })
		err := target.Writer(nil).Modify(brief, created.GUID, []plan.AttributeChange{{Name: "displayName", New: []string{"late"}}})
		close(ended)
		s.wantError(t, err, "OutcomeUnknown")
	})
	t.Run("server gone", func(t *testing.T) {
		created, _ := s.create(t, direct, unit.GUID)
		if _, err := target.Identify(ctx); err != nil {
			t.Fatal(err)
		}
		p.down()
		defer p.up(t)
		_, err := groupsByGUID(ctx, target, []directory.GUID{created.GUID}, contract.WithMembers)
		s.wantError(t, err, "ServerUnreachable")
	})
	t.Run("server gone in the middle of a change", func(t *testing.T) {
		created, _ := s.create(t, direct, unit.GUID)
		if _, err := target.Identify(ctx); err != nil {
			t.Fatal(err)
		}
		defer p.up(t)
		p.hold(p.down)
		err := target.Writer(nil).Modify(ctx, created.GUID, []plan.AttributeChange{{Name: "displayName", New: []string{"in the middle"}}})
		s.wantError(t, err, "OutcomeUnknown")
	})
	t.Run("server away for a moment", func(t *testing.T) {
		created, _ := s.create(t, direct, unit.GUID)
		for name, change := range map[string]func() error{
			"attribute": func() error {
				return target.Writer(nil).Modify(ctx, created.GUID, []plan.AttributeChange{{Name: "displayName", New: []string{"in spite of it"}}})
			},
			"members": func() error {
				_, err := target.Writer(nil).ChangeMembers(ctx, created.GUID, members, nil)
				return err
			},
			"a new group": func() error {
				id := newID()
				_, err := target.Writer(nil).Create(ctx, unit.GUID, s.attributes(id, directory.Mark(id)), members)
				return err
			},
			"reading": func() error {
				_, err := groupsByGUID(ctx, target, []directory.GUID{created.GUID}, contract.WithMembers)
				return err
			},
		} {
			if _, err := target.Identify(ctx); err != nil {
				t.Fatal(err)
			}
			p.down()
			back := make(chan struct{})
			time.AfterFunc(30*time.Millisecond, func() { p.up(t); close(back) })
			if err := change(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			<-back
		}
		e := s.admin.get(t, created.DN, "displayName")
		if got := e.GetAttributeValue("displayName"); got != "in spite of it" {
			t.Errorf("displayName %q", got)
		}
		if diff := cmp.Diff(names(members), s.admin.members(t, created.GUID)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("server back", func(t *testing.T) {
		if _, err := target.Identify(ctx); err != nil {
			t.Error(err)
		}
	})
}
