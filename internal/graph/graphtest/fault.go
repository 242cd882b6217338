package graphtest

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// FaultKind says what goes wrong.
type FaultKind string

const (
	// FaultStatus answers with Status, in Graph's error form with Code and
	// Message, or with the bytes of Body.
	FaultStatus FaultKind = "status"
	// FaultDrop closes the connection without an answer.
	FaultDrop FaultKind = "drop"
	// FaultTruncate announces the whole body, sends half of it and closes.
	FaultTruncate FaultKind = "truncate"
	// FaultCut sends half of the body as if that were all of it.
	FaultCut FaultKind = "cut"
	// FaultLatency waits for DelayMS, then answers as usual.
	FaultLatency FaultKind = "latency"
	// FaultEmptyPage answers with an empty page and a nextLink to the page that
	// was asked for, as Graph is allowed to do.
	FaultEmptyPage FaultKind = "empty-page"
	// FaultNoValue leaves the property value out of a page.
	FaultNoValue FaultKind = "no-value"
	// FaultLoop answers with the page and a nextLink to the same page.
	FaultLoop FaultKind = "loop"
	// FaultGone answers a delta request with 410 Gone and a Location that
	// begins again (concepts/delta-query-overview.md).
	FaultGone FaultKind = "gone"
)

// Fault disturbs the requests that it matches. Of the faults that match and are not
// used up, the one added first applies.
type Fault struct {
	ID   int       `json:"id"` // assigned by AddFault
	Kind FaultKind `json:"kind"`
	// Method and Path select requests; if empty, they match all. Path is a prefix of
	// the path after /v1.0 or /beta ("/groups"), or of the whole path elsewhere
	// ("/<tenant id>/oauth2"). Letter case does not matter.
	Method string `json:"method,omitempty"`
	Path   string `json:"path,omitempty"`
	// Query, if not empty, is a text that the raw query must contain.
	Query string `json:"query,omitempty"`
	// Skip is how many matching requests pass first.
	Skip int `json:"skip,omitempty"`
	// Count is how many requests are disturbed: 0 means one, a negative number all.
	Count int `json:"count,omitempty"`

	Status     int    `json:"status,omitempty"`
	Code       string `json:"code,omitempty"`
	Message    string `json:"message,omitempty"`
	Body       string `json:"body,omitempty"`
	RetryAfter int    `json:"retryAfter,omitempty"` // seconds; 0 sends no header
	DelayMS    int    `json:"delayMs,omitempty"`    // milliseconds, in addition to any kind

	// Hits is how many requests have been disturbed so far.
	Hits int `json:"hits"`
	seen int
}

func (f *Fault) validate() error {
	switch f.Kind {
	case FaultStatus:
		if f.Status < 400 && f.Body == "" || f.Status > 599 || f.Status < 200 {
			return fmt.Errorf("fault: status %d, want 400 to 599, or any with a body", f.Status)
		}
	case FaultLatency:
		if f.DelayMS <= 0 {
			return fmt.Errorf("fault: latency needs delayMs above 0")
		}
	case FaultDrop, FaultTruncate, FaultCut, FaultEmptyPage, FaultNoValue, FaultLoop, FaultGone:
	default:
		return fmt.Errorf("fault: unknown kind %q", f.Kind)
	}
	return nil
}

// matches reports whether the fault applies to the request, and counts the request. A
// request within a batch has no connection of its own that could be disturbed.
func (f *Fault) matches(method, path, query string, inBatch bool) bool {
	if inBatch && (f.Kind == FaultDrop || f.Kind == FaultTruncate || f.Kind == FaultCut) {
		return false
	}
	if f.Method != "" && !strings.EqualFold(f.Method, method) || !hasPrefixFold(path, f.Path) || !strings.Contains(query, f.Query) {
		return false
	}
	limit := f.Count
	if limit == 0 {
		limit = 1
	}
	if limit > 0 && f.Hits >= limit {
		return false
	}
	f.seen++
	if f.seen <= f.Skip {
		return false
	}
	f.Hits++
	return true
}

func (f *Fault) failure() *graphError {
	e := &graphError{status: f.Status, code: f.Code, message: f.Message}
	if e.code == "" {
		e.code = map[int]string{
			http.StatusTooManyRequests:     "TooManyRequests",
			http.StatusServiceUnavailable:  "ServiceUnavailable",
			http.StatusGatewayTimeout:      "GatewayTimeout",
			http.StatusForbidden:           "Authorization_RequestDenied",
			http.StatusUnauthorized:        "InvalidAuthenticationToken",
			http.StatusNotFound:            "Request_ResourceNotFound",
			http.StatusInternalServerError: "InternalServerError",
		}[f.Status]
	}
	if e.code == "" {
		e.code = "UnknownError"
	}
	if e.message == "" {
		e.message = "A fault of the simulated tenant."
	}
	if f.RetryAfter > 0 {
		e.with("Retry-After", fmt.Sprint(f.RetryAfter))
	}
	return e
}

// takeFault returns a copy of the fault for a request, or nil.
func (t *Tenant) takeFault(method, path, query string, inBatch bool) *Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.faults {
		if f.matches(method, path, query, inBatch) {
			c := *f
			return &c
		}
	}
	return nil
}

// delay waits before an answer, unless the client has gone away.
func delay(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}
