package stdio

import (
	"context"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/creachadair/jrpc2"

	"groupwriteback/internal/contract"
)

// errorData is the error.data of the protocol.
type errorData struct {
	Category contract.Category `json:"category"`
	ID       string            `json:"id"`
	Object   string            `json:"object"`
	Advice   string            `json:"advice"`
	Cause    string            `json:"cause"`
}

// codes maps categories to the protocol's error codes.
var codes = map[contract.Category]jrpc2.Code{
	contract.InvalidArgument:  jrpc2.InvalidParams,
	contract.NotSpecified:     jrpc2.InternalError,
	contract.ObjectNotFound:   -32001,
	contract.PermissionDenied: -32002,
	contract.Authentication:   -32003,
	contract.Connection:       -32004,
	contract.InvalidState:     -32005,
	contract.ResourceBusy:     -32006,
	contract.LimitsExceeded:   -32007,
	contract.InvalidData:      -32008,
	contract.Stopped:          -32009,
}

// maxErrorText bounds each text of an error, in bytes, because texts may quote input.
const maxErrorText = 4 << 10

// wireError converts an error to the protocol's form.
func wireError(e *contract.Error) *jrpc2.Error {
	code, ok := codes[e.Category]
	if !ok {
		code = jrpc2.InternalError
	}
	data := errorData{Category: e.Category, ID: e.ID, Object: clip(e.Object), Advice: clip(e.Advice)}
	if e.Err != nil && e.Err.Error() != e.Message {
		data.Cause = clip(e.Err.Error())
	}
	return (&jrpc2.Error{Code: code, Message: clip(e.Message)}).WithData(data)
}

// protocolError is like wireError, for errors that have a code in JSON-RPC.
func protocolError(code jrpc2.Code, e *contract.Error) *jrpc2.Error {
	out := wireError(e)
	out.Code = code
	return out
}

// The answers to lines that are not valid messages.
var (
	messageTooLarge = *protocolError(jrpc2.InvalidRequest, &contract.Error{Category: contract.InvalidArgument, ID: "MessageTooLarge",
		Message: "A line of the input is longer than 4 MiB and was discarded.",
		Advice:  "Send shorter requests."})
	batchUnsupported = *protocolError(jrpc2.InvalidRequest, &contract.Error{Category: contract.InvalidArgument, ID: "InvalidRequest",
		Message: "Batch requests are not supported.",
		Advice:  "Send each request on its own line."})
	idInUse = *protocolError(jrpc2.InvalidRequest, &contract.Error{Category: contract.InvalidArgument, ID: "InvalidRequest",
		Message: "Another open request has this id.",
		Advice:  "Use a different id for each request."})
	notUTF8 = *protocolError(jrpc2.ParseError, &contract.Error{Category: contract.InvalidArgument, ID: "ParseError",
		Message: "A line of the input is not UTF-8.",
		Advice:  "Write the engine's input in UTF-8 without a byte-order mark."})
)

// complete adds the protocol's data to an error that jrpc2 created by itself. Errors
// that already have the data are returned unchanged.
func complete(message []byte) []byte {
	var answer struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   jrpc2.Error     `json:"error"`
	}
	if json.Unmarshal(message, &answer) != nil {
		return message
	}
	var data errorData
	if json.Unmarshal(answer.Error.Data, &data) == nil && data.ID != "" {
		return message
	}
	answer.Error = *ownError(&answer.Error)
	text, err := json.Marshal(answer)
	if err != nil {
		return message
	}
	return text
}

func ownError(e *jrpc2.Error) *jrpc2.Error {
	switch e.Code {
	case jrpc2.InvalidRequest: // the only such error that reaches the server
		return &idInUse
	case jrpc2.Cancelled:
		return wireError(errCancelled())
	}
	return wireError(contract.AsError(errors.New(e.Message)))
}

func methodNotFound(name string) *jrpc2.Error {
	return protocolError(jrpc2.MethodNotFound, &contract.Error{Category: contract.InvalidArgument, ID: "MethodNotFound", Object: name,
		Message: "The method does not exist.",
		Advice:  "Use the module and the engine of the same release. docs/protocol.md lists the methods."})
}

func errCancelled() *contract.Error {
	return &contract.Error{Category: contract.Stopped, ID: "Cancelled", Message: "The request was cancelled.",
		Advice: "Run it again when you want to continue."}
}

// translate converts the error of a method to the error that is sent to the client.
func translate(ctx context.Context, err error) *contract.Error {
	var known *contract.Error
	switch isKnown := errors.As(err, &known); {
	case isKnown && known.ID == "Cancelled":
		return known
	case ctx.Err() != nil || !isKnown && errors.Is(err, context.Canceled):
		return errCancelled()
	}
	return contract.AsError(err)
}

func invalidParameter(name, message, advice string) *contract.Error {
	return &contract.Error{Category: contract.InvalidArgument, ID: "InvalidParameter", Object: name, Message: message, Advice: advice}
}

// clip cuts a text to maxErrorText bytes, between characters.
func clip(s string) string {
	if len(s) <= maxErrorText {
		return s
	}
	end := maxErrorText - len("…")
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
