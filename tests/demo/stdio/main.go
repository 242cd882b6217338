// Command stdio is the demo for machines without PowerShell: the steps of
// tests/demo/demo.ps1, driven over the engine's protocol (docs/protocol.md).
// It prints each request with the main parts of its answer, and fails if a step does
// not have the expected result. tests/demo/run starts it inside the lab.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"groupwriteback/tests/protocol/client"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	if err := demo(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
	fmt.Println("\nThe demo succeeded and has removed everything that it created.")
}

type fields = map[string]any

type run struct {
	ID                int64
	Status            string
	DriftedGroups     int
	Planned, Exported struct{ Create, Update, UpdateMembers, Delete, Skip, MembersAdded, MembersRemoved int }
}

type group struct {
	ID, DisplayName, Situation string
	Members, Unwritten         int
}

// The group of the tenant's seed that the demo looks at and changes.
const allCompany = "10000000-0000-4000-8000-000000000001"

// demo is the session. Its steps are those of demo.ps1.
func demo(ctx context.Context) error {
	engine, err := client.Start(client.Options{Path: os.Getenv("GROUPWRITEBACK_ENGINE")})
	if err != nil {
		return err
	}
	defer engine.Kill()
	s := session{ctx: ctx, engine: engine, container: os.Getenv("GWB_LAB_CONTAINER")}
	before, err := exec.Command("tests/lab/dump").Output()
	if err != nil {
		return fmt.Errorf("tests/lab/dump: %w", err)
	}

	s.step("Connect to the tenant and to the domain")
	var connection struct {
		Source struct{ TenantID string }
		Target struct{ Domain string }
	}
	s.call("session.initialize", fields{"protocol": 1, "client": "demo", "statePath": filepath.Join(os.Getenv("GWB_LAB_DIR"), "state")}, nil)
	s.call("session.connect", connect(), &connection)
	s.expect(connection.Source.TenantID == os.Getenv("GWB_LAB_TENANT_ID") && connection.Target.Domain == os.Getenv("GWB_LAB_DOMAIN"), "both sides are connected")

	s.step("What is missing?")
	var test struct {
		Checks []struct{ Name, Result, Message string }
	}
	s.call("writeback.test", fields{"targetContainer": s.container}, &test)
	for _, c := range test.Checks {
		fmt.Printf("%-27s%-9s%s\n", c.Name, c.Result, c.Message)
		s.expect(c.Result != "Failed", "no check fails")
	}
	s.expect(len(test.Checks) > 0, "checks are reported")

	s.step("Look first: what would the first sync do?")
	enable := fields{"targetContainer": s.container, "nameFormat": "DisplayName", "mailRecipient": "MailOnly"}
	preview := s.run("sync.preview", fields{"enable": enable})
	s.changes(preview.ID)
	planned := preview.Planned.Create
	s.expect(planned > 5, "groups would be created")
	s.expect(s.status() == "NotConfigured", "nothing was saved")

	s.step("Enable and synchronise")
	s.call("writeback.enable", enable, nil)
	s.expect(s.status() == "Enabled", "group writeback is enabled")
	first := s.run("sync.start", nil)
	s.expect(first.Status == "Complete" && first.Exported.Create == planned, "every planned change was made")

	s.step("The groups are in Active Directory, as an independent client shows")
	s.expect(s.directory("(objectClass=group)", "dn:", "dn") == planned, "every group exists")
	s.expect(s.directory("(displayName=All Company)", "member:", "cn", "sAMAccountName", "groupType", "displayName", "description", "mail", "adminDescription", "extensionName", "member") == 10,
		"it has its ten members")

	s.step("Who is not written, and why?")
	linked := 0
	for _, g := range s.groups(fields{"limit": 500}) {
		if g.Situation == "Linked" {
			linked++
		}
	}
	s.expect(linked == planned, "each written group is linked")
	var members struct {
		Members []struct{ Name, Reason string }
	}
	s.call("group.members", fields{"id": allCompany}, &members)
	unwritten := 0
	for _, m := range members.Members {
		if m.Reason != "" {
			unwritten++
			fmt.Printf("%s: %s\n", m.Name, m.Reason)
		}
	}
	s.expect(unwritten == 1, "a cloud-only member is listed")

	s.step("Something changes in the tenant")
	s.tenant("patch-group", "id="+allCompany, "set.displayName=Everybody at Contoso")
	s.tenant("add-member", "group="+allCompany, "member=user0020@contoso.test")
	changed := s.run("sync.start", nil)
	s.changes(changed.ID)
	s.expect(changed.Status == "Complete" && changed.Exported.Update == 1 && changed.Exported.MembersAdded == 1, "the group was renamed and has one member more")
	s.expect(s.directory("(displayName=Everybody at Contoso)", "member:", "cn", "sAMAccountName", "member") == 11, "it has eleven members under its new name")

	s.step("Somebody edits a group by hand")
	s.edit("dn: CN=Cloud people only_000000000006,"+s.container, "changetype: modify", "add: member", "member: CN=user0007,"+os.Getenv("GWB_LAB_PEOPLE"))
	repaired := s.run("sync.start", nil)
	s.changes(repaired.ID)
	s.expect(repaired.Status == "Complete" && repaired.DriftedGroups == 1 && repaired.Exported.MembersRemoved == 1, "the manual change was corrected")

	s.step("One group, now")
	var one struct {
		Run   run
		Steps []struct{ Name, Result, Message string }
	}
	s.call("sync.group", fields{"group": "Empty"}, &one)
	for _, step := range one.Steps {
		fmt.Printf("%-8s%-8s%s\n", step.Name, step.Result, step.Message)
	}
	s.expect(one.Run.Status == "Complete" && len(one.Steps) > 0, "the group is in sync")

	s.step("A second run changes nothing")
	e := s.run("sync.start", nil).Exported
	s.expect(e.Create+e.Update+e.UpdateMembers+e.Delete == 0, "nothing was written")

	s.step("Disable: the next sync deletes the groups, and nothing else")
	s.expect(s.run("writeback.disable", fields{"whatIf": true}).Planned.Delete == planned, "all groups would be deleted")
	s.run("writeback.disable", nil)
	gone := s.run("sync.start", nil)
	s.expect(gone.Status == "Complete" && gone.Exported.Delete == planned, "all groups were deleted")
	s.expect(s.directory("(objectClass=group)", "dn:", "dn") == 0, "the container is empty")
	after, err := exec.Command("tests/lab/dump").Output()
	s.expect(err == nil && bytes.Equal(before, after), "the directory is unchanged")
	s.call("session.disconnect", nil, nil)
	if s.err != nil {
		return s.err
	}
	code, err := engine.Close()
	if err == nil && code != 0 {
		err = fmt.Errorf("the engine ended with exit code %d", code)
	}
	return err
}

