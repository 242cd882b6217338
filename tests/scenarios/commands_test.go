package scenarios

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"crypto/tls"
	"crypto/x509"

	"github.com/rogpeppe/go-internal/testscript"

	"groupwriteback/internal/graph/graphtest"
	"groupwriteback/tests/protocol/client"
)

// commands are the commands of scripts in addition to those of testscript.
//
//	connect [both|source|target] [JSON]   session.initialize if needed, then session.connect; JSON is merged into its params
//	call METHOD [JSON]                    calls the engine and prints the result
//	sync [JSON]                           calls sync.start and prints the run, one line for each change
//	preview [JSON]                        the same for sync.preview
//	disable [JSON]                        the same for writeback.disable
//	group [JSON]                          calls sync.group and prints its steps and its run
//	ad [BASE]                             prints what is in the script's OU (or in BASE), read with ldapsearch
//	tenant VERB [JSON]                    changes the simulated tenant through its control interface
//	asked                                 prints and forgets the requests to Graph, without sign-ins: how many of each kind
//	accounts N                            creates N accounts in AD and in the tenant
//	groupof N JSON                        creates a group in the tenant with the first N of these accounts as its members
//	groups N                              creates N groups in the tenant, with two members each
//	sids                                  prints the DN, the objectGUID and the SID of each group of the script
//	restore [JSON]                        calls group.restore as the administrator and prints how many groups came back in which way
//	sid NAME                              sets the variable SID to the SID of the group with that sAMAccountName
//	give DN NAME                          makes the account with that sAMAccountName the owner of the object
//	admin FILE                            runs ldapmodify with the file, as the administrator
//	restart                               ends the engine; the next connect starts another
//	crash STEP [METHOD] [JSON]            calls the method and kills the engine when it reports the step
//	cancel STEP                           like sync, but cancels the run when the engine reports the step
//	busy STEP                             like sync; prints what a second engine's sync answers when the first reports the step
//	age DURATION                          ends the engine; for the next engine and the tenant, that much time has passed
//	token                                 makes the next connect use an access token instead of the secret; it cannot be renewed
//
// After a !, a command that calls the engine expects an error and prints its category,
// id, object, message and advice. Values that differ from run to run (GUIDs, SIDs,
// times) are printed as ordinals.
var commands = map[string]func(*testscript.TestScript, bool, []string){
	"connect": connectCommand,
	"call":    callCommand,
	"sync":    func(ts *testscript.TestScript, neg bool, args []string) { runCommand(ts, neg, "sync.start", args) },
	"preview": func(ts *testscript.TestScript, neg bool, args []string) { runCommand(ts, neg, "sync.preview", args) },
	"disable": func(ts *testscript.TestScript, neg bool, args []string) {
		runCommand(ts, neg, "writeback.disable", args)
	},
	"group":    groupCommand,
	"ad":       adCommand,
	"tenant":   tenantCommand,
	"asked":    askedCommand,
	"accounts": accountsCommand,
	"groupof":  groupOfCommand,
	"groups":   groupsCommand,
	"sids":     sidsCommand,
	"restore":  restoreCommand,
	"sid":      sidCommand,
	"age":      ageCommand,
	"admin":    adminCommand,
	"give":     giveCommand,
	"restart":  func(ts *testscript.TestScript, _ bool, _ []string) { of(ts).stop() },
	"crash":    crashCommand,
	"cancel":   cancelCommand,
	"busy":     busyCommand,
	"token":    func(ts *testscript.TestScript, _ bool, _ []string) { of(ts).token = true },
}

// story holds what belongs to one script.
type story struct {
	server *graphtest.Server
	engine string
	state  string
	work   string
	client *client.Client
	names  ordinals
	token  bool
	onStep func(step string)
}

func of(ts *testscript.TestScript) *story { return ts.Value("story").(*story) }

// patience is how long a story waits for an answer. It is far longer than an answer
// takes, even on a busy machine.
const patience = 15 * time.Minute

func (s *story) call(method string, params json.RawMessage, result any) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if s.client == nil {
		c, err := client.Start(client.Options{Path: s.engine, OnNotify: func(_ string, params json.RawMessage) {
			var p struct{ Step string }
			if json.Unmarshal(params, &p) == nil && s.onStep != nil {
				s.onStep(p.Step)
			}
		}})
		if err != nil {
			return err
		}
		s.client = c
		if err := c.Initialize(ctx, s.state); err != nil {
			return err
		}
	}
	return s.client.Call(ctx, method, params, result)
}

