package graphtest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxBatch is the number of requests that Graph accepts in one batch.
const maxBatch = 20

type batchRequest struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`
}

type batchResponse struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
}

// batch serves POST /$batch. Each request is checked, throttled and logged separately,
// and the answers come in a different order from the requests.
func (rq *request) batch() *reply {
	if rq.method != http.MethodPost {
		return rq.failed(&graphError{status: http.StatusMethodNotAllowed, code: "BadRequest", message: "$batch accepts POST only."})
	}
	var in struct {
		Requests []batchRequest `json:"requests"`
	}
	if err := json.Unmarshal(rq.body, &in); err != nil || len(in.Requests) == 0 {
		return rq.failed(badRequest("BadRequest", "Invalid batch payload format."))
	}
	if len(in.Requests) > maxBatch {
		return rq.failed(badRequest("BadRequest", "Number of batch request steps exceeds the maximum value of %d.", maxBatch))
	}
	status := map[string]int{}
	out := make([]batchResponse, 0, len(in.Requests))
	for _, b := range in.Requests {
		id := strings.ToLower(b.ID)
		if _, twice := status[id]; twice || id == "" || b.Method == "" || b.URL == "" {
			return rq.failed(badRequest("BadRequest", "A batch request needs an id that is unique in the batch, a method and a url."))
		}
		status[id] = 0
	}
	for _, b := range in.Requests {
		res, err := rq.step(b, status)
		if err != nil {
			return rq.failed(err)
		}
		status[strings.ToLower(b.ID)] = res.Status
		out = append([]batchResponse{res}, out...)
	}
	body, err := json.Marshal(map[string]any{"responses": out})
	if err != nil {
		return rq.failed(&graphError{status: 500, code: "InternalServerError", message: err.Error()})
	}
	return &reply{status: http.StatusOK, body: body}
}

func (rq *request) step(b batchRequest, done map[string]int) (batchResponse, *graphError) {
	target, err := url.Parse("/" + strings.TrimPrefix(b.URL, "/"))
	if err != nil {
		return batchResponse{}, badRequest("BadRequest", "Invalid URL in the batch request %s.", b.ID)
	}
	header := http.Header{}
	for k, v := range b.Headers {
		header.Set(k, v)
	}
	path := "/" + rq.version + target.Path
	if len(b.Body) > 0 && header.Get("Content-Type") == "" {
		return batchResponse{}, badRequest("BadRequest", "The batch request %s has a body and no Content-Type.", b.ID)
	}
	entry := newEntry(b.Method, path, target.RawQuery, header, rq.now())
	entry.Batch = true
	sub := &request{
		Tenant: rq.Tenant, method: strings.ToUpper(b.Method), version: rq.version, rawQuery: target.RawQuery,
		segments: strings.Split(strings.Trim(target.Path, "/"), "/"),
		header:   header, base: rq.base, token: rq.token, inBatch: true, body: b.Body,
	}
	var res *reply
	if failed, err := dependencyFailed(b, done); err != nil {
		return batchResponse{}, err
	} else if failed {
		res = sub.failed(&graphError{status: http.StatusFailedDependency, code: "FailedDependency", message: "A request that this one depends on has failed."})
	} else {
		if sub.fault = rq.takeFault(sub.method, target.Path, target.RawQuery, true); sub.fault != nil {
			entry.Fault = sub.fault.Kind
			time.Sleep(time.Duration(sub.fault.DelayMS) * time.Millisecond)
		}
		res = sub.answer()
	}
	headers := res.headers(&entry)
	entry.Status, entry.Units, entry.Code = res.status, res.units, res.code
	rq.log(entry)
	body := json.RawMessage(res.body)
	if res.text {
		body, _ = json.Marshal(string(res.body))
	}
	return batchResponse{ID: b.ID, Status: res.status, Headers: headers, Body: body}, nil
}

func dependencyFailed(b batchRequest, done map[string]int) (bool, *graphError) {
	for _, id := range b.DependsOn {
		status, known := done[strings.ToLower(id)]
		if !known || status == 0 {
			return false, badRequest("BadRequest", "The batch request %s depends on %s, which does not come before it.", b.ID, id)
		}
		if status >= 400 {
			return true, nil
		}
	}
	return false, nil
}
