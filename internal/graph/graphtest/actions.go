package graphtest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// maxGetByIDs is how many ids getByIds accepts (api/directoryobject-getbyids.md).
const maxGetByIDs = 1000

// action finds the actions, which are the only requests sent by POST.
func (rq *request) action(s []string) (func() (*reply, *graphError), bool) {
	name := func(segment string) string { return strings.TrimPrefix(segment, "microsoft.graph.") }
	switch {
	case len(s) == 3 && s[0] == "users" && name(s[2]) == "getmembergroups":
		return func() (*reply, *graphError) { return rq.memberGroups(s[1]) }, true
	case len(s) == 2 && s[0] == "directoryobjects" && name(s[1]) == "getbyids":
		return rq.objectsByID, true
	}
	return nil, false
}

// memberGroups serves a user's getMemberGroups: the groups that the user belongs to,
// directly and through others (api/directoryobject-getmembergroups.md).
func (rq *request) memberGroups(user string) (*reply, *graphError) {
	if !rq.token.hasAny(userReaders) || !rq.token.hasAny(groupReaders) {
		return nil, denied()
	}
	var in struct {
		SecurityEnabledOnly *bool `json:"securityEnabledOnly"`
	}
	if err := json.Unmarshal(rq.body, &in); err != nil || in.SecurityEnabledOnly == nil {
		return nil, badRequest("Request_BadRequest", "The parameter securityEnabledOnly is missing.")
	}
	v := rq.view(rq.behind.Users)
	var found *handle
	for _, h := range v.usersNamed(user) {
		if v.live(h) != nil {
			found = &h
		}
	}
	if found == nil {
		return nil, notFound(rq.segments[1])
	}
	ids := []string{}
	in1 := map[handle]bool{*found: true}
	for more := true; more; {
		more = false
		for _, g := range v.byKind[kindGroup] {
			group, live := v.live(g).(*Group)
			// As in memberOf, groups with hidden membership are left out.
			if !live || in1[g] || rq.hidesMembers(group) {
				continue
			}
			if slices.ContainsFunc(v.members(g), func(m handle) bool { return in1[m] }) {
				in1[g], more = true, true
				if !*in.SecurityEnabledOnly || group.SecurityEnabled != nil && *group.SecurityEnabled {
					ids = append(ids, group.ID)
				}
			}
		}
	}
	return rq.actionReply("Collection(Edm.String)", ids)
}

// objectsByID serves getByIds; objects that do not exist are left out.
func (rq *request) objectsByID() (*reply, *graphError) {
	if !rq.token.hasAny([]string{"Directory.Read.All", "Directory.ReadWrite.All"}) {
		return nil, denied()
	}
	var in struct {
		IDs   []string `json:"ids"`
		Types []string `json:"types"`
	}
	if err := json.Unmarshal(rq.body, &in); err != nil || len(in.IDs) == 0 || len(in.IDs) > maxGetByIDs || in.Types != nil {
		return nil, badRequest("Request_BadRequest", "Between 1 and %d ids are taken, and no types by this server.", maxGetByIDs)
	}
	groups, users := rq.view(rq.behind.Group), rq.view(rq.behind.Users)
	values := []json.RawMessage{}
	for _, id := range in.IDs {
		g, ok := parseGUID(id)
		if !ok {
			return nil, badRequest("Request_BadRequest", "Invalid object identifier '%s'.", id)
		}
		h, ok := rq.directory.index[g]
		v := groups
		if ok && rq.directory.objects[h].kind != kindGroup {
			v = users
		}
		if !ok || v.live(h) == nil {
			continue
		}
		s := schemas[v.objects[h].kind]
		var b bytes.Buffer
		s.appendEntity(&b, v.live(h), s.defaults(rq.version), true, false)
		values = append(values, b.Bytes())
	}
	return rq.actionReply("directoryObjects", values)
}

func (rq *request) actionReply(context string, values any) (*reply, *graphError) {
	body, err := json.Marshal(map[string]any{"@odata.context": rq.base + "/" + rq.version + "/$metadata#" + context, "value": values})
	if err != nil {
		return nil, &graphError{status: http.StatusInternalServerError, code: "InternalServerError", message: err.Error()}
	}
	return &reply{status: http.StatusOK, body: body}, nil
}
