package stdio

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
	"groupwriteback/internal/plan"
)

// fakeEngine answers with what a test sets. A method that is not set returns zero
// values.
type fakeEngine struct {
	connect func(context.Context, *contract.SourceConfig, *contract.TargetConfig) (command.ConnectionInfo, error)
	sync    func(context.Context, command.SyncRequest, contract.Report) (contract.Run, error)
	test    func(context.Context, string) ([]command.Check, error)
	enable  func(command.EnableRequest)
	grant   func(command.PermissionRequest)
	set     func(command.SettingsPatch)
	preview func(command.PreviewRequest)
	group   func(context.Context, command.GroupSyncRequest, contract.Report) (command.GroupSyncResult, error)
	state   *fakeState

	recipients []command.RecipientStep
	cleared    map[directory.GUID]int64
	closed     chan struct{}
}

func (f *fakeEngine) Connect(ctx context.Context, s *contract.SourceConfig, t *contract.TargetConfig) (command.ConnectionInfo, error) {
	if f.connect == nil {
		return command.ConnectionInfo{}, nil
	}
	return f.connect(ctx, s, t)
}
func (f *fakeEngine) Disconnect() error                  { return nil }
func (f *fakeEngine) Connection() command.ConnectionInfo { return command.ConnectionInfo{} }
func (f *fakeEngine) Overview(context.Context) (command.Overview, error) {
	return command.Overview{}, nil
}
func (f *fakeEngine) Permission(_ context.Context, r command.PermissionRequest) (command.PermissionResult, error) {
	if f.grant != nil {
		f.grant(r)
	}
	return command.PermissionResult{}, nil
}
func (f *fakeEngine) GraphPermission(context.Context, command.GraphPermissionRequest) (command.GraphPermissionResult, error) {
	return command.GraphPermissionResult{}, nil
}
func (f *fakeEngine) Grant(ctx context.Context, r command.PermissionRequest) (command.PermissionResult, error) {
	return f.Permission(ctx, r)
}
func (f *fakeEngine) Revoke(ctx context.Context, r command.PermissionRequest) (command.PermissionResult, error) {
	return f.Permission(ctx, r)
}
func (f *fakeEngine) Restore(context.Context, command.RestoreRequest) (command.RestoreResult, error) {
	return command.RestoreResult{}, nil
}
func (f *fakeEngine) Test(ctx context.Context, container string) ([]command.Check, error) {
	if f.test == nil {
		return nil, nil
	}
	return f.test(ctx, container)
}
func (f *fakeEngine) Enable(_ context.Context, r command.EnableRequest) (command.EnableResult, error) {
	if f.enable != nil {
		f.enable(r)
	}
	return command.EnableResult{}, nil
}
func (f *fakeEngine) Disable(context.Context, command.DisableRequest) (contract.Run, error) {
	return contract.Run{}, nil
}
func (f *fakeEngine) Settings(context.Context) (contract.Settings, error) {
	return contract.DefaultSettings(), nil
}
func (f *fakeEngine) SetSettings(_ context.Context, p command.SettingsPatch) (command.SettingsResult, error) {
	if f.set != nil {
		f.set(p)
	}
	return command.SettingsResult{}, nil
}
func (f *fakeEngine) Mapping(context.Context) (command.MappingView, error) {
	return command.MappingView{}, nil
}
func (f *fakeEngine) TestMapping(context.Context, command.MappingTestRequest) (command.MappingTest, error) {
	return command.MappingTest{}, nil
}
func (f *fakeEngine) ReadMappingFile(context.Context, string) (command.MappingFile, error) {
	return command.MappingFile{}, nil
}
func (f *fakeEngine) Sync(ctx context.Context, r command.SyncRequest, report contract.Report) (contract.Run, error) {
	if f.sync == nil {
		return contract.Run{}, nil
	}
	return f.sync(ctx, r, report)
}
func (f *fakeEngine) Preview(ctx context.Context, r command.PreviewRequest, report contract.Report) (contract.Run, error) {
	if f.preview != nil {
		f.preview(r)
	}
	return f.Sync(ctx, command.SyncRequest{}, report)
}
func (f *fakeEngine) SyncGroup(ctx context.Context, r command.GroupSyncRequest, report contract.Report) (command.GroupSyncResult, error) {
	if f.group == nil {
		return command.GroupSyncResult{}, nil
	}
	return f.group(ctx, r, report)
}
func (f *fakeEngine) Group(_ context.Context, _, text string) (contract.GroupView, error) {
	id, err := directory.ParseGUID(text)
	return contract.GroupView{ID: id, DisplayName: "group"}, err
}
func (f *fakeEngine) Suspend(_ context.Context, r command.SuspendRequest) (contract.GroupView, error) {
	return contract.GroupView{DisplayName: r.Group, Hold: &directory.Hold{Reason: directory.HoldSuspended, Comment: r.Comment, Until: r.Until}}, nil
}
func (f *fakeEngine) Resume(_ context.Context, r command.ResumeRequest) (contract.GroupView, error) {
	return contract.GroupView{DisplayName: r.Group}, nil
}
func (f *fakeEngine) ExchangeSteps(context.Context) ([]exchange.Step, error) { return nil, nil }
func (f *fakeEngine) RecipientSteps(context.Context, directory.GUID, int) ([]command.RecipientStep, error) {
	return f.recipients, nil
}
func (f *fakeEngine) ClearExchangeSteps(_ context.Context, seen map[directory.GUID]int64) (int, error) {
	f.cleared = seen
	return len(seen), nil
}
func (f *fakeEngine) State(context.Context) (contract.State, error) { return f.state, nil }
func (f *fakeEngine) Close() error {
	if f.closed != nil {
		<-f.closed
	}
	return nil
}

