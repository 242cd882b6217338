package stdio

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
)

func TestMessagesThatAreNone(t *testing.T) {
	p := startInitialized(t, &fakeEngine{})
	for _, test := range []struct {
		line, id string
		code     int
		errorID  string
	}{
		{`{"jsonrpc":"2.0","id":1,`, "null", -32700, "ParseError"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"session.get\xff\"}", "null", -32700, "ParseError"},
		{`5`, "null", -32700, "ParseError"},
		{`[{"jsonrpc":"2.0","id":1,"method":"session.get"}]`, "null", -32600, "InvalidRequest"},
		{`{"id":1,"method":"session.get"}`, "1", -32600, "InvalidRequest"},
		{`{"jsonrpc":"2.0","id":"x","method":""}`, `"x"`, -32600, "InvalidRequest"},
		{`{"jsonrpc":"2.0","id":1}`, "1", -32600, "InvalidRequest"},
		{`{"jsonrpc":"2.0","id":{},"method":"session.get"}`, "null", -32600, "InvalidRequest"},
		{`{"jsonrpc":"2.0","id":[1],"method":"session.get"}`, "null", -32600, "InvalidRequest"},
		{`{"jsonrpc":"2.0","id":true,"method":"session.get"}`, "null", -32600, "InvalidRequest"},
		{`{"jsonrpc":"2.0","id":"` + strings.Repeat("x", maxID) + `","method":"session.get"}`, "null", -32600, "InvalidRequest"},
		{`{"jsonrpc":"2.0","id":null,"method":"session.get","params":5}`, "null", -32600, "InvalidRequest"},
		{`{"jsonrpc":"2.0","id":1,"method":["session.get"]}`, "1", -32600, "InvalidRequest"},
		{`{"jsonrpc":2.0,"id":1,"method":"session.get"}`, "1", -32600, "InvalidRequest"},
		{`{"jsonrpc":"2.0","id":1,"method":"session.get","result":{}}`, "1", -32600, "InvalidRequest"},
		{`null`, "null", -32700, "ParseError"},
		{`{"jsonrpc":"2.0","ID":1,"method":"session.get"}`, "null", -32600, "InvalidRequest"},
		{`{"jsonrpc":"2.0","id":1,"method":"session.get","params":5}`, "1", -32600, "InvalidRequest"},
		{`{"jsonrpc":"2.0","id":1,"method":"session.get","more":true}`, "1", -32600, "InvalidRequest"},
		{`{"jsonrpc":"2.0","id":1,"method":"session.gone"}`, "1", -32601, "MethodNotFound"},
		{`{"jsonrpc":"2.0","id":1,"method":"rpc.serverInfo"}`, "1", -32601, "MethodNotFound"},
		{`{"jsonrpc":"2.0","id":1,"method":"session.get","params":[1]}`, "1", -32602, "InvalidParameter"},
		{`{"jsonrpc":"2.0","id":1,"method":"session.get","params":{"a":` + strings.Repeat("x", maxInputLine) + `}}`, "null", -32600, "MessageTooLarge"},
	} {
		t.Run(fmt.Sprintf("%.60s", test.line), func(t *testing.T) {
			p.t = t
			p.send(test.line)
			p.wantError(test.id, test.code, test.errorID)
			p.send(`{"jsonrpc":"2.0","id":"next","method":"session.get"}`)
			p.wantResult(`"next"`)
		})
	}
	p.t = t
	// A request without an id gets no answer and runs nothing.
	p.send(`{"jsonrpc":"2.0","method":"sync.start"}`, `{"jsonrpc":"2.0","id":7,"method":"session.get","params":null}`)
	p.wantResult("7")
	// An unexpected answer is not taken for a request.
	p.send(`{"jsonrpc":"2.0","id":7,"result":{}}`, `{"jsonrpc":"2.0","id":8,"method":"session.get"}`)
	p.wantResult("8")
	if err := p.end(); err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestDuplicateID(t *testing.T) {
	release := make(chan struct{})
	p := startInitialized(t, &fakeEngine{sync: func(context.Context, command.SyncRequest, contract.Report) (contract.Run, error) {
		<-release
		return contract.Run{ID: 5}, nil
	}})
	p.send(`{"jsonrpc":"2.0","id":1,"method":"sync.start"}`, `{"jsonrpc":"2.0","id":1,"method":"session.get"}`)
	p.wantError("1", -32600, "InvalidRequest")
	close(release)
	p.wantResult("1")
}

func TestCancel(t *testing.T) {
	started := make(chan struct{}, 20)
	untilCancelled := func(ctx context.Context, _ command.SyncRequest, _ contract.Report) (contract.Run, error) {
		started <- struct{}{}
		<-ctx.Done()
		return contract.Run{Status: contract.RunStopped, StopReason: contract.StopCancelled}, nil
	}
	p := startInitialized(t, &fakeEngine{
		sync: untilCancelled,
		test: func(ctx context.Context, _ string) ([]command.Check, error) {
			started <- struct{}{}
			<-ctx.Done()
			return nil, fmt.Errorf("search: %w", ctx.Err())
		},
	})
	for _, id := range []string{`1`, `"a b"`, `-3`} {
		p.send(`{"jsonrpc":"2.0","id":` + id + `,"method":"sync.start"}`)
		<-started
		p.send(`{"jsonrpc":"2.0","id":"c","method":"request.cancel","params":{"id":` + id + `}}`)
		answers := map[string]string{}
		for range 2 {
			m := p.next()
			answers[string(m.ID)] = string(m.Result)
		}
		if answers[`"c"`] != "{}" || !strings.Contains(answers[id], string(contract.StopCancelled)) {
			t.Errorf("id %s: answers %v", id, answers)
		}
	}

	// Requests other than runs end with an error, and request.cancel also works as a
	// notification.
	p.send(`{"jsonrpc":"2.0","id":1,"method":"writeback.test"}`)
	<-started
	p.send(`{"jsonrpc":"2.0","method":"request.cancel","params":{"id":1}}`)
	p.wantError("1", -32009, "Cancelled")

	// Even with every slot taken, a cancel passes, and waiting requests can be
	// cancelled.
	for i := range maxServed {
		p.call(100+i, "sync.start", nil)
		<-started
	}
	p.call(200, "session.get", nil)
	p.send(`{"jsonrpc":"2.0","method":"request.cancel","params":{"id":200}}`)
	p.wantError("200", -32009, "Cancelled")
	p.send(`{"jsonrpc":"2.0","method":"request.cancel","params":{"id":100}}`)
	p.wantResult("100")

	p.call(300, "request.cancel", map[string]any{"id": 12345})
	p.wantResult("300")
	p.call(301, "request.cancel", map[string]any{"id": []int{}})
	p.wantError("301", -32602, "InvalidParameter")
}

// A cancel that overtakes its request still finds it.
func TestCancelAtOnce(t *testing.T) {
	p := startInitialized(t, &fakeEngine{sync: func(ctx context.Context, _ command.SyncRequest, _ contract.Report) (contract.Run, error) {
		<-ctx.Done()
		return contract.Run{Status: contract.RunStopped}, nil
	}})
	for i := range 200 {
		id := fmt.Sprint(i + 1)
		p.send(`{"jsonrpc":"2.0","id":` + id + `,"method":"sync.start"}` + "\n" + `{"jsonrpc":"2.0","method":"request.cancel","params":{"id":` + id + `}}`)
		if m := p.next(); string(m.ID) != id || m.Error != nil && m.Error.Data.ID != "Cancelled" {
			t.Fatalf("request %s: got %s %+v", id, m.ID, m.Error)
		}
	}
}

func TestEndOfInput(t *testing.T) {
	for name, end := range map[string]func(p *peer){
		"end of input": func(p *peer) { p.in.Close() },
		"asked to end": func(p *peer) { p.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			started := make(chan struct{})
			p := startInitialized(t, &fakeEngine{sync: func(ctx context.Context, _ command.SyncRequest, _ contract.Report) (contract.Run, error) {
				close(started)
				<-ctx.Done()
				return contract.Run{ID: 9, Status: contract.RunStopped}, nil
			}})
			p.call(1, "sync.start", nil)
			<-started
			end(p)
			if got := string(p.wantResult("1")); !strings.Contains(got, `"status":"Stopped"`) {
				t.Errorf("the run's record: %s", got)
			}
			if err := p.wait(); err != nil {
				t.Errorf("Serve: %v", err)
			}
		})
	}
}