func connect() fields {
	lab := func(name string) string { return os.Getenv("GWB_LAB_" + name) }
	return fields{
		"source": fields{"tenantId": lab("TENANT_ID"), "clientId": lab("TENANT_CLIENT_ID"), "authority": lab("TENANT_AUTHORITY"), "graphEndpoint": lab("TENANT_GRAPH"),
			"caFile": lab("TENANT_CA"), "credential": fields{"kind": "ClientSecret", "secret": lab("TENANT_CLIENT_SECRET")}},
		"target": fields{"server": lab("SERVER"), "caFile": lab("CA"),
			"credential": fields{"kind": "Simple", "user": lab("USER"), "password": lab("PASSWORD")}},
	}
}

// session runs the steps. After the first error it does nothing.
type session struct {
	ctx       context.Context
	engine    *client.Client
	container string
	steps     int
	err       error
}

func (s *session) step(title string) {
	if s.err == nil {
		s.steps++
		fmt.Printf("\n# %d. %s\n", s.steps, title)
	}
}

func (s *session) expect(holds bool, what string) {
	if s.err == nil && !holds {
		s.err = fmt.Errorf("expected that %s", what)
	}
}

// call prints the request without its secrets, sends it, and reads the answer.
func (s *session) call(method string, params fields, result any) {
	if s.err != nil {
		return
	}
	shown := ""
	if method == "session.connect" {
		shown = "{source, target}"
	} else if params != nil {
		text, _ := json.Marshal(params)
		shown = string(text)
	}
	fmt.Printf("\n> %s %s\n", method, shown)
	s.err = s.engine.Call(s.ctx, method, params, result)
}

