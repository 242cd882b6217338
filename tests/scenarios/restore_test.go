package scenarios

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/graph/graphtest"
)

// groupsCommand creates N groups in the tenant, each with two of the accounts in AD.
func groupsCommand(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	for i := range n {
		_, err := of(ts).server.PutGroup(graphtest.Group{ID: fmt.Sprintf("ab000000-0000-0000-0000-%012d", i+1), DisplayName: fmt.Sprintf("Group %03d", i+1),
			GroupTypes: []string{"Unified"}, Members: []string{fmt.Sprintf("user%04d", 1+i%20), fmt.Sprintf("user%04d", 21+i%15)}})
		ts.Check(err)
	}
}

// sidsCommand prints what tells the objects of the script's groups apart.
func sidsCommand(ts *testscript.TestScript, _ bool, _ []string) {
	entries, err := search(ts.Getenv("OU"), "(objectClass=group)", "objectSid", "objectGUID")
	ts.Check(err)
	var lines []string
	for _, e := range entries {
		sid, err := directory.SIDFromAD([]byte(e["objectSid"]))
		ts.Check(err)
		guid, err := directory.GUIDFromAD([]byte(e["objectGUID"]))
		ts.Check(err)
		lines = append(lines, fmt.Sprintln(e["dn"], guid, sid))
	}
	sort.Strings(lines)
	fmt.Fprint(ts.Stdout(), strings.Join(lines, ""))
}

// restoreCommand calls group.restore, signed in as the administrator, and prints how many
// groups came back in which way.
func restoreCommand(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts)
	var request map[string]any
	ts.Check(json.Unmarshal(params(ts, args), &request))
	request["target"] = map[string]any{"credential": map[string]any{"kind": "Simple", "user": os.Getenv("GWB_LAB_ADMIN_USER"), "password": os.Getenv("GWB_LAB_ADMIN_PASSWORD")}}
	text, err := json.Marshal(request)
	ts.Check(err)
	var result struct {
		Run    run
		Groups []struct {
			DisplayName, Way, Outcome, ErrorID, Message string
			Members                                     int
			Lost                                        []string
			Held                                        bool
		}
	}
	err = s.call("group.restore", text, &result)
	s.check(ts, neg, err)
	if err != nil {
		return
	}
	count := map[string]int{}
	for _, g := range result.Groups {
		line := fmt.Sprintf("%s %s, %d members, held %t, lost %s", g.Way, g.Outcome, g.Members, g.Held, strings.Join(g.Lost, " "))
		if g.ErrorID != "" {
			line += "\n    " + g.ErrorID + ": " + g.Message
		}
		count[line]++
	}
	var lines []string
	for line, n := range count {
		lines = append(lines, fmt.Sprintf("%d: %s\n", n, line))
	}
	slices.Sort(lines)
	fmt.Fprintf(ts.Stdout(), "%s", s.names.replace(s.own(fmt.Sprintf("%s, exported %s\n%s", result.Run.Status, counts(result.Run.Exported), strings.Join(lines, "")))))
}
