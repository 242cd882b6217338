package graph

import (
	"net/http"
	"slices"
	"testing"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/graph/graphtest"
	"groupwriteback/internal/plan"
)

// names returns the names of the owners of each group, ascending.
func ownersNamed(t *testing.T, s contract.Source, ids ...directory.GUID) map[directory.GUID][]string {
	t.Helper()
	got, err := s.Owners(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	named := map[directory.GUID][]string{}
	for id, owners := range got {
		named[id] = []string{}
		for _, m := range owners {
			if m.Kind != directory.KindUser || !m.Readable {
				t.Errorf("%+v", m)
			}
			named[id] = append(named[id], m.Name)
		}
		slices.Sort(named[id])
	}
	return named
}

func TestOwners(t *testing.T) {
	seed := smallSeed()
	var users []string
	for _, u := range seed.Users {
		if len(users) < 3 {
			users = append(users, u.UserPrincipalName)
		}
	}
	slices.Sort(users)
	seed.Groups[0].Owners = users
	l := startLab(t, seed, graphtest.Options{})
	s := open(t, l.config)
	one, other := directory.MustGUID(groupA), directory.MustGUID(groupB)
	gone := directory.MustGUID("99999999-0000-0000-0000-000000000000")
	// With one owner on a page, the other pages are read, too. A group that is gone is
	// left out.
	for _, limit := range []int{0, 1} {
		l.SetPageLimit(limit)
		got := ownersNamed(t, s, one, gone, other)
		if len(got) != 2 || !slices.Equal(got[one], users) || len(got[other]) != 0 {
			t.Errorf("pages of %d: %v", limit, got)
		}
	}
	// What is broken is left out.
	l.AddFault(graphtest.Fault{Kind: graphtest.FaultStatus, Path: "/groups/" + groupA + "/owners", Query: "skiptoken", Count: -1, Status: http.StatusNotFound, Code: "Request_ResourceNotFound"})
	if got := ownersNamed(t, s, one, other); len(got) != 1 || got[other] == nil {
		t.Errorf("%v", got)
	}
	l.ClearFaults()
	l.SetPageLimit(0)
	refused := graphtest.Fault{Kind: graphtest.FaultStatus, Path: "/groups/", Query: "select", Count: -1, Status: http.StatusForbidden, Code: "Authorization_RequestDenied"}
	l.AddFault(refused)
	if _, err := s.Owners(t.Context(), []directory.GUID{one, other}); err == nil || contract.AsError(err).Category != contract.PermissionDenied {
		t.Errorf("%v", err)
	}
}

// The delta reports that owners changed, if that was asked for.
func TestDeltaOfOwners(t *testing.T) {
	seed := smallSeed()
	l := startLab(t, seed, graphtest.Options{})
	s := open(t, l.config)
	for _, properties := range [][]string{plan.Standard.Properties(), append(plan.Standard.Properties(), plan.PropertyOwners)} {
		s.SelectProperties(properties)
		links, err := s.StartDelta(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, owners := range [][]string{{seed.Users[0].UserPrincipalName}, {}} {
			if err := l.SetOwners(groupA, owners); err != nil {
				t.Fatal(err)
			}
			var told []contract.GroupChange
			if links.Groups, err = s.GroupChanges(t.Context(), links.Groups, func(page []contract.GroupChange) error {
				told = append(told, page...)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			asked := slices.Contains(properties, plan.PropertyOwners)
			if asked != (len(told) == 1) || asked && (!told[0].Owners || told[0].ID.String() != groupA) {
				t.Errorf("asked for owners: %v, reported: %+v", asked, told)
			}
		}
	}
}