func (s *story) stop() {
	if s.client == nil {
		return
	}
	s.client.CloseInput()
	if _, err := s.client.Wait(patience); err != nil {
		s.client.Kill()
	}
	s.client = nil
}

// check ends the script if the outcome is not the expected one, and prints an expected
// error.
func (s *story) check(ts *testscript.TestScript, neg bool, err error) {
	var e *client.Error
	switch {
	case err == nil && neg:
		ts.Fatalf("no error, but one was expected")
	case err == nil:
	case !neg:
		ts.Fatalf("%v\n%s", err, s.stderr())
	case errors.As(err, &e):
		fmt.Fprint(ts.Stdout(), s.names.replace(fmt.Sprintf("%s %s\nobject:  %s\nmessage: %s\nadvice:  %s\n",
			e.Data.Category, e.Data.ID, s.own(e.Data.Object), s.own(e.Message), e.Data.Advice)))
	default:
		ts.Fatalf("not an error of the engine: %v\n%s", err, s.stderr())
	}
}

// own replaces values that depend on the machine: folders, ports, the script's OU.
func (s *story) own(text string) string {
	text = strings.ReplaceAll(text, s.work, "$WORK")
	text = strings.ReplaceAll(text, "OU="+filepath.Base(s.work)+",", "OU=$OU,")
	text = strings.ReplaceAll(text, s.server.URL, "https://tenant")
	// Debian 12's Samba does not tell who is bound; there, the engine shows the name that
	// it was given.
	text = strings.ReplaceAll(text, `CONTOSO\\svc-gwb`, "svc-gwb@contoso.test")
	return strings.ReplaceAll(text, strings.TrimPrefix(s.server.URL, "https://"), "tenant")
}

func (s *story) stderr() string {
	if s.client == nil {
		return ""
	}
	return s.client.Stderr()
}

func connectCommand(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts)
	sides := "both"
	if len(args) > 0 {
		sides, args = args[0], args[1:]
	}
	request := map[string]any{}
	if sides != "target" {
		request["source"] = map[string]any{
			"tenantId": s.server.TenantID, "clientId": s.server.ClientID, "authority": s.server.URL, "graphEndpoint": s.server.URL,
			"caFile": filepath.Join(s.work, "tenant-ca.pem"), "credential": map[string]any{"kind": "ClientSecret", "secret": s.server.ClientSecret},
		}
	}
	if s.token && sides != "target" {
		request["source"].(map[string]any)["credential"] = map[string]any{"kind": "AccessToken", "accessToken": s.server.AccessToken()}
	}
	if sides != "source" {
		request["target"] = map[string]any{
			"server": os.Getenv("GWB_LAB_SERVER"), "caFile": os.Getenv("GWB_LAB_CA"),
			"credential": map[string]any{"kind": "Simple", "user": os.Getenv("GWB_LAB_USER"), "password": os.Getenv("GWB_LAB_PASSWORD")},
		}
	}
	if len(args) > 0 {
		var over map[string]any
		ts.Check(json.Unmarshal(params(ts, args), &over))
		merge(request, over)
	}
	text, err := json.Marshal(request)
	ts.Check(err)
	s.check(ts, neg, s.call("session.connect", text, nil))
}

func merge(into, over map[string]any) {
	for k, v := range over {
		inner, ok := v.(map[string]any)
		outer, okOuter := into[k].(map[string]any)
		if ok && okOuter {
			merge(outer, inner)
		} else {
			into[k] = v
		}
	}
}

func params(ts *testscript.TestScript, args []string) json.RawMessage {
	if len(args) == 0 {
		return json.RawMessage("{}")
	}
	expanded := os.Expand(args[0], ts.Getenv)
	if !json.Valid([]byte(expanded)) {
		ts.Fatalf("not JSON: %s", expanded)
	}
	return json.RawMessage(expanded)
}

func callCommand(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts)
	var result any
	err := s.call(args[0], params(ts, args[1:]), &result)
	s.check(ts, neg, err)
	if err == nil {
		fmt.Fprint(ts.Stdout(), s.names.replace(s.own(marshal(result))))
	}
}

