package graph

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/graph/graphtest"
)

func TestMailSettings(t *testing.T) {
	seed := smallSeed()
	seed.Groups[0].AllowExternalSenders, seed.Groups[0].HideFromAddressLists = graphtest.Bool(true), graphtest.Bool(false)
	l := startLab(t, seed, graphtest.Options{})
	s := open(t, l.config)
	one, other := directory.MustGUID(groupA), directory.MustGUID(groupB)
	read := func(want map[directory.GUID]directory.Values) {
		t.Helper()
		got, err := s.MailSettings(t.Context(), []directory.GUID{one, other})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	read(map[directory.GUID]directory.Values{one: {"allowExternalSenders": {"true"}, "hideFromAddressLists": {"false"}}, other: nil})

	// A group whose properties cannot be read is left out.
	fault := graphtest.Fault{Kind: graphtest.FaultStatus, Path: "/groups/" + groupB, Query: "hideFromAddressLists", Count: -1, Status: http.StatusNotFound, Code: "MailboxNotEnabledForRESTAPI"}
	l.AddFault(fault)
	read(map[directory.GUID]directory.Values{one: {"allowExternalSenders": {"true"}, "hideFromAddressLists": {"false"}}})
	l.ClearFaults()

	// A property that applications may not read does not hide the other one.
	refused := graphtest.Fault{Kind: graphtest.FaultStatus, Path: "/groups/", Query: "allowExternalSenders", Count: -1, Status: http.StatusForbidden, Code: "ErrorAccessDenied"}
	l.AddFault(refused)
	read(map[directory.GUID]directory.Values{one: {"hideFromAddressLists": {"false"}}, other: nil})

	refused.Query = "hideFromAddressLists"
	l.AddFault(refused)
	if _, err := s.MailSettings(t.Context(), []directory.GUID{one}); err == nil || contract.AsError(err).Category != contract.PermissionDenied {
		t.Errorf("%v", err)
	}
}
