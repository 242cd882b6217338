package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

const (
	// batchSize is how many requests Graph takes in one batch.
	batchSize = 20
	// batchReaders is how many batches are under way at once: each counts as
	// twenty requests.
	batchReaders = 6
	// maxAlternatives is how many values Graph takes after "in" in a filter.
	maxAlternatives = 15
)

// batchResponse is the answer to one request of a batch; the zero one stands
// for none.
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

// decode reads a successful answer; any other is a [statusError].
func (r batchResponse) decode(into any) error {
	switch r.Status {
	case 0:
		return fmt.Errorf("a request of a batch was not answered")
	case http.StatusOK:
		return json.Unmarshal(r.Body, into)
	}
	return newStatusError(r.Status, r.header(), bytes.NewReader(r.Body))
}

// batches reads the addresses, relative to root, twenty in a request, and gives
// each answer with the place of its address, one at a time and in no order.
func (s *source) batches(ctx context.Context, root string, addresses []string, answer func(i int, r batchResponse) error) error {
	return s.batchesOf(ctx, root, addresses, nil, answer)
}

// batchesOf is batches where each address is read by a POST of the body, if there
// is one.
func (s *source) batchesOf(ctx context.Context, root string, addresses []string, body any, answer func(i int, r batchResponse) error) error {
	var one sync.Mutex
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(batchReaders)
	for first := 0; first < len(addresses); first += batchSize {
		part := addresses[first:min(first+batchSize, len(addresses))]
		work.Go(func() error {
			responses, err := s.batch(ctx, root, part, body)
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

// batch sends one batch, and again those of its requests that were throttled
// or met a fault of the server: each is judged by itself, within a batch that
// succeeds.
func (s *source) batch(ctx context.Context, root string, addresses []string, body any) ([]batchResponse, error) {
	responses := make([]batchResponse, len(addresses))
	open := make([]int, len(addresses))
	for i := range open {
		open[i] = i
	}
	var started time.Time // since when some are throttled
	others := false       // were answered
	var renewed bool
	for faults, rounds := 0, 0; len(open) > 0; {
		token, err := s.tokens.token(ctx)
		if err != nil {
			return nil, err
		}
		sent := time.Now()
		got, err := s.postBatch(ctx, root, addresses, body, open)
		if err != nil {
			return nil, err
		}
		if started.IsZero() {
			started = sent
		}
		var throttled, failed, refused []int
		var asked time.Duration
		for _, i := range open {
			r := got[strconv.Itoa(i)]
			responses[i] = r
			others = others || r.Status == http.StatusOK
			switch {
			case throttles(r.Status) && r.Status != http.StatusTooManyRequests && others && time.Since(started) > ownPatience:
				// as at the gate
			case throttles(r.Status):
				throttled = append(throttled, i)
				asked = max(asked, retryAfter(r.header()))
			case r.Status == http.StatusInternalServerError || r.Status == http.StatusBadGateway:
				failed = append(failed, i)
			case r.Status == http.StatusUnauthorized:
				refused = append(refused, i)
			}
		}
		if open = throttled; len(throttled) == 0 {
			started = time.Time{}
		}
		if len(refused) > 0 && !renewed {
			renewed = true
			switch fresh, err := s.tokens.replace(ctx, token); {
			case contract.HasID(err, "AccessTokenExpired"): // there is none: each answer stands
			case err != nil:
				return nil, err
			case fresh != token:
				open = append(open, refused...)
			}
		}
		if len(failed) > 0 {
			if faults++; faults < s.gate.attempts {
				open = append(open, failed...)
				delay := backoff(faultDelay, faults)
				contract.TellWaiting(ctx, contract.Waiting{For: hostOf(root), Why: "it could not answer all of a batch", Since: sent, Next: time.Now().Add(delay), Brief: true})
				if err := contract.Pause(ctx, delay); err != nil {
					return nil, err
				}
			}
		}
		if len(throttled) > 0 {
			// The gate took the batch for a success, which ended its streak.
			if rounds++; asked == 0 {
				asked = backoff(throttleDelay, rounds)
			}
			if err := s.gate.hold(ctx, hostOf(root), http.StatusTooManyRequests, started, sent, asked); err != nil {
				return nil, err
			}
		}
	}
	return responses, nil
}

// postBatch asks for the open ones of the addresses, and returns the answers by
// their place.
func (s *source) postBatch(ctx context.Context, root string, addresses []string, content any, open []int) (map[string]batchResponse, error) {
	type request struct {
		ID      string            `json:"id"`
		Method  string            `json:"method"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
		Body    any               `json:"body,omitempty"`
	}
	// Each request of a batch has its own headers, and is throttled by itself.
	headers := map[string]string{throttlePriority: "low"}
	method := http.MethodGet
	if content != nil {
		method, headers["Content-Type"] = http.MethodPost, "application/json"
	}
	var batch struct {
		Requests []request `json:"requests"`
	}
	for _, i := range open {
		batch.Requests = append(batch.Requests, request{ID: strconv.Itoa(i), Method: method, URL: addresses[i], Headers: headers, Body: content})
	}
	body, err := json.Marshal(batch)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, root+"/$batch", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	var answer struct {
		Responses []batchResponse `json:"responses"`
	}
	if err := s.doJSON(req, &answer); err != nil {
		return nil, err
	}
	responses := make(map[string]batchResponse, len(answer.Responses))
	for _, r := range answer.Responses {
		responses[r.ID] = r
	}
	return responses, nil
}

// byID reads the objects of a collection ("/groups") that have the ids, as
// few as there are, fifteen in a filter. Those that are not there are left out; so
// are, where read allows it, those that the server keeps failing to give.
func byID[T any](ctx context.Context, s *source, read call, root, path string, properties []string, ids []directory.GUID, each func(*T) error) error {
	read.collection = root + path
	var addresses []string
	for first := 0; first < len(ids); first += maxAlternatives {
		part := ids[first:min(first+maxAlternatives, len(ids))]
		quoted := make([]string, len(part))
		for i, id := range part {
			quoted[i] = "'" + id.String() + "'"
		}
		addresses = append(addresses, address(path,
			"$filter", "id in ("+strings.Join(quoted, ",")+")", "$select", strings.Join(properties, ",")))
	}
	all := func(items []*T) error {
		for _, item := range items {
			if err := each(item); err != nil {
				return err
			}
		}
		return nil
	}
	return read.failed(s.batches(ctx, root, addresses, func(_ int, r batchResponse) error {
		var first page[T]
		err := r.decode(&first)
		if e := (*statusError)(nil); read.allowsGaps && errors.As(err, &e) && e.status >= http.StatusInternalServerError {
			return nil
		}
		if err != nil {
			return err
		}
		if first.Value == nil {
			return read.incomplete("a page has no value", nil)
		}
		if err := all(first.Value); err != nil || text(first.NextLink) == "" {
			return err
		}
		if err := read.stays(*first.NextLink); err != nil {
			return err
		}
		_, err = list(ctx, s, read, *first.NextLink, all)
		return err
	}))
}
