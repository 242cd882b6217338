package graphtest

import (
	"fmt"
	"net/http"
	"strconv"
)

// graphError is the error of a failed Graph request.
type graphError struct {
	status  int
	code    string
	message string
	header  map[string]string
}

func badRequest(code, format string, args ...any) *graphError {
	return &graphError{status: http.StatusBadRequest, code: code, message: fmt.Sprintf(format, args...)}
}

func (e *graphError) with(key, value string) *graphError {
	if e.header == nil {
		e.header = map[string]string{}
	}
	e.header[key] = value
	return e
}

// notImplemented returns the error for what Graph supports and this package does not.
// It fails loudly, so that no test passes because an option was ignored.
func notImplemented(format string, args ...any) *graphError {
	return badRequest("Request_UnsupportedQuery", "The simulated tenant does not implement "+format+".", args...)
}

func noSegment(segment string) *graphError {
	return badRequest("BadRequest", "Resource not found for the segment '%s' (or not implemented by the simulated tenant).", segment)
}

func notFound(id string) *graphError {
	return &graphError{status: http.StatusNotFound, code: "Request_ResourceNotFound",
		message: "Resource '" + id + "' does not exist or one of its queried reference-property objects are not present."}
}

func denied() *graphError {
	return &graphError{status: http.StatusForbidden, code: "Authorization_RequestDenied",
		message: "Insufficient privileges to complete the operation."}
}

func needsAdvanced(what string) *graphError {
	return badRequest("Request_UnsupportedQuery", "%s is only supported with the header 'ConsistencyLevel: eventual' and the query parameter '$count=true'.", what)
}

func expiredPage() *graphError {
	return badRequest("Directory_ExpiredPageToken", "The specified page token value has expired or is invalid and can no longer be included in your request.")
}

// invalidToken returns an error with the challenge that clients read to find the
// authority.
func invalidToken(message string) *graphError {
	e := &graphError{status: http.StatusUnauthorized, code: "InvalidAuthenticationToken", message: message}
	return e.with("WWW-Authenticate", `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="`+graphAppID+`"`)
}

func tooManyRequests(retryAfter int, scope string) *graphError {
	e := &graphError{status: http.StatusTooManyRequests, code: "TooManyRequests", message: "Too many requests."}
	return e.with("Retry-After", strconv.Itoa(retryAfter)).
		with("x-ms-throttle-scope", scope).
		with("x-ms-throttle-information", "ResourceUnitLimitExceeded")
}
