package stdio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/creachadair/jrpc2"

	"groupwriteback/internal/contract"
)

// message is one line of the input. A request has a method; an answer to a request of
// the engine has none.
type message struct {
	id     string // as written; empty if it is missing, null or unusable
	method string
	answer *reply
}

// maxID bounds a request's id in bytes; the answer repeats it.
const maxID = 256

// parseMessage parses a line, and returns an error if it is not a valid message. Only
// valid requests reach the server below: jrpc2 treats a request whose id it cannot use
// as a notification, keeps it beyond the end of the input, and then has no channel left
// to refuse it on.
func parseMessage(line []byte) (message, *jrpc2.Error) {
	if line[0] == '[' {
		return message{}, &batchUnsupported
	}
	if !utf8.Valid(line) {
		return message{}, &notUTF8
	}
	// Use a map, because names in JSON-RPC are case-sensitive.
	var fields map[string]json.RawMessage
	if json.Unmarshal(line, &fields) != nil || fields == nil {
		return message{}, protocolError(jrpc2.ParseError, &contract.Error{Category: contract.InvalidArgument, ID: "ParseError",
			Message: "A line of the input is not a JSON object.",
			Advice:  "Send one JSON-RPC 2.0 message per line."})
	}
	var m message
	id := fields["id"]
	named := len(id) <= maxID && isID(id)
	if named {
		m.id = string(id)
	}
	result, failure := fields["result"], fields["error"]
	method, isRequest := fields["method"]
	if !isRequest && (result != nil || failure != nil) {
		m.answer = &reply{result, failure}
		return m, nil
	}
	params := fields["params"]
	wrong := func(format string, args ...any) (message, *jrpc2.Error) {
		return m, protocolError(jrpc2.InvalidRequest, &contract.Error{Category: contract.InvalidArgument, ID: "InvalidRequest",
			Message: "The message is not a JSON-RPC 2.0 request: " + fmt.Sprintf(format, args...) + ".",
			Advice:  "Send an object with jsonrpc, id, method and optionally params. The id must differ from those of open requests."})
	}
	var version string
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		switch field {
		case "jsonrpc", "id", "method", "params":
		default:
			return wrong("it has the unknown field %q", clip(field))
		}
	}
	switch {
	case json.Unmarshal(fields["jsonrpc"], &version) != nil || version != "2.0":
		return wrong(`jsonrpc is not "2.0"`)
	case id != nil && !named && !isNull(id):
		return wrong("id is neither a number nor a string of at most %d bytes", maxID)
	case json.Unmarshal(method, &m.method) != nil || m.method == "":
		return wrong("method is not a string or is empty")
	case params != nil && !isNull(params) && params[0] != '{' && params[0] != '[':
		return wrong("params is not an object")
	}
	return m, nil
}

// isID reports whether the value is a string or a number.
func isID(value json.RawMessage) bool {
	return len(value) > 0 && (value[0] == '"' || value[0] == '-' || '0' <= value[0] && value[0] <= '9')
}

func isNull(value json.RawMessage) bool { return bytes.Equal(value, []byte("null")) }
