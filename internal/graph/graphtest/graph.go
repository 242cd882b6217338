package graphtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// request is a Graph request, sent over HTTP or within a batch.
type request struct {
	*Tenant
	method   string
	version  string   // v1.0 or beta
	segments []string // the path after the version, as given
	rawQuery string
	header   http.Header
	base     string // https://host:port
	token    accessToken
	fault    *Fault
	inBatch  bool
	body     []byte
}

// reply is the answer to a request.
type reply struct {
	status int
	header map[string]string
	body   []byte // JSON, or plain text for a $count segment
	text   bool
	code   string // the error code
	units  int
}

func (t *Tenant) serveGraph(w http.ResponseWriter, r *http.Request, version string, segments []string, fault *Fault, entry *Request) {
	rq := &request{
		Tenant: t, method: r.Method, version: version, segments: segments, rawQuery: r.URL.RawQuery,
		header: r.Header, base: "https://" + r.Host, fault: fault,
	}
	var res *reply
	if body, err := readBody(r); err != nil {
		res = rq.failed(badRequest("BadRequest", "Unable to read the request body: %v.", err))
	} else {
		rq.body = body
		res = rq.answer()
	}
	for name, value := range res.headers(entry) {
		w.Header().Set(name, value)
	}
	entry.Units, entry.Code = res.units, res.code
	w.WriteHeader(res.status)
	w.Write(res.body)
}

// headers returns the headers common to all Graph answers and those of this one.
func (res *reply) headers(entry *Request) map[string]string {
	h := map[string]string{
		"Cache-Control": "no-cache",
		"OData-Version": "4.0",
		"Content-Type":  "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
		"request-id":    entry.RequestID,
	}
	if res.text {
		h["Content-Type"] = "text/plain"
	}
	h["client-request-id"] = entry.ClientRequestID
	if entry.ClientRequestID == "" {
		h["client-request-id"] = entry.RequestID
	}
	if res.units > 0 {
		h["x-ms-resource-unit"] = strconv.Itoa(res.units)
	}
	for k, v := range res.header {
		h[k] = v
	}
	// The body of an error was written before the ids were known.
	res.body = bytes.ReplaceAll(res.body, []byte(requestIDMark), []byte(h["request-id"]))
	res.body = bytes.ReplaceAll(res.body, []byte(clientRequestIDMark), []byte(jsonText(h["client-request-id"])))
	return h
}

const (
	requestIDMark       = "\x00request-id\x00"
	clientRequestIDMark = "\x00client-request-id\x00"
)

// jsonText returns the text as it appears between the quotes of a JSON string.
func jsonText(s string) string {
	data, _ := json.Marshal(s)
	return string(data[1 : len(data)-1])
}