type run struct {
	ID                                       int64
	PolicyType, PolicyReason                 string
	Status, StopReason, Message, PlanID      string
	SourceGroups, TargetGroups, LinkedGroups int
	Failed, UnknownMembers, UnwrittenMembers int
	DriftedGroups                            int
	Planned, Exported, Held                  map[string]int
	Error                                    *client.ErrorData
}

func runCommand(ts *testscript.TestScript, neg bool, method string, args []string) {
	s := of(ts)
	var r run
	err := s.call(method, params(ts, args), &r)
	s.check(ts, neg, err)
	s.show(ts, err, &r)
}

// show prints a run and sets the script's variable PLAN to its plan.
func (s *story) show(ts *testscript.TestScript, err error, r *run) {
	if err == nil {
		ts.Setenv("PLAN", r.PlanID)
		fmt.Fprint(ts.Stdout(), s.names.replace(s.own(strings.ReplaceAll(s.tell(ts, r), r.PlanID, "$PLAN"))))
	}
}

// tell returns a text with a line for the run and one for each change.
func (s *story) tell(ts *testscript.TestScript, r *run) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", r.Status)
	if r.StopReason != "" {
		fmt.Fprintf(&b, " (%s)", r.StopReason)
	}
	if r.PolicyType != "" {
		fmt.Fprintf(&b, ", %s", r.PolicyType)
	}
	if r.PolicyReason != "" {
		fmt.Fprintf(&b, " (%s)", r.PolicyReason)
	}
	fmt.Fprintf(&b, ": %d in the tenant, %d in AD, %d linked; failed %d, unknown %d, unwritten %d",
		r.SourceGroups, r.TargetGroups, r.LinkedGroups, r.Failed, r.UnknownMembers, r.UnwrittenMembers)
	if r.DriftedGroups > 0 {
		fmt.Fprintf(&b, ", drifted %d", r.DriftedGroups)
	}
	fmt.Fprintln(&b)
	if r.Message != "" {
		fmt.Fprintf(&b, "%s\n", r.Message)
	}
	fmt.Fprintf(&b, "planned %s, exported %s", counts(r.Planned), counts(r.Exported))
	if held := counts(r.Held); held != "nothing" {
		fmt.Fprintf(&b, ", held %s", held)
	}
	fmt.Fprintln(&b)
	var lines []string
	for after := any(nil); ; {
		var page struct {
			Changes []struct {
				Action, Situation, DisplayName, DN, Reason, Message, Outcome, ErrorID string
				AddCount, RemoveCount                                                 int
				Attributes                                                            []struct {
					Name     string
					Old, New []string
				}
			}
			Next any
		}
		request := map[string]any{"runId": r.ID, "limit": 500}
		if after != nil {
			request["after"] = after
		}
		text, _ := json.Marshal(request)
		ts.Check(s.call("change.list", text, &page))
		for _, c := range page.Changes {
			line := fmt.Sprintf("%s %q %s %s", c.Action, c.DisplayName, c.Situation, c.Outcome)
			if c.AddCount+c.RemoveCount > 0 {
				line += fmt.Sprintf(" +%d -%d", c.AddCount, c.RemoveCount)
			}
			if c.Reason != "" {
				line += " " + c.Reason
			}
			if c.ErrorID != "" {
				line += " " + c.ErrorID
			}
			if c.Message != "" {
				line += ": " + c.Message
			}
			if c.DN != "" {
				line += "\n    " + c.DN
			}
			if c.Action != "Create" {
				for _, a := range c.Attributes {
					line += fmt.Sprintf("\n    %s: %q -> %q", a.Name, a.Old, a.New)
				}
			}
			lines = append(lines, line)
		}
		if after = page.Next; after == nil || after == "" {
			break
		}
	}
	sort.Strings(lines)
	for _, line := range lines {
		fmt.Fprintln(&b, line)
	}
	return b.String()
}

