package graph

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	khttp "github.com/microsoft/kiota-http-go"
)

// dateRepair rewrites expires_on in the answers of a managed identity's endpoint as
// seconds since 1970. Hybrid workers have sent dates that azidentity does not accept,
// which made it reject the whole answer.
type dateRepair struct{}

// dateForms are the forms that were seen, or that differ from those only by a time
// zone.
var dateForms = []string{
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05 Z07:00",
	"2006-01-02 15:04:05 -07:00",
	"1/2/2006 15:04:05 -07:00",
	"1/2/2006 3:04:05 PM -07:00",
	"1/2/2006 3:04:05 PM",
}

// Intercept implements [khttp.Middleware].
func (dateRepair) Intercept(pipeline khttp.Pipeline, next int, req *http.Request) (*http.Response, error) {
	resp, err := pipeline.Next(req, next)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	body = repairDate(body)
	resp.Body, resp.ContentLength = wholeOf(body), int64(len(body))
	resp.Header.Del("Content-Length")
	return resp, nil
}

// repairDate returns the answer with the date repaired, or unchanged if it needs no
// repair.
func repairDate(body []byte) []byte {
	var answer map[string]json.RawMessage
	var date string
	if json.Unmarshal(body, &answer) != nil || json.Unmarshal(answer["expires_on"], &date) != nil {
		return body
	}
	for _, form := range dateForms {
		if at, err := time.Parse(form, date); err == nil {
			answer["expires_on"] = strconv.AppendInt(nil, at.Unix(), 10)
			if repaired, err := json.Marshal(answer); err == nil {
				return repaired
			}
		}
	}
	return body
}
