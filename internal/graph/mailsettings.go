package graph

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	abs "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/groups"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// MailSettings implements [contract.Source]. Exchange Online stores these properties, so
// Graph returns them for a single group only. Of allowExternalSenders it is documented
// that applications may not read it (Microsoft Graph, known issues, "external senders");
// of hideFromAddressLists it is not. So one group shows first which of them are refused.
func (s *source) MailSettings(ctx context.Context, ids []directory.GUID) (map[directory.GUID]directory.Values, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	read := call{doing: "reading who may send to the groups", object: string(s.v1) + "/groups", permission: contract.DeletedRoles[0]}
	readable, err := s.readableSettings(ctx, ids[0])
	if err != nil {
		return nil, read.failed(err)
	}
	requests := make([]*abs.RequestInformation, len(ids))
	for i, id := range ids {
		if requests[i], err = s.settingsOf(ctx, id, readable...); err != nil {
			return nil, read.failed(err)
		}
	}
	said := make(map[directory.GUID]directory.Values, len(ids))
	err = s.batches(ctx, s.v1, requests, func(i int, r batchResponse) error {
		if values, ok := r.settings(ids[i], readable); ok {
			said[ids[i]] = values
		}
		return nil
	})
	return said, read.failed(err)
}

// settingsOf returns the request for properties of a group.
func (s *source) settingsOf(ctx context.Context, id directory.GUID, properties ...string) (*abs.RequestInformation, error) {
	query := &groups.GroupItemRequestBuilderGetQueryParameters{Select: append([]string{"id"}, properties...)}
	return s.v1.at(s.groups().ByGroupId(id.String()).ToGetRequestInformation(ctx, &groups.GroupItemRequestBuilderGetRequestConfiguration{QueryParameters: query}))
}

// readableSettings returns which of the properties the application may read, by what Graph
// says about one group. It fails if none is readable.
func (s *source) readableSettings(ctx context.Context, id directory.GUID) ([]string, error) {
	requests := make([]*abs.RequestInformation, len(plan.SingleProperties))
	for i, property := range plan.SingleProperties {
		var err error
		if requests[i], err = s.settingsOf(ctx, id, property); err != nil {
			return nil, err
		}
	}
	readable := slices.Clone(plan.SingleProperties)
	var refusal error
	err := s.batches(ctx, s.v1, requests, func(i int, r batchResponse) error {
		if r.Status == http.StatusForbidden {
			readable = slices.DeleteFunc(readable, func(p string) bool { return p == plan.SingleProperties[i] })
			refusal = r.decode(nil)
		}
		return nil
	})
	if err == nil && len(readable) == 0 {
		err = refusal
	}
	return readable, err
}

// settings returns the properties that the response has. ok is false if it is not a
// successful answer about the group.
func (r batchResponse) settings(id directory.GUID, properties []string) (values directory.Values, ok bool) {
	var body map[string]json.RawMessage
	var of directory.GUID
	if r.Status != http.StatusOK || json.Unmarshal(r.Body, &body) != nil || json.Unmarshal(body["id"], &of) != nil || of != id {
		return nil, false
	}
	for _, name := range properties {
		var value *bool
		if raw, told := body[name]; told && json.Unmarshal(raw, &value) == nil && value != nil {
			values = values.With(name, strconv.FormatBool(*value))
		}
	}
	return values, true
}