func counts(m map[string]int) string {
	var parts []string
	for k, v := range m {
		if v != 0 {
			parts = append(parts, fmt.Sprintf("%s %d", k, v))
		}
	}
	sort.Strings(parts)
	if parts == nil {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// admin returns the command for an LDAP tool of the system, bound as the administrator.
func admin(tool string, args ...string) *exec.Cmd {
	command := exec.Command(tool, append([]string{"-x", "-H", "ldaps://" + os.Getenv("GWB_LAB_SERVER"),
		"-D", os.Getenv("GWB_LAB_ADMIN_USER"), "-w", os.Getenv("GWB_LAB_ADMIN_PASSWORD")}, args...)...)
	command.Env = append(os.Environ(), "LDAPTLS_CACERT="+os.Getenv("GWB_LAB_CA"))
	return command
}

func (s *story) ldif(text string) error {
	command := admin("ldapmodify")
	command.Stdin = strings.NewReader(text)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("ldapmodify: %w\n%s\n%s", err, out, text)
	}
	return nil
}

func adminCommand(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(of(ts).ldif(os.Expand(ts.ReadFile(args[0]), ts.Getenv)))
}

// giveCommand writes only the owner of a security descriptor, with the control for that.
func giveCommand(ts *testscript.TestScript, _ bool, args []string) {
	sid, err := groupSID(args[1])
	ts.Check(err)
	descriptor := append([]byte{1, 0, 0, 0x80, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, sid.AD()...)
	command := admin("ldapmodify", "-e", "!1.2.840.113556.1.4.801="+base64.StdEncoding.EncodeToString([]byte{0x30, 3, 2, 1, 1}))
	command.Stdin = strings.NewReader("dn: " + args[0] + "\nchangetype: modify\nreplace: nTSecurityDescriptor\nnTSecurityDescriptor:: " +
		base64.StdEncoding.EncodeToString(descriptor) + "\n")
	if out, err := command.CombinedOutput(); err != nil {
		ts.Fatalf("ldapmodify: %v\n%s", err, out)
	}
}

// adCommand prints the groups as an independent client sees them.
func adCommand(ts *testscript.TestScript, _ bool, args []string) {
	base := ts.Getenv("OU")
	if len(args) > 0 {
		base = args[0]
	}
	out, err := admin("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-E", "pr=500/noprompt", "-b", base, "(objectClass=group)",
		"cn", "sAMAccountName", "groupType", "displayName", "description", "mail", "adminDescription", "msDS-ExternalDirectoryObjectId", "extensionName", "member",
		"msDS-ObjectSoa", "mailNickname", "proxyAddresses", "targetAddress", "msExchRecipientTypeDetails", "msExchRecipientDisplayType", "msExchPoliciesExcluded", "msExchRequireAuthToSendTo",
		"msExchHideFromAddressLists", "hideDLMembership", "managedBy", "msExchCoManagedByLink", "showInAddressBook", "legacyExchangeDN").Output()
	ts.Check(err)
	var entries []string
	for _, entry := range strings.Split(strings.TrimSpace(string(out)), "\n\n") {
		if entry == "" {
			continue
		}
		lines := slices.DeleteFunc(strings.Split(entry, "\n"), func(l string) bool { return strings.HasPrefix(l, "#") })
		if len(lines) == 0 {
			continue
		}
		for i, line := range lines {
			if name, value, ok := strings.Cut(line, ":: "); ok {
				raw, err := base64.StdEncoding.DecodeString(value)
				ts.Check(err)
				lines[i] = fmt.Sprintf("%s: %q", name, raw)
			}
		}
		lines = countMany(lines)
		sort.Strings(lines[1:])
		entries = append(entries, strings.Join(lines, "\n"))
	}
	sort.Strings(entries)
	s := of(ts)
	if len(entries) == 0 {
		fmt.Fprintln(ts.Stdout(), "nothing")
	}
	for _, entry := range entries {
		fmt.Fprint(ts.Stdout(), s.names.replace(s.own(entry+"\n\n")))
	}
}

// countMany replaces more than 50 members, which nobody would read, by their number.
func countMany(lines []string) []string {
	isMember := func(l string) bool { return strings.HasPrefix(l, "member: ") }
	n := len(slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !isMember(l) }))
	if n <= 50 {
		return lines
	}
	return append(slices.DeleteFunc(lines, isMember), fmt.Sprintf("member: %d values", n))
}

func tenantCommand(ts *testscript.TestScript, _ bool, args []string) {
	s := of(ts)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.server.CAPEM)
	body := []byte(nil)
	if len(args) > 1 {
		body = params(ts, args[1:])
	}
	web := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	answer, err := web.Post(s.server.URL+"/_control/"+args[0], "application/json", bytes.NewReader(body))
	ts.Check(err)
	defer answer.Body.Close()
	var text bytes.Buffer
	text.ReadFrom(answer.Body)
	if answer.StatusCode != http.StatusOK {
		ts.Fatalf("tenant %s: %s", args[0], text.String())
	}
}

