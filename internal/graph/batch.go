package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	abs "github.com/microsoft/kiota-abstractions-go"
	"golang.org/x/sync/errgroup"

	"groupwriteback/internal/contract"
)

const (
	// batchSize is how many requests Graph accepts in one batch.
	batchSize = 20
	// batchReaders is how many batches may be under way at once; each counts as twenty
	// requests.
	batchReaders = 6
)

// batchResponse is the answer to one request of a batch. The zero value means no
// answer.
type batchResponse struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
}

func (r batchResponse) header() http.Header {
	h := http.Header{}
	for name, value := range r.Headers {
		h.Set(name, value)
	}
	return h
}

// decode parses a successful answer; any other answer is a [statusError].
func (r batchResponse) decode(into any) error {
	switch r.Status {
	case 0:
		return fmt.Errorf("a request in the batch got no response")
	case http.StatusOK:
		return json.Unmarshal(r.Body, into)
	}
	return newStatusError(r.Status, r.header(), bytes.NewReader(r.Body))
}

// batches sends the requests to a version of the API, twenty at once. It calls answer
// with each answer and the index of its request, one at a time and in no particular
// order.
func (s *source) batches(ctx context.Context, v version, requests []*abs.RequestInformation, answer func(i int, r batchResponse) error) error {
	var one sync.Mutex
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(batchReaders)
	for first := 0; first < len(requests); first += batchSize {
		part := requests[first:min(first+batchSize, len(requests))]
		work.Go(func() error {
			responses, err := s.batch(ctx, v, part)
			if err != nil {
				return err
			}
			one.Lock()
			defer one.Unlock()
			for i, r := range responses {
				if err := answer(first+i, r); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return work.Wait()
}

// batch is up to twenty requests that are sent as one. Even if the batch succeeds, each
// of its requests may fail.
type batch struct {
	version  version
	requests []*abs.RequestInformation

	responses []batchResponse
	open      []int // the indexes of the requests to send

	answered       bool      // at least one request was answered
	throttledSince time.Time // zero while none is throttled
	throttledTimes int       // number of rounds with throttled requests
	faults         int       // number of rounds with failed requests
	renewed        bool      // the token was renewed
}

// round is the result of sending a batch's open requests once.
type round struct {
	sent      time.Time
	token     string
	throttled []int
	asked     time.Duration // how long the throttled ones have to wait; 0: not specified
	failed    []int         // failed because of a server fault
	refused   []int         // refused because of the token
}

// batch sends one batch, and sends those of its requests again that were throttled or
// failed because of a server fault.
func (s *source) batch(ctx context.Context, v version, requests []*abs.RequestInformation) ([]batchResponse, error) {
	b := &batch{version: v, requests: requests, responses: make([]batchResponse, len(requests)), open: make([]int, len(requests))}
	for i := range b.open {
		b.open[i] = i
	}
	for len(b.open) > 0 {
		r, err := s.sendBatch(ctx, b)
		if err != nil {
			return nil, err
		}
		b.open = r.throttled
		if err := s.renewToken(ctx, b, r); err != nil {
			return nil, err
		}
		if err := s.pauseForFaults(ctx, b, r); err != nil {
			return nil, err
		}
		if err := s.holdForThrottling(ctx, b, r); err != nil {
			return nil, err
		}
	}
	return b.responses, nil
}

// sendBatch sends the open requests once.
func (s *source) sendBatch(ctx context.Context, b *batch) (round, error) {
	token, err := s.tokens.token(ctx)
	if err != nil {
		return round{}, err
	}
	sent := time.Now()
	got, err := s.postBatch(ctx, b)
	if err != nil {
		return round{}, err
	}
	r := b.judge(sent, got)
	r.token = token
	return r, nil
}

// judge records the answers to the open requests, and sorts out those to send again.
func (b *batch) judge(sent time.Time, got map[string]batchResponse) round {
	r := round{sent: sent}
	if b.throttledSince.IsZero() {
		b.throttledSince = sent
	}
	for _, i := range b.open {
		response := got[strconv.Itoa(i)]
		b.responses[i] = response
		b.answered = b.answered || response.Status == http.StatusOK
		switch {
		case b.answered && longUnavailable(response.Status, b.throttledSince):
		case throttles(response.Status):
			r.throttled = append(r.throttled, i)
			r.asked = max(r.asked, retryAfter(response.header()))
		case faulty(response.Status):
			r.failed = append(r.failed, i)
		case response.Status == http.StatusUnauthorized:
			r.refused = append(r.refused, i)
		}
	}
	if len(r.throttled) == 0 {
		b.throttledSince = time.Time{}
	}
	return r
}

// renewToken sends the refused requests again, once, with another token. If there is no
// other token, each answer stands.
func (s *source) renewToken(ctx context.Context, b *batch, r round) error {
	if len(r.refused) == 0 || b.renewed {
		return nil
	}
	b.renewed = true
	switch fresh, err := s.tokens.replace(ctx, r.token); {
	case contract.HasID(err, "AccessTokenExpired"):
	case err != nil:
		return err
	case fresh != r.token:
		b.open = append(b.open, r.refused...)
	}
	return nil
}

// pauseForFaults schedules the failed requests again after a pause, a few times.
func (s *source) pauseForFaults(ctx context.Context, b *batch, r round) error {
	if len(r.failed) == 0 {
		return nil
	}
	if b.faults++; b.faults >= s.gate.attempts {
		return nil
	}
	b.open = append(b.open, r.failed...)
	delay := backoff(faultDelay, b.faults)
	contract.TellWaiting(ctx, contract.Waiting{
		For: hostOf(string(b.version)), Why: "it did not answer all requests in a batch", Since: r.sent, Next: time.Now().Add(delay), Brief: true,
	})
	return contract.Pause(ctx, delay)
}

// holdForThrottling closes the gate if requests were throttled. The gate took the batch
// for a success, which ended its streak, so the batch keeps its own count.
func (s *source) holdForThrottling(ctx context.Context, b *batch, r round) error {
	if len(r.throttled) == 0 {
		return nil
	}
	b.throttledTimes++
	asked := r.asked
	if asked == 0 {
		asked = backoff(throttleDelay, b.throttledTimes)
	}
	return s.gate.hold(ctx, hostOf(string(b.version)), http.StatusTooManyRequests, b.throttledSince, r.sent, asked)
}

// batchRequest is one request of a batch.
type batchRequest struct {
	ID      string            `json:"id"`
	Method  string            `json:"method"`
	URL     string            `json:"url"` // relative to the version
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body,omitempty"`
}

// asPart returns the request as the part of a batch with that id. Each part has its own
// headers, and is throttled separately.
func (v version) asPart(id string, info *abs.RequestInformation) (batchRequest, error) {
	to, err := addressOf(info)
	if err != nil {
		return batchRequest{}, err
	}
	headers := map[string]string{throttlePriority: "low"}
	if len(info.Content) > 0 {
		headers["Content-Type"] = "application/json"
	}
	return batchRequest{
		ID: id, Method: info.Method.String(), URL: strings.TrimPrefix(to, string(v)), Headers: headers, Body: info.Content,
	}, nil
}

// postBatch sends the open requests, and returns the answers by their index as text.
func (s *source) postBatch(ctx context.Context, b *batch) (map[string]batchResponse, error) {
	var content struct {
		Requests []batchRequest `json:"requests"`
	}
	for _, i := range b.open {
		part, err := b.version.asPart(strconv.Itoa(i), b.requests[i])
		if err != nil {
			return nil, err
		}
		content.Requests = append(content.Requests, part)
	}
	request, err := post(string(b.version)+"/$batch", content)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Responses []batchResponse `json:"responses"`
	}
	if err := s.send(ctx, request, &answer); err != nil {
		return nil, err
	}
	responses := make(map[string]batchResponse, len(answer.Responses))
	for _, r := range answer.Responses {
		responses[r.ID] = r
	}
	return responses, nil
}
