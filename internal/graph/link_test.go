package graph

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

func TestLinksStayWithTheCollection(t *testing.T) {
	const (
		groups  = "https://graph.example/v1.0/groups"
		delta   = "https://graph.example/v1.0/groups/delta"
		members = "https://graph.example/v1.0/groups/" + groupA + "/members"
	)
	for _, c := range []struct {
		collection, link string
		stays            bool
	}{
		{groups, "https://graph.example/v1.0/groups?$skiptoken=1", true},
		{groups, "https://GRAPH.example:443/V1.0/Groups/?$skiptoken=1", true},
		{groups + "?$top=1", groups + "?x", true},
		{groups, "https://graph.example/beta/groups?x", false},
		{groups, "https://graph.example/v1.0/users?x", false},
		{groups, "https://graph.example/v1.0/groups/delta?x", false},
		{groups, "https://graph.example/v1.0/groups/" + groupA, false},
		{groups, "https://graph.example/v1.0/groups/../users", false},
		{groups, "https://graph.example/v1.0//groups", false},
		{groups, "https://graph.example/v1.0/groups%2f..%2fusers", false},
		{groups, "https://graph.example:444/v1.0/groups", false},
		{groups, "https://graph.example@evil.example/v1.0/groups", false},
		{groups, "https://name:word@graph.example/v1.0/groups", false},
		{groups, "//graph.example/v1.0/groups", false},
		{groups, "/v1.0/groups", false},
		{groups, "http://graph.example/v1.0/groups", false},
		{groups, "https://graph.example.evil/v1.0/groups", false},
		{groups, "https:v1.0/groups", false},
		{delta, "https://graph.example/v1.0/groups/delta?$deltatoken=1", true},
		{delta, "https://graph.example/v1.0/groups/delta()?$deltatoken=1", true},
		{delta, "https://graph.example/v1.0/groups/microsoft.graph.delta?$deltatoken=1", true},
		{delta, "https://graph.example/v1.0/groups/microsoft.graph.delta()?$deltatoken=1", true},
		{delta, "https://graph.example/v1.0/Groups/Microsoft.Graph.Delta()?$deltatoken=1", true},
		{delta, "https://graph.example/v1.0/groups?$deltatoken=1", false},
		{delta, "https://graph.example/v1.0/users/delta?$deltatoken=1", false},
		{delta, "https://graph.example/beta/groups/delta?$deltatoken=1", false},
		{delta, "https://graph.example/v1.0/groups/evil.delta()?$deltatoken=1", false},
		{delta, "https://graph.example/v1.0/groups/delta(x)?$deltatoken=1", false},
		{delta, "https://graph.example/v1.0/groups/delta/delta?$deltatoken=1", false},
		{members, "https://graph.example/v1.0/groups('" + groupA + "')/members?x", true},
		{members, "https://graph.example/v1.0/groups/" + groupB + "/members?x", false},
		{members, "https://graph.example/v1.0/groups/" + groupA + "/owners?x", false},
		{members, "https://graph.example/v1.0/groups/" + groupA + "/transitiveMembers?x", false},
	} {
		err := call{doing: "testing", collection: c.collection}.stays(c.link)
		if (err == nil) != c.stays {
			t.Errorf("%s\n-> %s: %v", c.collection, c.link, err)
		}
		if err != nil {
			wantID(t, err, "IncompleteRead")
		}
	}
}

// TestNoListingLeavesItsCollection covers everything that follows links.
func TestNoListingLeavesItsCollection(t *testing.T) {
	const user = `{"id":"` + groupA + `","userPrincipalName":"a"}`
	elsewhere := `{"value":[` + user + `],"@odata.nextLink":"https://graph.example/v1.0/users?x"}`
	id, _ := directory.ParseGUID(groupA)
	for name, c := range map[string]struct {
		answers []string
		read    func(context.Context, *source) error
	}{
		"groups": {[]string{elsewhere}, func(ctx context.Context, s *source) error {
			return s.Groups(ctx, contract.SourceSelection{}, func([]directory.SourceGroup) error { return nil })
		}},
		"members": {[]string{elsewhere}, func(ctx context.Context, s *source) (failed error) {
			err := s.Members(ctx, []directory.GUID{id}, func(p contract.MemberPage) error {
				if p.Err != nil {
					failed = p.Err
				}
				return nil
			})
			if err != nil {
				return err
			}
			return failed
		}},
		"changes of the groups": {[]string{elsewhere}, func(ctx context.Context, s *source) error {
			_, err := s.GroupChanges(ctx, "https://graph.example/v1.0/groups/delta?x", func([]contract.GroupChange) error { return nil })
			return err
		}},
		"the link to later changes": {[]string{`{"value":[],"@odata.deltaLink":"https://graph.example/v1.0/users/delta?x"}`}, func(ctx context.Context, s *source) error {
			_, err := s.GroupChanges(ctx, "https://graph.example/v1.0/groups/delta?x", func([]contract.GroupChange) error { return nil })
			return err
		}},
		"the first link": {[]string{`{"value":[],"@odata.deltaLink":"https://graph.example/v1.0/groups?x"}`}, func(ctx context.Context, s *source) error {
			_, err := s.StartDelta(ctx)
			return err
		}},
		"a batch": {[]string{`{"responses":[{"id":"0","status":200,"body":{"value":[],"@odata.nextLink":"https://graph.example/v1.0/users?x"}}]}`}, func(ctx context.Context, s *source) error {
			_, err := s.GroupsByID(ctx, contract.SourceSelection{}, []directory.GUID{id})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wantID(t, c.read(t.Context(), inMemory(t, script(t, c.answers...))), "IncompleteRead")
			})
		})
	}
}

// TestADeltaMayBeSpelledOtherwise: Graph writes the function name in delta links in any
// of its forms.
func TestADeltaMayBeSpelledOtherwise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		s := inMemory(t, func(req *http.Request) (*http.Response, error) {
			asked = append(asked, req.URL.Path)
			if len(asked) == 1 {
				return reply(200, `{"value":[],"@odata.nextLink":"https://graph.example/v1.0/groups/delta()?$skiptoken=1"}`), nil
			}
			return reply(200, `{"value":[],"@odata.deltaLink":"https://graph.example/v1.0/groups/microsoft.graph.delta()?$deltatoken=1"}`), nil
		})
		link, err := s.GroupChanges(t.Context(), "https://graph.example/v1.0/groups/delta?$deltatoken=0", func([]contract.GroupChange) error { return nil })
		if err != nil || link != "https://graph.example/v1.0/groups/microsoft.graph.delta()?$deltatoken=1" || len(asked) != 2 {
			t.Errorf("%q, %v, asked %v", link, err, asked)
		}
	})
}
