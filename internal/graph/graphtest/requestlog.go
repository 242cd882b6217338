package graphtest

import (
	"strings"
	"time"
)

// Request is one entry of the log: a request over HTTP, or one within a batch. Requests
// to the control interface are not logged.
type Request struct {
	Time            time.Time `json:"time"`
	Method          string    `json:"method"`
	Path            string    `json:"path"` // the whole path, with the version
	Query           string    `json:"query,omitempty"`
	Status          int       `json:"status"` // 0 if the connection was dropped
	Units           int       `json:"units,omitempty"`
	Batch           bool      `json:"batch,omitempty"` // within a batch
	Fault           FaultKind `json:"fault,omitempty"`
	Code            string    `json:"code,omitempty"` // of a Graph error
	RequestID       string    `json:"requestId,omitempty"`
	ClientRequestID string    `json:"clientRequestId,omitempty"`
	Priority        string    `json:"priority,omitempty"` // x-ms-throttle-priority
	UserAgent       string    `json:"userAgent,omitempty"`
}

// maxRequests bounds the log; beyond it, the oldest entries are dropped.
const maxRequests = 400_000

func (t *Tenant) log(r Request) {
	t.logMu.Lock()
	defer t.logMu.Unlock()
	if len(t.requests) >= maxRequests {
		t.requests = append(t.requests[:0:0], t.requests[maxRequests/4:]...)
	}
	t.requests = append(t.requests, r)
}

// Requests returns a copy of the log, in the order of the answers.
func (t *Tenant) Requests() []Request {
	t.logMu.Lock()
	defer t.logMu.Unlock()
	return append([]Request(nil), t.requests...)
}

// Count returns how many requests in the log have the method (empty: any) and a path
// that begins with prefix after /v1.0 or /beta.
func (t *Tenant) Count(method, prefix string) int {
	t.logMu.Lock()
	defer t.logMu.Unlock()
	n := 0
	for _, r := range t.requests {
		if r.matches(method, prefix) {
			n++
		}
	}
	return n
}

func (r Request) matches(method, prefix string) bool {
	return (method == "" || strings.EqualFold(r.Method, method)) && hasPrefixFold(unversioned(r.Path), prefix)
}

// ClearRequests empties the log.
func (t *Tenant) ClearRequests() {
	t.logMu.Lock()
	defer t.logMu.Unlock()
	t.requests = nil
}

// unversioned removes /v1.0 or /beta from a path.
func unversioned(path string) string {
	for _, version := range []string{"/v1.0", "/beta"} {
		if rest, ok := strings.CutPrefix(path, version); ok && (rest == "" || rest[0] == '/') {
			return rest
		}
	}
	return path
}
