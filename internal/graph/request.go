package graph

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	abs "github.com/microsoft/kiota-abstractions-go"
)

// version is the root of a version of Graph's API, such as
// https://graph.microsoft.com/v1.0.
type version string

// at completes a request of one of the SDK's builders. The builders know only v1.0, and
// escape the $ in the names of options, for URI templates.
func (v version) at(info *abs.RequestInformation, err error) (*abs.RequestInformation, error) {
	if err != nil {
		return nil, err
	}
	info.PathParameters["baseurl"] = string(v)
	address, err := info.GetUri()
	if err != nil {
		return nil, err
	}
	address.RawQuery = strings.ReplaceAll("&"+address.RawQuery, "&%24", "&$")[1:]
	info.SetUri(*address)
	return info, nil
}

// get returns a request for an address that no builder writes: a link in an answer, or
// one of a package of the SDK that takes too long to compile (ADR 4).
func get(address string) (*abs.RequestInformation, error) {
	to, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	info := abs.NewRequestInformation()
	info.SetUri(*to)
	return info, nil
}

// post is like get, but sends the content as JSON.
func post(address string, content any) (*abs.RequestInformation, error) {
	info, err := get(address)
	if err != nil {
		return nil, err
	}
	info.Method = abs.POST
	text, err := json.Marshal(content)
	info.SetStreamContentAndContentType(text, "application/json")
	return info, err
}

// addressOf returns where the request goes.
func addressOf(info *abs.RequestInformation) (string, error) {
	to, err := info.GetUri()
	if err != nil {
		return "", err
	}
	return to.String(), nil
}

// send sends the request through the SDK's adapter, and decodes the answer with
// encoding/json. The SDK's own parser builds a tree of nodes first, which takes eight
// times as long (ADR 4).
func (s *source) send(ctx context.Context, info *abs.RequestInformation, into any) error {
	info.Headers.TryAdd("Accept", "application/json")
	handler := abs.NewRequestHandlerOption()
	handler.SetResponseHandler(func(response any, _ abs.ErrorMappings) (any, error) {
		return nil, decode(response.(*http.Response).Body, into)
	})
	info.AddRequestOptions([]abs.RequestOption{handler})
	return s.adapter.SendNoContent(ctx, info, nil)
}

// decode parses a body, which it does not copy if it was read before.
func decode(body io.Reader, into any) error {
	if read, ok := body.(whole); ok {
		return json.Unmarshal(read.content, into)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	return json.Unmarshal(content, into)
}