// fakeState holds lists. The change with number i has id i.
type fakeState struct {
	contract.State
	runs    []contract.Run
	changes func(i int64) contract.SpooledChange
	count   int64
	members func(change int64) (add, remove []directory.MemberRef)
	groups  []contract.GroupView
	audit   []contract.AuditEntry // oldest first
	asked   contract.AuditFilter
}

func (f *fakeState) Audit(_ context.Context, filter contract.AuditFilter, before string, limit int) ([]contract.AuditEntry, error) {
	f.asked = filter
	var page []contract.AuditEntry
	for i := len(f.audit) - 1; i >= 0 && len(page) < limit; i-- {
		if e := f.audit[i]; (before == "" || e.ID < before) && filter.Holds(&e) {
			page = append(page, e)
		}
	}
	return page, nil
}

func (f *fakeState) Run(_ context.Context, id int64) (contract.Run, error) {
	if id != 1 {
		return contract.Run{}, &contract.Error{Category: contract.ObjectNotFound, ID: "RunNotFound", Message: "There is no such run.", Advice: "List the runs."}
	}
	return contract.Run{ID: 1}, nil
}

func (f *fakeState) Runs(_ context.Context, before int64, limit int) ([]contract.Run, error) {
	var out []contract.Run
	for _, r := range f.runs {
		if (before == 0 || r.ID < before) && len(out) < limit {
			out = append(out, r)
		}
	}
	return out, nil
}

func (f *fakeState) Changes(_ context.Context, _ int64, phase plan.Phase, after int64, limit int) ([]contract.SpooledChange, error) {
	var out []contract.SpooledChange
	for i := after + 1; i <= f.count && len(out) < limit; i++ {
		c := f.changes(i)
		if phase == 0 || c.Action.Phase() == phase {
			out = append(out, c)
		}
	}
	return out, nil
}

func (f *fakeState) ChangeMembers(_ context.Context, change int64, after directory.GUID, limit int) (add, remove []directory.MemberRef, err error) {
	cut := func(all []directory.MemberRef) (out []directory.MemberRef) {
		for _, m := range all {
			if m.GUID.Compare(after) > 0 && len(out) < limit {
				out = append(out, m)
			}
		}
		return out
	}
	add, remove = f.members(change)
	return cut(add), cut(remove), nil
}

func (f *fakeState) Groups(_ context.Context, _ contract.GroupFilter, after directory.GUID, limit int) ([]contract.GroupView, error) {
	var out []contract.GroupView
	for _, g := range f.groups {
		if g.Key.Compare(after) > 0 && len(out) < limit {
			out = append(out, g)
		}
	}
	return out, nil
}

// peer is the client's side of a session in this process.
type peer struct {
	t      *testing.T
	in     *io.PipeWriter
	out    *bufio.Reader
	outEnd *io.PipeReader
	log    *logBuffer
	ended  chan error
	stop   context.CancelFunc
}