func (s *session) run(method string, params fields) (r run) {
	s.call(method, params, &r)
	if s.err == nil {
		fmt.Printf("run %d %s: planned %s; exported %s\n", r.ID, r.Status, counts(r.Planned), counts(r.Exported))
	}
	return r
}

func counts(totals any) string {
	text, _ := json.Marshal(totals)
	var all map[string]int
	json.Unmarshal(text, &all)
	var told []string
	for _, name := range []string{"Create", "Update", "UpdateMembers", "Delete", "Skip", "MembersAdded", "MembersRemoved"} {
		if all[name] > 0 {
			told = append(told, fmt.Sprintf("%s %d", name, all[name]))
		}
	}
	if told == nil {
		return "nothing"
	}
	return strings.Join(told, ", ")
}

func (s *session) changes(runID int64) {
	var list struct {
		Changes []struct {
			Action, Outcome, DisplayName, DN, Message string
			AddCount, RemoveCount                     int
		}
	}
	s.call("change.list", fields{"runId": runID, "limit": 500}, &list)
	for _, c := range list.Changes {
		fmt.Printf("%-14s%-9s+%-3d -%-3d %s  %s  %s\n", c.Action, c.Outcome, c.AddCount, c.RemoveCount, c.DisplayName, c.DN, c.Message)
	}
}

func (s *session) groups(filter fields) []group {
	var list struct{ Groups []group }
	s.call("group.list", filter, &list)
	for _, g := range list.Groups {
		fmt.Printf("%-10s%3d members, %d not written  %s\n", g.Situation, g.Members, g.Unwritten, g.DisplayName)
	}
	return list.Groups
}

func (s *session) status() string {
	var overview struct{ Status string }
	s.call("writeback.get", nil, &overview)
	fmt.Println(overview.Status)
	return overview.Status
}

// edit changes the directory with ldapmodify, as its administrator.
func (s *session) edit(ldif ...string) {
	text := strings.Join(ldif, "\n")
	modify := exec.Command("ldapmodify", "-x", "-H", "ldaps://"+os.Getenv("GWB_LAB_SERVER"), "-D", os.Getenv("GWB_LAB_ADMIN_USER"), "-w", os.Getenv("GWB_LAB_ADMIN_PASSWORD"))
	modify.Stdin = strings.NewReader(text + "\n")
	s.command(modify, "ldapmodify -x <<'END'\n"+text+"\nEND")
}

// directory searches as the domain's administrator with ldapsearch, which is independent
// of the engine, and counts the lines that begin with the prefix.
func (s *session) directory(filter, prefix string, attributes ...string) int {
	arguments := append([]string{"-x", "-LLL", "-o", "ldif-wrap=no", "-b", s.container, filter}, attributes...)
	server := []string{"-H", "ldaps://" + os.Getenv("GWB_LAB_SERVER"), "-D", os.Getenv("GWB_LAB_ADMIN_USER"), "-w", os.Getenv("GWB_LAB_ADMIN_PASSWORD")}
	out := s.command(exec.Command("ldapsearch", append(server, arguments...)...), fmt.Sprintf("ldapsearch %s %q %s", strings.Join(arguments[:6], " "), filter, strings.Join(attributes, " ")))
	count := 0
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, prefix) {
			count++
		}
	}
	return count
}

func (s *session) tenant(arguments ...string) {
	s.command(exec.Command("tests/demo/tenant", arguments...), "tests/demo/tenant "+strings.Join(arguments, " "))
}

func (s *session) command(command *exec.Cmd, shown string) []byte {
	if s.err != nil {
		return nil
	}
	fmt.Printf("\n$ %s\n", shown)
	command.Env = append(os.Environ(), "LDAPTLS_CACERT="+os.Getenv("GWB_LAB_CA"))
	out, err := command.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	if err != nil {
		s.err = fmt.Errorf("%s: %w", shown, err)
	}
	if text := bytes.TrimSpace(bytes.ReplaceAll(out, []byte("\n\n"), []byte("\n"))); len(text) > 0 {
		fmt.Printf("%s\n", text)
	}
	return out
}
