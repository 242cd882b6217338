package contract

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Category is the kind of an error. Each category maps to one PowerShell ErrorCategory
// and to one JSON-RPC code.
type Category string

// The categories.
const (
	InvalidArgument  Category = "InvalidArgument"
	ObjectNotFound   Category = "ObjectNotFound"
	PermissionDenied Category = "PermissionDenied"
	Authentication   Category = "AuthenticationError"
	Connection       Category = "ConnectionError"
	InvalidState     Category = "InvalidOperation" // the thing cannot be done as things stand
	ResourceBusy     Category = "ResourceBusy"
	LimitsExceeded   Category = "LimitsExceeded"
	InvalidData      Category = "InvalidData" // a file or an answer that cannot be read
	Stopped          Category = "OperationStopped"
	NotSpecified     Category = "NotSpecified" // a defect of ours
)

// Error is the only error type that crosses the protocol. Each connector translates the
// errors of its libraries into it, once, at its edge.
type Error struct {
	Category Category
	// ID is stable, in PascalCase, and listed in docs/protocol.md.
	ID string
	// Object names the DN, group, file or host that the error is about.
	Object string
	// Message says what is wrong, in one sentence.
	Message string
	// Advice says what to do next, in one sentence.
	Advice string
	// Err is the cause, for the log. It may be nil and never holds a secret.
	Err error
}

// Error returns the object, the message and the cause.
func (e *Error) Error() string {
	s := e.Message
	if e.Object != "" {
		s = e.Object + ": " + s
	}
	if e.Err != nil {
		s = fmt.Sprintf("%s (%v)", s, e.Err)
	}
	return s
}

// maxCause bounds the text of a foreign error, in bytes. The protocol transfers that much
// unabridged.
const maxCause = 4 << 10

// Cause returns the message of the server or the library, or "" if there is none.
func (e *Error) Cause() string {
	if e.Err == nil {
		return ""
	}
	cause := e.Err.Error()
	if len(cause) > maxCause {
		cause = strings.ToValidUTF8(cause[:maxCause], "") + "…"
	}
	return cause
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, &Error{ID: "X"}) match an error by its id.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.ID == e.ID
}

// AsError returns the [Error] in err's chain. An ended context becomes Cancelled; any
// other error is reported as a defect of this program.
func AsError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return ErrCancelled(err)
	}
	return &Error{
		Category: NotSpecified, ID: "InternalError", Message: err.Error(), Err: err,
		Advice: "This is a bug. Please report it and attach the engine's log file.",
	}
}

// ErrCancelled is the error of a request that was cancelled; err is the cause.
func ErrCancelled(err error) *Error {
	return &Error{Category: Stopped, ID: "Cancelled", Message: "The request was cancelled.", Advice: "Run it again when you want to continue.", Err: err}
}

// HasID reports whether err is an [Error] with this id.
func HasID(err error, id string) bool { return errors.Is(err, &Error{ID: id}) }

// OneOf lists two or more values in words: "A, B or C".
func OneOf[T ~string](list []T) string {
	words := make([]string, len(list))
	for i, word := range list {
		words[i] = string(word)
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// CheckOneOf returns an [InvalidParameter] error if the value is neither empty nor in the
// list.
func CheckOneOf[T ~string](name string, value T, list []T) error {
	if value == "" || slices.Contains(list, value) {
		return nil
	}
	return InvalidParameter(name, string(value), OneOf(list))
}

// InvalidParameter is the error for a parameter whose value is not allowed; allowed
// describes the allowed values.
func InvalidParameter(name, value, allowed string) error {
	return &Error{Category: InvalidArgument, ID: "InvalidParameter", Object: name,
		Message: fmt.Sprintf("The value %q is not allowed.", value), Advice: "Specify " + allowed + "."}
}

// ErrNotEnabled is the error of a request that needs writeback to be enabled.
func ErrNotEnabled() error {
	return &Error{Category: InvalidState, ID: "NotEnabled", Message: "Group writeback is disabled.", Advice: "Run Enable-GroupWriteback first."}
}

// ErrNotConfigured is the error of a request that needs settings, if there are none.
func ErrNotConfigured() error {
	return &Error{Category: InvalidState, ID: "NotConfigured", Message: "Group writeback has never been enabled with this state.",
		Advice: "Run Enable-GroupWriteback, or specify the correct folder with -StatePath."}
}
