package stdio

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// FuzzMessages sends arbitrary lines. Afterwards a request is still answered, every
// output line is within its limit, and the session ends at once when its input does: no
// request stays open without being served.
func FuzzMessages(f *testing.F) {
	for _, line := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"session.get"}`,
		`{"jsonrpc":"2.0","id":"a","method":"nothing","params":{"x":[1,2]}}`,
		`{"jsonrpc":"2.0","ID":1,"method":"session.get"}`,
		`{"jsonrpc":"2.0","id":1,"result":{}}`,
		`{"jsonrpc":"2.0","id":"engine-1","error":{"code":1}}`,
		`{"jsonrpc":"2.0","id":1,"method":"request.cancel","params":{"id":1}}` + "\n" + `{"id":1}`,
		`{"jsonrpc":"2.0","id":1,"id":2,"method":"session.get","method":""}`,
		`[{"jsonrpc":"2.0","id":1,"method":"session.get"}]`,
		`{"jsonrpc":"2.0","id":1.5e3,"method":"session.get","params":[]}`,
		`{"jsonrpc":"2.0","id":[1],"method":"session.get"}` + "\n" + `{"jsonrpc":"2.0","id":{"a":null},"method":"session.get"}` + "\n" + `{"jsonrpc":"2.0","id":true,"method":"session.get"}`,
		`{"jsonrpc":"2.0","id":null,"method":"session.get","params":5}` + "\n" + `{"jsonrpc":"1.0","method":"session.get"}` + "\n" + `{"jsonrpc":"2.0","method":5}`,
		"\xff\xfe{\x00}\x00", "null", "{}", `"`, "{\"id\":\"\\ud800\",\"method\":\"x\",\"jsonrpc\":\"2.0\"}",
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, lines []byte) {
		const last = `{"jsonrpc":"2.0","id":"the last","method":"session.disconnect"}`
		in := io.MultiReader(
			strings.NewReader(`{"jsonrpc":"2.0","id":"the first","method":"session.initialize","params":{"protocol":1}}`+"\n"),
			bytes.NewReader(lines), strings.NewReader("\n"+last+"\n"))
		var out bytes.Buffer
		err := Serve(t.Context(), Config{
			Open: func(OpenRequest) (Opened, error) { return Opened{Engine: &fakeEngine{state: &fakeState{}}}, nil },
			Log:  slog.New(slog.DiscardHandler),
			// If a request stays open, the fuzzer's own time-out finds it.
			Grace: time.Hour,
		}, in, &out)
		if err != nil {
			t.Fatalf("Serve: %v", err)
		}
		if !strings.Contains(out.String(), `"id":"the last"`) {
			t.Errorf("the request after the lines was not answered: %s", out.String())
		}
		for _, line := range bytes.Split(out.Bytes(), []byte("\n")) {
			if len(line) > maxOutputLine {
				t.Errorf("a line of %d bytes", len(line))
			}
			if bytes.Contains(line, []byte(`"error"`)) && !bytes.Contains(line, []byte(`"advice":"`)) {
				t.Errorf("an error without data: %s", fmt.Sprintf("%.300s", line))
			}
		}
	})
}