// Requests sent before the end of input are answered, even if only with Cancelled.
func TestEveryRequestIsAnswered(t *testing.T) {
	p := startInitialized(t, &fakeEngine{})
	const n = 100
	go func() {
		for i := range n {
			fmt.Fprintf(p.in, `{"jsonrpc":"2.0","id":%d,"method":"session.get"}`+"\n", i+1)
		}
		p.in.Close()
	}()
	answered := map[string]bool{}
	for {
		m, err := p.receive()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		answered[string(m.ID)] = true
	}
	if len(answered) != n {
		t.Errorf("%d of %d requests were answered", len(answered), n)
	}
	if err := p.wait(); err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// Any number of invalid lines, even at the very end of the input, are each answered and
// do not affect other requests.
func TestWhatCannotBeServedAtTheEndOfInput(t *testing.T) {
	bad := []string{`{"jsonrpc":"2.0","id":[1],"method":"session.get"}`, `{"jsonrpc":"2.0","id":{"a":1},"method":"session.get"}`,
		`{"jsonrpc":"2.0","id":true,"method":"session.get"}`, `{"jsonrpc":"1.0","method":"session.get"}`,
		`{"jsonrpc":"2.0","id":null,"method":"session.get","more":1}`, `{"jsonrpc":"2.0","method":"session.get","params":"x"}`,
		`{"jsonrpc":"2.0","id":"x"}`, `{`, `{}`, `7`, `[]`}
	const repeats = 10
	for range 20 {
		p := startInitialized(t, &fakeEngine{})
		var input strings.Builder
		for i := range 3 {
			fmt.Fprintf(&input, `{"jsonrpc":"2.0","id":%d,"method":"session.get"}`+"\n", i)
			input.WriteString(strings.Repeat(strings.Join(bad, "\n")+"\n", repeats))
		}
		go func() {
			io.WriteString(p.in, input.String())
			p.in.Close()
		}()
		answers := map[string]int{}
		for {
			m, err := p.receive()
			if err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			answers[string(m.ID)]++
		}
		want := map[string]int{"0": 1, "1": 1, "2": 1, `"x"`: 3 * repeats, "null": 3 * repeats * (len(bad) - 1)}
		if !maps.Equal(answers, want) {
			t.Fatalf("answers %v, want %v", answers, want)
		}
		if err := p.wait(); err != nil {
			t.Fatalf("Serve: %v", err)
		}
	}
}

func TestStillRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p := startInitialized(t, &fakeEngine{sync: func(context.Context, command.SyncRequest, contract.Report) (contract.Run, error) {
			<-release
			return contract.Run{}, nil
		}})
		p.call(1, "sync.start", nil)
		synctest.Wait()
		start := time.Now()
		if err := p.end(); !errors.Is(err, ErrStillRunning) {
			t.Errorf("Serve: %v", err)
		}
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("it took %v", took)
		}
		close(release)
	})
}

func TestEngineThatDoesNotClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &fakeEngine{closed: make(chan struct{})}
		p := startInitialized(t, e)
		if err := p.end(); !errors.Is(err, ErrStillRunning) {
			t.Errorf("Serve: %v", err)
		}
		close(e.closed)
	})
}

func TestBrokenOutput(t *testing.T) {
	p := startInitialized(t, &fakeEngine{})
	p.outEnd.Close()
	p.call(1, "session.get", nil)
	if err := p.wait(); !errors.Is(err, errOutput) {
		t.Errorf("Serve: %v", err)
	}
}

func TestPanicIsAnError(t *testing.T) {
	p := startInitialized(t, &fakeEngine{test: func(context.Context, string) ([]command.Check, error) { panic("boom") }})
	p.call(1, "writeback.test", nil)
	p.wantError("1", -32603, "InternalError")
	if log := p.log.String(); !strings.Contains(log, "boom") || !strings.Contains(log, "wire_test.go") {
		t.Errorf("the log lacks the panic and its place: %s", log)
	}
	p.call(2, "session.get", nil)
	p.wantResult("2")
}

func TestAnswerTooLarge(t *testing.T) {
	p := startInitialized(t, &fakeEngine{test: func(context.Context, string) ([]command.Check, error) {
		return []command.Check{{Message: strings.Repeat("x", maxOutputLine)}}, nil
	}})
	p.call(1, "writeback.test", nil)
	p.wantError("1", -32007, "AnswerTooLarge")
}