// askedCommand prints the requests that Graph received, which tell what a run costs the
// tenant, and forgets them.
func askedCommand(ts *testscript.TestScript, _ bool, _ []string) {
	s := of(ts)
	asked := map[string]int{}
	for _, r := range s.server.Requests() {
		if _, path, ok := strings.Cut(r.Path, "/v1.0/"); ok {
			asked[r.Method+" "+path]++
		} else if _, path, ok := strings.Cut(r.Path, "/beta/"); ok {
			asked[r.Method+" beta "+path]++
		}
	}
	s.server.ClearRequests()
	for _, line := range slices.Sorted(maps.Keys(asked)) {
		fmt.Fprint(ts.Stdout(), s.names.replace(fmt.Sprintf("%s: %d\n", line, asked[line])))
	}
}

func groupCommand(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts)
	var result struct {
		Run         run
		DisplayName string
		Steps       []struct{ Name, Result, Message string }
	}
	err := s.call("sync.group", params(ts, args), &result)
	s.check(ts, neg, err)
	if err != nil {
		return
	}
	fmt.Fprintln(ts.Stdout(), result.DisplayName)
	for _, step := range result.Steps {
		fmt.Fprint(ts.Stdout(), s.names.replace(s.own(fmt.Sprintf("%s %s: %s\n", step.Name, step.Result, step.Message))))
	}
	s.show(ts, nil, &result.Run)
}

// crashCommand kills the engine as soon as it reports the step.
func crashCommand(ts *testscript.TestScript, _ bool, args []string) {
	s := of(ts)
	method := "sync.start"
	if len(args) > 1 {
		method = args[1]
	}
	reached := false
	s.onStep = func(step string) {
		if step == args[0] && !reached {
			reached = true
			go s.client.Kill()
		}
	}
	err := s.call(method, params(ts, args[min(len(args), 2):]), nil)
	s.onStep = nil
	if !reached {
		ts.Fatalf("the run never came to the step %s: %v", args[0], err)
	}
	if err == nil {
		ts.Fatalf("the engine answered although it was killed")
	}
	s.client.Kill()
	s.client = nil
}

// during starts a run, waits until it reports the step, and then calls then.
func (s *story) during(ts *testscript.TestScript, step string, then func(*client.Pending)) *run {
	reached := make(chan struct{})
	once := sync.Once{}
	s.onStep = func(at string) {
		if at == step {
			once.Do(func() { close(reached) })
		}
	}
	defer func() { s.onStep = nil }()
	pending, err := s.client.Go("sync.start", nil)
	ts.Check(err)
	select {
	case <-reached:
	case <-time.After(patience):
		ts.Fatalf("the run never came to the step %s", step)
	}
	then(pending)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var r run
	ts.Check(pending.Wait(ctx, &r))
	return &r
}

func cancelCommand(ts *testscript.TestScript, _ bool, args []string) {
	s := of(ts)
	s.show(ts, nil, s.during(ts, args[0], func(p *client.Pending) { ts.Check(p.Cancel()) }))
}

func busyCommand(ts *testscript.TestScript, _ bool, args []string) {
	s := of(ts)
	s.during(ts, args[0], func(*client.Pending) {
		second := &story{server: s.server, engine: s.engine, state: s.state, work: s.work}
		defer second.stop()
		err := second.call("sync.start", json.RawMessage("{}"), nil)
		if id := client.ErrorID(err); id != "RunInProgress" {
			ts.Fatalf("a second run: %v", err)
		}
		fmt.Fprintln(ts.Stdout(), "RunInProgress")
	})
}

// ordinals gives each value that differs from run to run a name, in the order of first
// appearance.
type ordinals map[string]string

var changing = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|S-1-5-21[-0-9]+|\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z| [+-]\d\d:\d\d)`)

func (o *ordinals) replace(text string) string {
	if *o == nil {
		*o = ordinals{}
	}
	return changing.ReplaceAllStringFunc(text, func(s string) string {
		if strings.Contains(s, ":") {
			return "TIME"
		}
		if (*o)[s] == "" {
			kind := "guid"
			if strings.HasPrefix(s, "S-") {
				kind = "sid"
			}
			(*o)[s] = kind + strconv.Itoa(len(*o)+1)
		}
		return (*o)[s]
	})
}
