package stdio

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":"plain \"text\"","n":1.5,"z":null}`:               `{"a":"plain \"text\"","n":1.5,"z":null}`,
		`{"a":"Pay\u202eroll","b":"x"}`:                         `{"a":"Payroll","b":"x"}`,
		"{\"a\":\"Pay\u202eroll\"}":                             `{"a":"Payroll"}`,
		`{"a":"two\r\nlines\u001b[31m\u2028x"}`:                 `{"a":"two lines [31m x"}`,
		`["\u200b","می` + "\u200c" + `خواهم",["\ud83d\ude00"]]`: `["","می` + "\u200c" + `خواهم",["\ud83d\ude00"]]`,
		`{"\u200bkey":"\\u202e \\\u202e"}`:                      `{"key":"\\u202e \\"}`,
		`"`:                                                     `"`,
		``:                                                      ``,
		`{"a":"\x"}`:                                            `{"a":"\x"}`,
	} {
		if got := string(printable([]byte(in))); got != want {
			t.Errorf("%s became %s", in, got)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add([]byte(`{"a":["\u202e","b\\\"\u200b"],"c":"\u2028"}`))
	f.Add([]byte("{\"\xff\":\"\u200d\"}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got := printable(text)
		var before, after any
		if json.Unmarshal(text, &before) != nil {
			return
		}
		if err := json.Unmarshal(got, &after); err != nil {
			t.Fatalf("%q became %q: %v", text, got, err)
		}
		var walk func(v any)
		walk = func(v any) {
			switch v := v.(type) {
			case string:
				if directory.Clean(v) != v {
					t.Errorf("%q became %q, with %q", text, got, v)
				}
			case []any:
				for _, item := range v {
					walk(item)
				}
			case map[string]any:
				for key, item := range v {
					walk(key)
					walk(item)
				}
			}
		}
		walk(after)
	})
}

func TestLogLinesArePrintable(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(Printable(&out), nil)).With("file", "a\u202eb")
	log.Error("a\nb", "error", fmt.Errorf("diagnostic \x1b[2J of \u200bLDAP"), "object", []string{"x\u2066y"})
	line := out.String()
	if strings.Count(line, "\n") != 1 || !json.Valid(out.Bytes()) {
		t.Errorf("not one line: %q", line)
	}
	for _, part := range []string{`"file":"ab"`, `"msg":"a b"`, `"error":"diagnostic  [2J of LDAP"`, `"object":["xy"]`} {
		if !strings.Contains(line, part) {
			t.Errorf("%s is not in %s", part, line)
		}
	}
}

// TestWhatIsAnsweredIsPrintable covers results, errors and progress, whoever wrote the
// texts in them. An id stays as the client wrote it.
func TestWhatIsAnsweredIsPrintable(t *testing.T) {
	state := &fakeState{count: 1, changes: func(i int64) contract.SpooledChange {
		return contract.SpooledChange{ID: i, Change: plan.Change{Action: plan.Update, DisplayName: "Pay\u202eroll", Message: "x\u001b[2Jy\u2028z",
			Attributes: []plan.AttributeChange{{Name: "displayName", Old: []string{"Pay\u202eroll"}, New: []string{"Payroll"}}}}}
	}}
	e := &fakeEngine{state: state, sync: func(_ context.Context, _ command.SyncRequest, report contract.Report) (contract.Run, error) {
		return contract.Run{}, &contract.Error{Category: contract.InvalidData, ID: "WriteRefused", Object: "CN=a\u200bb", Message: "m\u202em.", Advice: "Do\u2066 it.", Err: errors.New("diag\x00nostic\r\n\u200f")}
	}}
	p := startInitialized(t, e)
	p.call(1, "change.list", map[string]any{"runId": 1})
	got := string(p.wantResult("1"))
	for _, want := range []string{`"displayName":"Payroll"`, `"message":"x [2Jy z"`, `"new":["Payroll"]`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
	var list struct{ Changes []change }
	if err := json.Unmarshal([]byte(got), &list); err != nil || list.Changes[0].Attributes[0].Old[0] != "Pay<U+202E>roll" {
		t.Errorf("%v, the old value is %+v", err, list.Changes)
	}
	p.send(`{"jsonrpc":"2.0","id":"a\u200bb","method":"sync.start","params":{}}`)
	m := p.next()
	if text := fmt.Sprintf("%+v %+v", m.Error, m.Error.Data); string(m.ID) != `"a\u200bb"` || directory.Clean(text) != text || !strings.Contains(text, "diag nostic") {
		t.Errorf("%s: %q", m.ID, text)
	}
}