func (rq *request) failed(e *graphError) *reply {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"error":{"code":"%s","message":"%s","innerError":{"date":"%s","request-id":"%s","client-request-id":"%s"}}}`,
		jsonText(e.code), jsonText(e.message), rq.now().UTC().Format("2006-01-02T15:04:05"), requestIDMark, clientRequestIDMark)
	return &reply{status: e.status, header: e.header, body: b.Bytes(), code: e.code}
}

// answer runs a request through Graph's stages: token, throttling, resource.
func (rq *request) answer() *reply {
	if f := rq.fault; f != nil {
		switch {
		case f.Kind == FaultStatus && f.Body != "":
			return &reply{status: f.Status, body: []byte(f.Body), text: true}
		case f.Kind == FaultStatus:
			return rq.failed(f.failure())
		case f.Kind == FaultGone:
			e := &graphError{status: http.StatusGone, code: "syncStateInvalid", message: "The sync state is no longer valid. Begin again with the URL in the Location header."}
			return rq.failed(e.with("Location", rq.url()+"?$deltatoken="))
		}
	}
	if !rq.inBatch {
		token, err := rq.checkToken(rq.header.Get("Authorization"), rq.base)
		if err != nil {
			return rq.failed(err)
		}
		rq.token = token
		if len(rq.segments) == 1 && rq.segments[0] == "$batch" {
			return rq.batch()
		}
	}
	units, warning, err := rq.charge()
	var res *reply
	if err == nil {
		res, err = rq.route()
	}
	if err != nil {
		res = rq.failed(err)
	}
	res.units = units
	if warning != "" {
		if res.header == nil {
			res.header = map[string]string{}
		}
		res.header["x-ms-throttle-limit-percentage"] = warning
	}
	return res
}

func (rq *request) charge() (units int, warning string, err *graphError) {
	units = cost(rq.method, rq.lower(), rq.rawQuery)
	rq.mu.Lock()
	defer rq.mu.Unlock()
	full, retryAfter := rq.bucket.charge(units, rq.now())
	if full > 0.8 {
		warning = strconv.FormatFloat(full, 'f', 2, 64)
	}
	if retryAfter > 0 {
		err = tooManyRequests(retryAfter, "Tenant_Application/ReadWrite/"+rq.token.app+"/"+rq.tenant.ID)
	}
	return units, warning, err
}

func (rq *request) lower() []string {
	out := make([]string, len(rq.segments))
	for i, s := range rq.segments {
		out[i] = strings.ToLower(s)
	}
	return out
}

// url returns the URL of the request without its query.
func (rq *request) url() string {
	return rq.base + "/" + rq.version + "/" + strings.Join(rq.segments, "/")
}

// view returns the replica that answers this request if replicas of its kind of
// resource lag by so many seconds. The caller holds the lock.
func (rq *request) view(behind float64) view {
	v := view{directory: rq.directory, held: rq.lagging.Reads}
	if behind > 0 {
		v.at = rq.now().Add(-seconds(behind).duration())
	}
	return v
}

// route finds the resource. Graph ignores case in path segments.
func (rq *request) route() (*reply, *graphError) {
	s := rq.lower()
	act, isAction := rq.action(s)
	if rq.method != http.MethodGet && !(isAction && rq.method == http.MethodPost) {
		return nil, &graphError{status: http.StatusMethodNotAllowed, code: "Request_BadRequest", message: "Specified HTTP method is not allowed for the request target (or not implemented by the simulated tenant)."}
	}
	rq.mu.RLock()
	defer rq.mu.RUnlock()
	switch {
	case isAction && rq.method == http.MethodPost:
		return act()
	case len(s) == 0:
		return nil, noSegment("")
	case s[0] == "groups":
		return rq.groups(s[1:])
	case s[0] == "users":
		return rq.users(s[1:])
	case s[0] == "organization" && len(s) == 1:
		return rq.singleton(organizationSchema, rq.organization())
	case len(s) == 1 && (s[0] == "settings" && rq.version == "beta" || s[0] == "groupsettings" && rq.version == "v1.0"):
		return rq.groupSettings()
	case s[0] == "directory" && len(s) > 1:
		return rq.directoryResource(s[1:])
	}
	return nil, noSegment(rq.segments[0])
}

func (rq *request) directoryResource(s []string) (*reply, *graphError) {
	switch {
	case s[0] == "onpremisessynchronization" && len(s) == 1:
		return rq.singleton(syncSchema, rq.onPremisesSync())
	case s[0] == "deleteditems" && len(s) == 2:
		return rq.deletedItems(s[1])
	}
	return nil, noSegment(rq.segments[len(rq.segments)-1])
}

func (rq *request) eventual() bool {
	return strings.EqualFold(rq.header.Get("ConsistencyLevel"), "eventual")
}

// parse parses the query options of a collection or an entity.
func (rq *request) parse(allowed option) (*query, *graphError) {
	return parseQuery(rq.rawQuery, allowed)
}

// filter parses $filter and checks the requirements of advanced queries.
func (rq *request) filter(q *query, s *schema) (*filter, *graphError) {
	if q.given&optFilter == 0 {
		return nil, nil
	}
	f, err := parseFilter(q.filter, s, maxClauses)
	if err != nil {
		return nil, err
	}
	if f.advanced && !(rq.eventual() && q.count) {
		return nil, needsAdvanced("This $filter")
	}
	return f, nil
}

// singleton serves a collection with one object.
func (rq *request) singleton(s *schema, record any) (*reply, *graphError) {
	if !rq.token.hasAny(s.readers) {
		return nil, denied()
	}
	q, err := rq.parse(optSelect)
	if err != nil {
		return nil, err
	}
	props, err := q.properties(s, rq.version, false, false)
	if err != nil {
		return nil, err
	}
	p := rq.newPage(s.set, q)
	p.item()
	s.appendEntity(&p.value, record, props, false, false)
	return p.reply(""), nil
}

// entity serves a single object.
func (rq *request) entity(s *schema, record any, context string, typed bool) (*reply, *graphError) {
	q, err := rq.parse(optSelect)
	if err != nil {
		return nil, err
	}
	props, err := q.properties(s, rq.version, true, false)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	s.appendEntity(&b, record, props, typed, false)
	body := append([]byte(`{"@odata.context":"`+rq.context(context, q)+`/$entity",`), b.Bytes()[1:]...)
	return &reply{status: http.StatusOK, body: body}, nil
}

func (rq *request) context(set string, q *query) string {
	c := rq.base + "/" + rq.version + "/$metadata#" + set
	if q.selected != nil {
		c += "(" + strings.Join(q.selected, ",") + ")"
	}
	return jsonText(c)
}

func (rq *request) organization() *organization {
	d := rq.tenant
	verified := []any{map[string]any{
		"capabilities": "Email, OfficeCommunicationsOnline", "isDefault": true, "isInitial": true, "name": d.Domain, "type": "Managed",
	}}
	// The Hybrid Configuration wizard of Exchange adds the domain for mail between both
	// sides.
	if name, found := strings.CutSuffix(d.Domain, ".onmicrosoft.com"); found && d.OnPremisesDomain != "" {
		verified = append(verified, map[string]any{
			"capabilities": "Email, OfficeCommunicationsOnline", "isDefault": false, "isInitial": false, "name": name + ".mail.onmicrosoft.com", "type": "Managed",
		})
	}
	domains, _ := json.Marshal(verified)
	return &organization{ID: d.ID, DisplayName: d.DisplayName, CreatedDateTime: generatedDate,
		OnPremisesSyncEnabled: Bool(true), TenantType: "AAD", VerifiedDomains: domains}
}

// syncFeatures are the features that Graph lists
// (resources/onpremisesdirectorysynchronizationfeature.md).
var syncFeatures = []string{
	"blockCloudObjectTakeoverThroughHardMatchEnabled", "blockSoftMatchEnabled", "bypassDirSyncOverridesEnabled",
	"cloudPasswordPolicyForPasswordSyncedUsersEnabled", "concurrentCredentialUpdateEnabled", "concurrentOrgIdProvisioningEnabled",
	"deviceWritebackEnabled", "directoryExtensionsEnabled", "fopeConflictResolutionEnabled", "groupWriteBackEnabled",
	"passwordSyncEnabled", "passwordWritebackEnabled", "quarantineUponProxyAddressesConflictEnabled", "quarantineUponUpnConflictEnabled",
	"softMatchOnUpnEnabled", "synchronizeUpnForManagedUsersEnabled", "unifiedGroupWritebackEnabled",
	"userForcePasswordChangeOnLogonEnabled", "userWritebackEnabled",
}

func (rq *request) onPremisesSync() *onPremisesSync {
	features := map[string]bool{}
	for _, name := range syncFeatures {
		features[name] = rq.tenant.SyncFeatures[name]
	}
	f, _ := json.Marshal(features)
	c, _ := json.Marshal(map[string]any{"accidentalDeletionPrevention": map[string]any{
		"synchronizationPreventionType": "enabledForCount", "alertThreshold": 500,
	}})
	return &onPremisesSync{ID: rq.tenant.ID, Configuration: c, Features: f}
}
