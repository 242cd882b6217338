package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/engine"
)

// batchSize is how many requests Graph takes in one batch.
const batchSize = 20

// notFound is Graph's code for an object that is not there. A 404 with another
// one, such as a gateway's, says nothing about the object.
const notFound = "Request_ResourceNotFound"

// deletedReaders are the permissions that show deleted groups. Other types of
// deleted items have their own, and whether Graph says "forbidden" or "not
// there" of a group to an application that may read deleted users alone is not
// documented, so that without one of these no answer is believed.
var deletedReaders = []string{"Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}

// Presence implements [engine.Source]. A group is taken for deleted only when
// Graph says of it singly that it is not there, and the deleted items answer
// for it too.
func (s *source) Presence(ctx context.Context, ids []directory.GUID) (map[directory.GUID]engine.Presence, error) {
	result := make(map[directory.GUID]engine.Presence, len(ids))
	for _, id := range ids {
		result[id] = engine.PresenceUnknown
	}
	alive, err := s.ask(ctx, "/groups/", "id,groupTypes,onPremisesSyncEnabled", ids)
	if err != nil {
		return nil, err
	}
	var gone []directory.GUID
	for _, id := range ids {
		switch alive[id] {
		case there:
			result[id] = engine.PresenceFound
		case retired:
			result[id] = engine.PresenceOutOfScope
		case absent:
			gone = append(gone, id)
		}
	}
	if len(gone) == 0 {
		return result, nil
	}
	if may, err := s.tokens.permits(ctx, deletedReaders); err != nil || !may {
		return result, err
	}
	deleted, err := s.ask(ctx, "/directory/deletedItems/", "id", gone)
	if err != nil {
		return nil, err
	}
	for _, id := range gone {
		switch deleted[id] {
		case there:
			result[id] = engine.PresenceSoftDeleted
		case absent:
			result[id] = engine.PresenceHardDeleted
		}
	}
	return result, nil
}

// answer is what one request of a batch says of an object.
type answer int

const (
	unclear answer = iota
	there
	retired // there, and said to be none that is written
	absent
)

// ask reads the properties of path + id for each id.
func (s *source) ask(ctx context.Context, path, properties string, ids []directory.GUID) (map[directory.GUID]answer, error) {
	answers := make(map[directory.GUID]answer, len(ids))
	var one sync.Mutex
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(readers)
	for ; len(ids) > 0; ids = ids[min(batchSize, len(ids)):] {
		part := ids[:min(batchSize, len(ids))]
		work.Go(func() error {
			got, err := s.askBatch(ctx, path, properties, part)
			one.Lock()
			defer one.Unlock()
			for id, a := range got {
				answers[id] = a
			}
			return err
		})
	}
	read := call{doing: "asking for the groups singly", object: s.base + path, permission: "Group.Read.All"}
	return answers, read.failed(work.Wait())
}

// askBatch sends one batch, and again those of its requests that were
// throttled: each is throttled by itself, within a batch that succeeds.
func (s *source) askBatch(ctx context.Context, path, properties string, ids []directory.GUID) (map[directory.GUID]answer, error) {
	answers := make(map[directory.GUID]answer, len(ids))
	started := time.Now()
	for len(ids) > 0 {
		sent := time.Now()
		responses, err := s.batch(ctx, path, properties, ids)
		if err != nil {
			return nil, err
		}
		var again []directory.GUID
		var asked time.Duration
		for i, id := range ids {
			response, ok := responses[strconv.Itoa(i)]
			if ok && throttles(response.Status) {
				again = append(again, id)
				asked = max(asked, retryAfter(response.header()))
				continue
			}
			answers[id] = response.about(id)
		}
		if len(again) > 0 {
			if wait := s.gate.hold(ctx, sent, asked); time.Since(started)+wait > throttlePatience {
				return nil, &throttledError{status: http.StatusTooManyRequests, since: started, wait: wait}
			}
		}
		ids = again
	}
	return answers, nil
}

// batchResponse is the answer to one request of a batch.
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

// about tells what the answer says of the object that was asked for. The zero
// response, of a request that was not answered, says nothing.
func (r batchResponse) about(id directory.GUID) answer {
	var body struct {
		ID     string   `json:"id"`
		Types  []string `json:"groupTypes"`
		Synced bool     `json:"onPremisesSyncEnabled"`
		Error  struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(r.Body, &body) != nil {
		return unclear
	}
	switch {
	case r.Status == http.StatusOK && strings.EqualFold(body.ID, id.String()):
		// Types that are not shown say nothing of what the group is.
		if body.Synced || body.Types != nil && !slices.Contains(body.Types, "Unified") {
			return retired
		}
		return there
	case r.Status == http.StatusNotFound && body.Error.Code == notFound:
		return absent
	}
	return unclear
}

// batch asks for the objects in one request, and returns the answers by their
// place in ids.
func (s *source) batch(ctx context.Context, path, properties string, ids []directory.GUID) (map[string]batchResponse, error) {
	type request struct {
		ID     string `json:"id"`
		Method string `json:"method"`
		URL    string `json:"url"`
	}
	var batch struct {
		Requests []request `json:"requests"`
	}
	for i, id := range ids {
		batch.Requests = append(batch.Requests, request{ID: strconv.Itoa(i), Method: http.MethodGet, URL: path + id.String() + "?$select=" + properties})
	}
	body, err := json.Marshal(batch)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/$batch", bytes.NewReader(body))
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