func TestErrorTextsAreBounded(t *testing.T) {
	p := startInitialized(t, &fakeEngine{})
	p.call(1, "session.get", map[string]any{strings.Repeat("é", 500_000): 1})
	m := p.wantError("1", -32602, "InvalidParameter")
	if n := len(m.Error.Message); n > maxErrorText {
		t.Errorf("the message has %d bytes", n)
	}
	if n := len(m.Error.Data.Object); n > maxErrorText || !strings.HasSuffix(m.Error.Data.Object, "é…") {
		t.Errorf("the object has %d bytes and ends in %q", n, m.Error.Data.Object[max(0, n-8):])
	}
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startInitialized(t, &fakeEngine{sync: func(_ context.Context, _ command.SyncRequest, report contract.Report) (contract.Run, error) {
			for i := range 200 { // 2 s
				report(contract.Progress{Step: "export", Done: i, Total: 200})
				time.Sleep(10 * time.Millisecond)
			}
			report(contract.Progress{Done: 200})
			return contract.Run{ID: 1}, nil
		}})
		p.send(`{"jsonrpc":"2.0","id":"run","method":"sync.start"}`)
		var done []int
		var times []time.Time
		for {
			m := p.next()
			if m.Method != "progress" {
				if string(m.ID) != `"run"` {
					t.Errorf("got %+v", m)
				}
				break
			}
			var params struct {
				RequestID string `json:"requestId"`
				Done      int    `json:"done"`
			}
			if err := json.Unmarshal(m.Params, &params); err != nil || params.RequestID != "run" {
				t.Errorf("params %s: %v", m.Params, err)
			}
			done, times = append(done, params.Done), append(times, time.Now())
		}
		if len(done) < 7 || len(done) > 9 || done[0] != 0 {
			t.Errorf("progress came %d times in 2 s: %v", len(done), done)
		}
		for i := 1; i < len(done); i++ {
			if times[i].Sub(times[i-1]) < progressInterval || done[i] <= done[i-1] {
				t.Errorf("progress %d: %d after %v", i, done[i], times[i].Sub(times[i-1]))
			}
		}
		// No notification follows the answer.
		time.Sleep(time.Second)
		p.call(2, "session.get", nil)
		p.wantResult("2")
		if err := p.end(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// A client that does not read holds up the notifications, never the run.
func TestProgressNeverBlocksTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reported := make(chan struct{})
		p := startInitialized(t, &fakeEngine{sync: func(_ context.Context, _ command.SyncRequest, report contract.Report) (contract.Run, error) {
			for i := range 1000 {
				report(contract.Progress{Done: i})
				time.Sleep(10 * time.Millisecond)
			}
			close(reported)
			return contract.Run{}, nil
		}})
		p.call(1, "sync.start", nil)
		<-reported
		n := 0
		for p.next().Method == "progress" {
			n++
		}
		if n > 2 {
			t.Errorf("%d notifications were kept for a client that did not read", n)
		}
	})
}

// connected returns the configuration that session.connect gave to the engine.
func connected(t *testing.T, p *peer, e *fakeEngine, source map[string]any) *contract.SourceConfig {
	t.Helper()
	var config *contract.SourceConfig
	e.connect = func(_ context.Context, s *contract.SourceConfig, _ *contract.TargetConfig) (command.ConnectionInfo, error) {
		config = s
		return command.ConnectionInfo{Source: &command.SourceInfo{}}, nil
	}
	p.call(1, "session.connect", map[string]any{"source": source})
	if got := string(p.wantResult("1")); !strings.Contains(got, `"roles":[]`) {
		t.Errorf("roles are no list: %s", got)
	}
	return config
}

func TestCallbacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &fakeEngine{}
		p := startInitialized(t, e)
		token := connected(t, p, e, map[string]any{"tenantId": "contoso.com", "environment": "USGov",
			"credential": map[string]any{"kind": "AccessToken", "accessToken": "first", "canRefresh": true}})
		sign := connected(t, p, e, map[string]any{"tenantId": "t", "clientId": "c",
			"credential": map[string]any{"kind": "CertificateThumbprint", "thumbprint": "AB12", "certificate": "AQID"}})

		var gotToken contract.Secret
		var expires time.Time
		var signature []byte
		var gotErr error
		e.sync = func(ctx context.Context, r command.SyncRequest, _ contract.Report) (contract.Run, error) {
			if r.AllowOnce == "sign" {
				signature, gotErr = sign.Sign(ctx, []byte{0xff, 0xee}, "Pss")
			} else {
				gotToken, expires, gotErr = token.RefreshToken(ctx)
			}
			return contract.Run{}, nil
		}
		ask := func(what string) incoming {
			t.Helper()
			gotErr = nil
			p.call(2, "sync.start", map[string]any{"allowOnce": what})
			m := p.next()
			if m.Method == "" || len(m.ID) == 0 || m.ID[0] != '"' {
				t.Fatalf("got %+v, want a request with a text as its id", m)
			}
			return m
		}
		wantParams := func(m incoming, want string) {
			t.Helper()
			if string(m.Params) != want {
				t.Errorf("params of %s = %s, want %s", m.Method, m.Params, want)
			}
		}

		m := ask("token")
		wantParams(m, `{"resource":"https://graph.microsoft.us","tenantId":"contoso.com"}`)
		p.send(`{"jsonrpc":"2.0","id":` + string(m.ID) + `,"result":{"accessToken":"second","expiresOn":"2030-01-02T03:04:05Z"}}`)
		p.wantResult("2")
		if gotErr != nil || gotToken.Reveal() != "second" || expires.Year() != 2030 {
			t.Errorf("token: %q %v %v", gotToken.Reveal(), expires, gotErr)
		}

		m = ask("sign")
		wantParams(m, `{"digest":"/+4=","padding":"Pss","thumbprint":"AB12"}`)
		p.send(`{"jsonrpc":"2.0","id":` + string(m.ID) + `,"result":{"signature":"` + base64.StdEncoding.EncodeToString([]byte("signed")) + `"}}`)
		p.wantResult("2")
		if gotErr != nil || string(signature) != "signed" {
			t.Errorf("sign: %q %v", signature, gotErr)
		}

		for _, test := range []struct{ ask, answer, errorID string }{
			{"token", `"error":{"code":-32003,"message":"none left","data":{"id":"AccessTokenExpired"}}`, "AccessTokenExpired"},
			{"token", `"result":{}`, "AccessTokenExpired"},
			{"token", `"result":null`, "AccessTokenExpired"},
			{"token", `"result":{"accessToken":5}`, "AccessTokenExpired"},
			{"token", `"error":"what"`, "AccessTokenExpired"},
			{"sign", `"error":{"code":1,"message":"no key"}`, "SigningFailed"},
			{"sign", `"result":{"signature":"%"}`, "SigningFailed"},
			{"sign", `"result":{}`, "SigningFailed"},
		} {
			m := ask(test.ask)
			p.send(`{"jsonrpc":"2.0","id":` + string(m.ID) + `,` + test.answer + `}`)
			p.wantResult("2")
			if !contract.HasID(gotErr, test.errorID) {
				t.Errorf("%s answered %s: %v", test.ask, test.answer, gotErr)
			}
		}

		// The client does not answer at all; a late answer is not taken for anything
		// else.
		for _, test := range []struct{ ask, errorID string }{{"token", "AccessTokenExpired"}, {"sign", "SigningFailed"}} {
			start := time.Now()
			m := ask(test.ask)
			p.wantResult("2")
			if !contract.HasID(gotErr, test.errorID) || time.Since(start) != callTimeout {
				t.Errorf("%s without an answer: %v after %v", test.ask, gotErr, time.Since(start))
			}
			p.send(`{"jsonrpc":"2.0","id":` + string(m.ID) + `,"result":{"accessToken":"late"}}`)
			p.call(3, "session.get", nil)
			p.wantResult("3")
		}

		// A cancelled request does not wait for the client, and says that it was
		// cancelled.
		ask("sign")
		p.send(`{"jsonrpc":"2.0","method":"request.cancel","params":{"id":2}}`)
		p.wantResult("2")
		if !contract.HasID(gotErr, "Cancelled") {
			t.Errorf("cancelled: %v", gotErr)
		}

		// If no request is open, nothing is written.
		synctest.Wait()
		if _, _, err := token.RefreshToken(t.Context()); !contract.HasID(err, "AccessTokenExpired") {
			t.Errorf("without a request: %v", err)
		}
		if err := p.end(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// Whatever happens with secrets, neither an answer nor the log shows one.
func TestSecretsStayInside(t *testing.T) {
	const secret = "S3cr3t-Marker"
	e := &fakeEngine{connect: func(_ context.Context, s *contract.SourceConfig, d *contract.TargetConfig) (command.ConnectionInfo, error) {
		err := &contract.Error{Category: contract.Authentication, ID: "SignInFailed", Message: "Refused.", Advice: "Try again."}
		err.Err = fmt.Errorf("with %v, %+v and %#v", s, s, d)
		return command.ConnectionInfo{}, err
	}}
	p := startInitialized(t, e)
	credentials := []string{
		`"source":{"tenantId":"t","clientId":"c","credential":{"kind":"ClientSecret","secret":"%s"}}`,
		`"source":{"tenantId":"t","clientId":"c","credential":{"kind":"ClientCertificate","certificatePath":"/c","certificatePassword":"%s"}}`,
		`"source":{"credential":{"kind":"AccessToken","accessToken":"%s"}}`,
		`"target":{"server":"dc","credential":{"kind":"Simple","user":"u","password":"%s"}}`,
		`"target":{"server":"dc","credential":{"kind":"KerberosPassword","user":"u","password":"%s"}}`,
		// These are refused before the engine sees them.
		`"source":{"credential":{"kind":"ManagedIdentity","secret":"%s"}}`,
		`"source":{"tenantId":{"%[1]s":1},"credential":{"kind":"ClientSecret","secret":"%[1]s"}}`,
		`"target":{"server":"dc","credential":{"kind":"Simple","user":["%[1]s"],"password":"%[1]s"}}`,
		`"target":{"server":"dc","credential":{"kind":"Simple","passwort":"%s"}}`,
		`"source":{"tenantId":"t","clientId":"c","credential":{"kind":"CertificateThumbprint","thumbprint":"x","certificate":"%%%s"}}`,
	}
	var answers []string
	for i, c := range credentials {
		p.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"session.connect","params":{%s}}`, i+1, fmt.Sprintf(c, secret)))
		m := p.next()
		if m.Error == nil {
			t.Fatalf("%s: no error", c)
		}
		answers = append(answers, fmt.Sprintf("%+v", m.Error))
	}
	// Malformed lines that contain a secret.
	for _, line := range []string{`{"jsonrpc":"2.0","id":1,"method":"session.connect","params":{"source":"` + secret + `"`,
		`{"jsonrpc":"2.0","id":1,"method":"session.connect","params":"` + secret + `"}`} {
		p.send(line)
		answers = append(answers, fmt.Sprintf("%+v", p.next().Error))
	}
	p.send(`{"jsonrpc":"2.0","id":"engine-1","result":{"accessToken":"` + secret + `"}}`)
	if err := p.end(); err != nil {
		t.Errorf("Serve: %v", err)
	}
	for _, text := range append(answers, p.log.String()) {
		if strings.Contains(text, secret) {
			t.Errorf("the secret shows in %s", text)
		}
	}
	if !slices.ContainsFunc(strings.Split(p.log.String(), "\n"), func(s string) bool { return strings.Contains(s, "SignInFailed") }) {
		t.Errorf("the failure is not in the log: %s", p.log)
	}
}
