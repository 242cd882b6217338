package graphtest

import (
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"net/url"
	"strconv"
	"strings"
)

// option is a set of query options that a resource supports.
type option uint16

const (
	optSelect option = 1 << iota
	optFilter
	optTop
	optCount
	optSkipToken
	optDeltaToken
)

var optionNames = map[string]option{
	"$select":     optSelect,
	"$filter":     optFilter,
	"$top":        optTop,
	"$count":      optCount,
	"$skiptoken":  optSkipToken,
	"$deltatoken": optDeltaToken,
}

// query is the parsed query string of a request.
type query struct {
	given     option
	selected  []string
	filter    string
	top       int
	count     bool
	skipToken string
	delta     string
	// links are the options to repeat in a nextLink, in the given order.
	links string
}

// parseQuery refuses every option that is unknown or not in allowed. It requires the $
// before a name, although Graph does not.
func parseQuery(raw string, allowed option) (*query, *graphError) {
	q := &query{}
	var links []string
	for _, pair := range strings.Split(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return nil, badRequest("BadRequest", "Malformed query string.")
		}
		name = strings.ToLower(name)
		opt, known := optionNames[name]
		switch {
		case !known:
			return nil, notImplemented("the query option '%s'", name)
		case allowed&opt == 0:
			return nil, notImplemented("the query option '%s' for this resource", name)
		case q.given&opt != 0:
			return nil, badRequest("BadRequest", "Query option '%s' was specified more than once, but it must be specified at most once.", name)
		}
		q.given |= opt
		if err := q.set(opt, value); err != nil {
			return nil, err
		}
		if opt != optSkipToken {
			links = append(links, name+"="+strings.ReplaceAll(url.QueryEscape(value), "+", "%20"))
		}
	}
	q.links = strings.Join(links, "&")
	return q, nil
}

func (q *query) set(opt option, value string) *graphError {
	switch opt {
	case optSelect:
		for _, name := range strings.Split(value, ",") {
			if name = strings.TrimSpace(name); name != "" {
				q.selected = append(q.selected, name)
			}
		}
		if q.selected == nil {
			return badRequest("BadRequest", "Parsing OData Select and Expand failed: an empty $select.")
		}
	case optFilter:
		q.filter = value
	case optTop:
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > 999 {
			return badRequest("Request_UnsupportedQuery", "Invalid page size specified: '%s'. Must be between 1 and 999 inclusive.", value)
		}
		q.top = n
	case optCount:
		switch strings.ToLower(value) {
		case "true":
			q.count = true
		case "false":
		default:
			return badRequest("BadRequest", "Invalid value '%s' for $count query option found.", value)
		}
	case optSkipToken:
		q.skipToken = value
	case optDeltaToken:
		q.delta = value
	}
	return nil
}

// properties returns the selected properties of a resource type, or its defaults. In a
// collection with several types (lenient), a property that only another type has is
// left out.
func (q *query) properties(s *schema, version string, single, lenient bool) ([]property, *graphError) {
	if q.selected == nil {
		return s.defaults(version), nil
	}
	var out []property
	for _, name := range q.selected {
		p, ok := s.property(name)
		switch {
		case (!ok || p.when == "beta" && version != "beta") && lenient:
			continue
		case !ok || p.when == "beta" && version != "beta":
			return nil, unknownProperty(name, s)
		case p.when == "single" && !single:
			return nil, badRequest("Request_UnsupportedQuery", "The property '%s' is supported only on the Get group API.", p.name)
		case !hasProperty(out, p.name):
			out = append(out, p)
		}
	}
	return out, nil
}

// pageToken is the content of a $skiptoken: the id after which the page begins, and a
// hash of the other options, which must not change between pages. Nonce only makes one
// token differ from another.
type pageToken struct {
	After string `json:"a,omitempty"`
	Hash  uint32 `json:"h"`
	Nonce int    `json:"n,omitempty"`
}

func (t pageToken) String() string { return encodeToken(t) }

func encodeToken(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

func decodeToken(s string, into any) bool {
	data, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && json.Unmarshal(data, into) == nil
}

func hashOf(s string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return h.Sum32()
}
