package graph

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/graph/graphtest"
)

// Members of a kind that is not known here have no account, in whatever way they are read,
// and do not prevent a group from being written.
func TestKindsThatAreNewHaveNoAccount(t *testing.T) {
	const agent = "00000000-0000-4000-8000-0000000000aa"
	seed := smallSeed()
	seed.AgentIdentities = []graphtest.AgentIdentity{{ID: agent, DisplayName: "Agent 7"}}
	l := startLab(t, seed, graphtest.Options{Roles: []string{"Directory.Read.All", "User.Read.All", "GroupMember.Read.All"}})
	s := open(t, l.config)
	links := startDelta(t, s)
	do(t, l.AddMember(groupB, agent))
	want := directory.SourceMember{ID: directory.MustGUID(agent), Kind: directory.KindOther, Name: "Agent 7", Readable: true}

	var read []directory.SourceMember
	if err := s.Members(t.Context(), []directory.GUID{directory.MustGUID(groupB)}, func(p contract.MemberPage) error {
		read = append(read, p.Members...)
		return p.Err
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]directory.SourceMember{want}, read); diff != "" {
		t.Error(diff)
	}
	changes, _ := groupChanges(t, s, links.Groups)
	if diff := cmp.Diff([]contract.MemberChange{{ID: want.ID, Kind: directory.KindOther}}, changes[0].Members); diff != "" {
		t.Error(diff)
	}
	byID, err := s.MembersByID(t.Context(), []directory.SourceMember{{ID: want.ID, Kind: directory.KindOther}, {ID: user(4), Kind: directory.KindOther}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]directory.SourceMember{want, {ID: user(4), Kind: directory.KindOther, Name: "PC", Readable: true}}, byID); diff != "" {
		t.Error(diff)
	}
}

func TestMemberKind(t *testing.T) {
	for odataType, want := range map[string]directory.MemberKind{
		"#microsoft.graph.user":                 directory.KindUser,
		"#microsoft.graph.group":                directory.KindGroup,
		"#microsoft.graph.device":               directory.KindOther,
		"#microsoft.graph.agentIdentity":        directory.KindOther,
		"#microsoft.graph.whateverComes":        directory.KindOther,
		"#microsoft.graph.directoryObject":      directory.KindUser, // the type is unknown
		"":                                      directory.KindUser,
		"#microsoft.graph.agents.somethingElse": directory.KindOther,
	} {
		if got := memberKind(odataType); got != want {
			t.Errorf("%q: %s, want %s", odataType, got, want)
		}
	}
}

// The users' delta reports who was soft-deleted, hard-deleted or restored; the groups'
// delta need not.
func TestDeletedAndRestoredUsersAreReported(t *testing.T) {
	l := startLab(t, smallSeed(), graphtest.Options{})
	l.SetUsersUnreported(true)
	s := open(t, l.config)
	links := startDelta(t, s)
	do(t, l.DeleteUser("ann@contoso.com"), l.DeleteUser("cloud@contoso.com"), l.PurgeUser(user(2).String()))
	changes, next := userChanges(t, s, links.Users)
	if diff := cmp.Diff([]contract.UserChange{{ID: user(1), Deleted: true}, {ID: user(2), Deleted: true}}, changes); diff != "" {
		t.Error(diff)
	}
	if groups, _ := groupChanges(t, s, links.Groups); len(groups) > 0 {
		t.Errorf("the test proves nothing: %+v", groups)
	}
	gone, err := s.GroupsOf(t.Context(), []directory.GUID{user(1), user(2)})
	if err != nil || len(gone) > 0 {
		t.Errorf("groups of deleted users: %v, %v", gone, err)
	}

	// The user is in a group, and through it in another.
	const security = "dddddddd-0000-4000-8000-00000000000d"
	do(t, l.RestoreUser(user(1).String()), l.AddMember(security, groupA))
	changes, _ = userChanges(t, s, next)
	member, synced := false, true
	if diff := cmp.Diff([]contract.UserChange{{ID: user(1), Name: new("ann@contoso.com"), Guest: &member, Synced: &synced,
		SID: new("S-1-5-21-1-2-3-1001"), ImmutableID: new("AAAAAAAAAAAAAAAAAAAAAQ==")}}, changes); diff != "" {
		t.Error(diff)
	}
	groups, err := s.GroupsOf(t.Context(), []directory.GUID{user(1), user(3), user(9)})
	if err != nil {
		t.Fatal(err)
	}
	both := []directory.GUID{directory.MustGUID(groupA), directory.MustGUID(security)}
	if diff := cmp.Diff(map[directory.GUID][]directory.GUID{user(1): both, user(3): both}, groups); diff != "" {
		t.Error(diff)
	}
}
