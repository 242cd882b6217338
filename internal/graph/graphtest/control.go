package graphtest

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// serveControl serves the control interface; see the package comment. It needs no
// authentication, because the server listens on the loopback address and holds only
// test data.
func (t *Tenant) serveControl(w http.ResponseWriter, r *http.Request, segments []string) {
	if len(segments) != 1 {
		http.NotFound(w, r)
		return
	}
	var result any
	var err error
	switch r.Method {
	case http.MethodGet:
		result, err = t.controlGet(segments[0], r)
	case http.MethodPost:
		var body []byte
		if body, err = readBody(r); err == nil {
			result, err = t.controlPost(segments[0], body)
		}
	default:
		http.Error(w, "GET or POST", http.StatusMethodNotAllowed)
		return
	}
	if err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	if result == nil {
		result = map[string]any{}
	}
	writeJSON(w, http.StatusOK, result)
}

func (t *Tenant) controlGet(verb string, r *http.Request) (any, error) {
	switch verb {
	case "requests":
		method, path := r.URL.Query().Get("method"), r.URL.Query().Get("path")
		list := []Request{}
		for _, e := range t.Requests() {
			if e.matches(method, path) {
				list = append(list, e)
			}
		}
		return map[string]any{"count": len(list), "requests": list}, nil
	case "faults":
		return map[string]any{"faults": t.Faults()}, nil
	case "ids":
		return t.IDs(), nil
	}
	return nil, fmt.Errorf("GET %s: unknown; known are requests, faults, ids", verb)
}

// Names maps the names of live objects to their ids.
type Names struct {
	Tenant string              `json:"tenant"`
	Users  map[string]string   `json:"users"`  // by user principal name
	Groups map[string][]string `json:"groups"` // by display name
}

// IDs returns the ids of all users and groups that were not generated.
func (t *Tenant) IDs() Names {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n := Names{Tenant: t.tenant.ID, Users: map[string]string{}, Groups: map[string][]string{}}
	for _, o := range t.directory.objects {
		if o.state == nil || deletedDate(o.state.record) != "" {
			continue
		}
		switch r := o.state.record.(type) {
		case *User:
			n.Users[r.UserPrincipalName] = r.ID
		case *Group:
			n.Groups[r.DisplayName] = append(n.Groups[r.DisplayName], r.ID)
		}
	}
	return n
}

// seconds is a duration in the JSON of the control interface.
type seconds float64

func (s seconds) duration() time.Duration { return time.Duration(float64(s) * float64(time.Second)) }

func (t *Tenant) controlPost(verb string, body []byte) (any, error) {
	// One struct serves all small bodies; each verb uses some of its fields.
	var in struct {
		ID         string         `json:"id"`
		User       string         `json:"user"`
		Group      string         `json:"group"`
		Member     string         `json:"member"`
		Owners     []string       `json:"owners"`
		Set        map[string]any `json:"set"`
		Roles      []string       `json:"roles"`
		Seconds    *seconds       `json:"seconds"`
		Limit      *int           `json:"limit"`
		Expired    *bool          `json:"expired"`
		Unreported bool           `json:"unreported"`

		Values map[string]string `json:"values"`
	}
	var group Group
	var user User
	var fault Fault
	var throttle Throttle
	var lag Lag
	var behind Behind
	var seed Seed
	into := map[string]any{"put-group": &group, "put-user": &user, "add-fault": &fault, "set-throttle": &throttle, "hold-replica": &lag, "set-lag": &behind, "seed": &seed}[verb]
	if into == nil {
		into = &in
	}
	if strings.TrimSpace(string(body)) == "" {
		body = []byte("{}")
	}
	if err := decodeStrict(body, into); err != nil {
		return nil, fmt.Errorf("%s: read the body: %w", verb, err)
	}
	id := func(id string, err error) (any, error) { return map[string]string{"id": id}, err }
	need := func(name string, missing bool) error {
		if missing {
			return fmt.Errorf("%s: the body needs %q", verb, name)
		}
		return nil
	}
	switch verb {
	case "put-group":
		return id(t.PutGroup(group))
	case "patch-group":
		return nil, t.PatchGroup(in.ID, in.Set)
	case "delete-group":
		return nil, t.DeleteGroup(in.ID)
	case "purge-group":
		return nil, t.PurgeGroup(in.ID)
	case "restore-group":
		return nil, t.RestoreGroup(in.ID)
	case "add-member":
		return nil, t.AddMember(in.Group, in.Member)
	case "remove-member":
		return nil, t.RemoveMember(in.Group, in.Member)
	case "set-owners":
		return nil, t.SetOwners(in.Group, in.Owners)
	case "put-user":
		return id(t.PutUser(user))
	case "patch-user":
		return nil, t.PatchUser(in.User, in.Set)
	case "delete-user":
		return nil, t.DeleteUser(in.User)
	case "purge-user":
		return nil, t.PurgeUser(in.User)
	case "restore-user":
		return nil, t.RestoreUser(in.User)
	case "set-roles":
		if err := need("roles", in.Roles == nil); err != nil {
			return nil, err
		}
		t.SetRoles(in.Roles...)
	case "set-token-lifetime":
		if err := need("seconds", in.Seconds == nil); err != nil {
			return nil, err
		}
		t.SetTokenLifetime(in.Seconds.duration())
	case "revoke-tokens":
		t.RevokeTokens()
	case "set-secret-expired":
		if err := need("expired", in.Expired == nil); err != nil {
			return nil, err
		}
		t.SetSecretExpired(*in.Expired)
	case "set-users-unreported":
		t.SetUsersUnreported(in.Unreported)
	case "set-groups-unreported":
		t.SetGroupsUnreported(in.Unreported)
	case "set-throttle":
		return nil, t.SetThrottle(throttle)
	case "set-latency":
		if err := need("seconds", in.Seconds == nil); err != nil {
			return nil, err
		}
		t.SetLatency(in.Seconds.duration())
	case "set-page-limit":
		if err := need("limit", in.Limit == nil); err != nil {
			return nil, err
		}
		t.SetPageLimit(*in.Limit)
	case "set-group-settings":
		return nil, t.SetGroupSettings(in.Values)
	case "add-fault":
		n, err := t.AddFault(fault)
		return map[string]int{"id": n}, err
	case "clear-faults":
		t.ClearFaults()
	case "clear-requests":
		t.ClearRequests()
	case "hold-replica":
		t.HoldReplica(lag)
	case "catch-up-replica":
		t.CatchUpReplica()
	case "set-lag":
		return nil, t.SetLag(behind)
	case "pass-time":
		if err := need("seconds", in.Seconds == nil); err != nil {
			return nil, err
		}
		return nil, t.PassTime(in.Seconds.duration())
	case "expire-delta-tokens":
		t.ExpireDeltaTokens()
	case "reset":
		return nil, t.Reset()
	case "seed":
		return nil, t.LoadSeed(seed)
	default:
		return nil, fmt.Errorf("POST %s: unknown verb", verb)
	}
	return nil, nil
}