type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// startSession serves a session over pipes, not initialised yet.
func startSession(t *testing.T, e *fakeEngine) *peer {
	t.Helper()
	inRead, inWrite := io.Pipe()
	outRead, outWrite := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	p := &peer{t: t, in: inWrite, out: bufio.NewReaderSize(outRead, maxOutputLine+1), outEnd: outRead, log: &logBuffer{}, ended: make(chan error, 1), stop: cancel}
	config := Config{
		Version: "v1.2.3",
		Open: func(OpenRequest) (Opened, error) {
			return Opened{Engine: e, Folder: "/state", LogPath: "/state/log/engine.log"}, nil
		},
		Log: slog.New(slog.NewJSONHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	go func() {
		p.ended <- Serve(ctx, config, inRead, outWrite)
		outWrite.Close()
	}()
	t.Cleanup(func() { p.in.Close(); p.outEnd.Close() })
	return p
}

// startInitialized is like startSession, but also sends session.initialize.
func startInitialized(t *testing.T, e *fakeEngine) *peer {
	t.Helper()
	p := startSession(t, e)
	p.send(`{"jsonrpc":"2.0","id":0,"method":"session.initialize","params":{"protocol":1}}`)
	p.wantResult("0")
	return p
}

func (p *peer) send(lines ...string) {
	p.t.Helper()
	for _, line := range lines {
		if _, err := io.WriteString(p.in, line+"\n"); err != nil {
			p.t.Fatalf("write: %v", err)
		}
	}
}

func (p *peer) call(id int, method string, params any) {
	p.t.Helper()
	text, err := json.Marshal(params)
	if err != nil {
		p.t.Fatal(err)
	}
	p.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, id, method, text))
}

type incoming struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   *struct {
		Code    int       `json:"code"`
		Message string    `json:"message"`
		Data    errorData `json:"data"`
	} `json:"error"`
}

// receive returns the next message, or io.EOF at the end.
func (p *peer) receive() (incoming, error) {
	line, err := p.out.ReadSlice('\n')
	if err != nil {
		return incoming{}, err
	}
	var m incoming
	if err := json.Unmarshal(line, &m); err != nil {
		return m, fmt.Errorf("%.200q: %w", line, err)
	}
	if m.Version != "2.0" {
		return m, fmt.Errorf("not JSON-RPC 2.0: %.200q", line)
	}
	return m, nil
}

func (p *peer) next() incoming {
	p.t.Helper()
	m, err := p.receive()
	if err != nil {
		p.t.Fatalf("read: %v", err)
	}
	return m
}

func (p *peer) wantResult(id string) json.RawMessage {
	p.t.Helper()
	m := p.next()
	if string(m.ID) != id || m.Error != nil || m.Method != "" {
		p.t.Fatalf("got id %s method %q error %+v, want the result of %s", m.ID, m.Method, m.Error, id)
	}
	return m.Result
}

// wantError checks everything in an answer's error except the texts, which must not be
// empty.
func (p *peer) wantError(id string, code int, errorID string) incoming {
	p.t.Helper()
	m := p.next()
	if m.Error == nil {
		p.t.Fatalf("got result %.200s of %s, want the error %s of %s", m.Result, m.ID, errorID, id)
	}
	if string(m.ID) != id || m.Error.Code != code || m.Error.Data.ID != errorID {
		p.t.Fatalf("got id %s code %d %+v, want id %s code %d %s", m.ID, m.Error.Code, m.Error.Data, id, code, errorID)
	}
	if m.Error.Message == "" || m.Error.Data.Category == "" || m.Error.Data.Advice == "" {
		p.t.Fatalf("message, category or advice is missing: %+v", m.Error)
	}
	return m
}

// end closes the input and returns the result of Serve.
func (p *peer) end() error {
	p.in.Close()
	return p.wait()
}

func (p *peer) wait() error {
	p.t.Helper()
	select {
	case err := <-p.ended:
		return err
	case <-time.After(15 * time.Minute):
		p.t.Fatal("the session did not end")
		return nil
	}
}

// guidOf returns a GUID that sorts like n.
func guidOf(n int64) directory.GUID {
	return directory.MustGUID(fmt.Sprintf("%08x-0000-0000-0000-000000000000", n))
}
