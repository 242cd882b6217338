package protocol

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shapes are objects that occur in the results of several methods.
var shapes = map[string]shape{
	"totals": "create adopt update move updateMembers delete skip membersAdded membersRemoved",
	"run": `id kind policyType policyReason planId started ended status stopReason message error{category id object message advice cause} server projection
		groupId groupName sourceGroups targetGroups linkedGroups missingGroups driftedGroups planned{@totals} exported{@totals} held{@totals} heldBy heldRuns sourceBaseline targetHeld undoFile undoHash failed unknownMembers unwrittenMembers groupsOnHold quarantinedGroups`,
	"container": "guid dn canCreate",
	"limits":    "deletionCount deletionPercent removalPercent groupRemovalPercent sourceShrinkPercent targetShrinkPercent",
	"settings": `enabled tenant{id name} domain{guid sid name} container{@container} furtherContainers{name @container} containerFilters{container filter} formerContainers{@container}
		scope{groups groupIds filter includeSecurityGroups} onPremisesGroupType maxMemberCount nameFormat samAccountNameFormat excludeMailAttribute mailRecipient recipientDisplayType updateAddressLists markCloudAuthority updateManagedBy includeHiddenMembership mapping{@entry} releasedGroups{id targetGuid}
		trustedOwners{sid name} movedGroup softDeletedGroup outOfScopeGroup initialIntervalDays connections outageMinutes quarantineAfter limits{@limits} runHistoryDays initialPending version`,
	"entry":      "attribute expression apply default",
	"connection": "source{tenantId tenantName appId roles environment credential} target{domain server baseDn account credential}",
	"enable": `targetContainer containerFilters{container filter} scope groupIds filter includeSecurityGroups onPremisesGroupType maxMemberCount nameFormat samAccountNameFormat
		excludeMailAttribute mailRecipient recipientDisplayType updateAddressLists markCloudAuthority updateManagedBy includeHiddenMembership adopt adoptPlan adoptGroups trustedOwners movedGroup softDeletedGroup outOfScopeGroup whatIf`,
	"patch":       "@enable releaseGroups mapping{set{@entry} remove} initialIntervalDays connections outageMinutes quarantineAfter limits{@limits} runHistoryDays",
	"page":        "after limit",
	"permission":  "account targetContainer usePropertySet compatible includeRestore force whatIf target{server startTls caFile credential{kind user password}}",
	"permissions": "account{sid name} containers{dn before after entries{state sddl words along} warnings}",
	"group": `id targetGuid displayName description mail dn samAccountName sid situation members unwritten recipient leftOutAddresses
		lastAction lastOutcome lastMessage hold{reason comment account since until} quarantine{tries message since next}`,
	"member": "id name kind targetGuid dn reason",
}

// methods lists the fields of each method's params and result. For methods that the
// engine calls, params is what the engine sends, and result what it receives.
var methods = map[string]struct{ params, result shape }{
	"session.initialize": {"protocol client from statePath checkState serviceAccount logLevel", "protocol engineVersion statePath platform logPath"},
	"session.connect": {`source{tenantId clientId environment authority graphEndpoint caFile credential{kind secret certificatePath certificatePassword
			thumbprint certificate federatedTokenFile accessToken canRefresh}}
		target{server startTls caFile credential{kind user password keytab realm krb5Conf}}`, "@connection"},
	"session.get":        {"", "@connection"},
	"session.log":        {"level", ""},
	"session.disconnect": {"", ""},
	"writeback.get":      {"", "settings{@settings} status groups disablePending adoptPending nextPolicyType nextPolicyReason pendingGroups groupsOnHold quarantinedGroups lastRun{@run} statePath"},
	"writeback.test":     {"targetContainer", "checks{name result message advice errorId account targetContainer}"},
	"writeback.enable":   {"@enable", "settings{@settings} foreignGroups ownGroups adoptPending exchangeVersion warnings"},
	"writeback.disable":  {"keepGroup includeAdopted whatIf planId", "@run"},
	"settings.get":       {"", "@settings"},
	"settings.set":       {"@enable releaseGroups mapping{set{@entry} remove} initialIntervalDays connections outageMinutes quarantineAfter limits{@limits} runHistoryDays", "@settings warnings"},
	"mapping.get":        {"", "rows{attribute expression function apply default on maxLength custom readOnly} properties functions"},
	"mapping.test":       {"group set{@entry} remove", "id displayName dn values{attribute expression apply now then changes notes}"},
	"mapping.read":       {"path", "entries{@entry} refused{attribute expression reason} notes"},
	"sync.start":         {"policyType allowOnce skipReplicationCheck", "@run"},
	"sync.preview":       {"policyType allowOnce skipReplicationCheck enable{@enable} settings{@patch}", "@run"},
	"sync.group":         {"group whatIf allowOnce skipReplicationCheck", "run{@run} id displayName steps{name result message} unwritten{@member}"},
	"group.restore": {"groups runId path force whatIf target{server startTls caFile credential{kind user password}}",
		"run{@run} groups{id targetGuid displayName dn way outcome members lost held path errorId message}"},
	"permission.get":    {"@permission", "@permissions"},
	"permission.grant":  {"@permission", "@permissions"},
	"permission.revoke": {"@permission", "@permissions"},
	"permission.graph":  {"script clientId", "permissions{name reason state} script"},
	"run.list":          {"kinds @page", "runs{@run} next"},
	"run.get":           {"id", "@run"},
	"change.list": {"runId action outcome group @page", `changes{id runId runKind action situation sourceId targetGuid displayName dn attributes{name old new}
		addCount removeCount add{guid dn} remove{guid dn} reason message outcome errorId} next`},
	"change.members": {"changeId @page", "members{operation guid dn} next"},
	"audit.list": {"since until events group @page", `entries{id time event object changes{name old new} more runId errorId message
		account accountSid computer client from directoryAccount appId} next`},
	"group.list":          {"id name onHold @page", "groups{@group} next"},
	"group.suspend":       {"group comment until", "group{@group}"},
	"group.resume":        {"group", "group{@group}"},
	"group.members":       {"id group @page", "members{groupId groupName @member} next"},
	"exchange.steps":      {"", "steps{kind object groups message command decide script}"},
	"exchange.recipients": {"@page", "steps{kind object groups message command script groupId targetGuid runId} next"},
	"exchange.clear":      {"steps{targetGuid runId}", "cleared"},
	"request.cancel":      {"id", ""},
	"progress":            {"requestId step stepNumber stepCount done total message waiting{for why since next until}", ""},
	"credential.token":    {"tenantId resource", "accessToken expiresOn"},
	"credential.sign":     {"thumbprint digest padding", "signature"},
}

// notInEveryAnswer reports whether a field of a shared shape need not be seen in the
// answer of this method, because the method can never have it, or does not have it in
// this test. The field is seen with another method.
func notInEveryAnswer(method, path string) bool {
	inRun := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			return path == name || strings.HasPrefix(path, name+".") || strings.HasSuffix(path, "."+name) || strings.Contains(path, "."+name+".")
		})
	}
	if inRun("targetHeld", "leftOutAddresses", "undoFile", "undoHash", "quarantine") { // tested by the scenarios target-shrunk and recipients, and in internal/command
		return true
	}
	switch method {
	case "group.resume":
		return inRun("hold")
	case "sync.start":
		return inRun("groupId", "groupName")
	case "writeback.disable", "writeback.get", "sync.preview":
		return inRun("policyReason", "stopReason", "message", "error", "ended", "server", "projection", "groupId", "groupName", "heldBy", "heldRuns", "sourceBaseline")
	case "group.restore":
		return inRun("heldBy", "heldRuns", "sourceBaseline", "policyReason", "stopReason", "message", "error", "ended", "server", "projection", "groupId", "groupName")
	case "sync.group":
		return inRun("heldBy", "heldRuns", "dn", "policyReason", "stopReason", "message", "error", "ended", "server")
	case "writeback.enable", "settings.set":
		return inRun("formerContainers", "releasedGroups", "mapping")
	case "permission.get", "permission.revoke":
		return inRun("along")
	case "audit.list":
		return inRun("accountSid", "more") // the first on Windows only
	case "exchange.recipients":
		return path == "next" || inRun("steps") // no group of this test has an alias
	case "progress":
		return inRun("waiting") // no outage lasts long enough here
	}
	return false
}

// values are words that the document marks up like fields but that are none.
var values = []string{"progress", "null", "true", "false"}

var sectionHeading = regexp.MustCompile(`(?m)^### (.+)$`)
var fieldLike = regexp.MustCompile("`([a-z][A-Za-z0-9]*)`")

// TestFieldsAreDocumented compares the tables above with the names in the sections of
// docs/protocol.md, in both directions.
func TestFieldsAreDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "protocol.md"))
	if err != nil {
		t.Fatal(err)
	}
	body, _, _ := strings.Cut(string(text), "\n## Error ids\n")
	_, body, _ = strings.Cut(body, "\n## Methods\n")
	headings := sectionHeading.FindAllStringSubmatchIndex(body, -1)
	documented := map[string]bool{}
	for i, h := range headings {
		end := len(body)
		if i+1 < len(headings) {
			end = headings[i+1][0]
		}
		heading, section := body[h[2]:h[3]], body[h[1]:end]
		inText := map[string]bool{}
		for _, m := range fieldLike.FindAllStringSubmatch(section, -1) {
			inText[m[1]] = true
		}
		known := map[string]bool{}
		for _, name := range strings.Split(regexp.MustCompile(` \(.*\)`).ReplaceAllString(heading, ""), ", ") {
			method, ok := methods[name]
			if !ok {
				t.Errorf("docs/protocol.md documents %s, which the tests do not know", name)
				continue
			}
			documented[name] = true
			fields := append(method.params.names(), method.result.names()...)
			for _, used := range regexp.MustCompile(`@(\w+)`).FindAllStringSubmatch(string(method.params+" "+method.result), -1) {
				// One section documents a shared shape; the other sections refer to it.
				inner := append(shapes[used[1]].names(), shapes["totals"].names()...)
				inner = append(inner, shapes["limits"].names()...)
				inner = append(inner, shapes["container"].names()...)
				inner = append(inner, shapes["entry"].names()...)
				for _, name := range inner {
					known[name] = true
				}
			}
			for _, field := range fields {
				known[field] = true
				if !inText[field] {
					t.Errorf("%s: %s is not in docs/protocol.md", name, field)
				}
			}
		}
		for name := range inText {
			if !known[name] && !slices.Contains(values, name) {
				t.Errorf("%s: docs/protocol.md names %s, which the tests do not know", heading, name)
			}
		}
	}
	for name := range methods {
		if !documented[name] {
			t.Errorf("%s is not in docs/protocol.md", name)
		}
	}
	for name, section := range map[string]string{"run": "A run: ", "settings": "### settings.get\nresult: ", "connection": "### session.get\nresult: "} {
		_, rest, ok := strings.Cut(body, section)
		if !ok {
			t.Errorf("docs/protocol.md has no %q", section)
			continue
		}
		line, _, _ := strings.Cut(rest, "\n")
		fields := shapes[name].names()
		for _, inner := range regexp.MustCompile(`@(\w+)`).FindAllStringSubmatch(string(shapes[name]), -1) {
			fields = append(fields, shapes[inner[1]].names()...)
		}
		for _, field := range fields {
			if !strings.Contains(line, "`"+field+"`") {
				t.Errorf("%s: %s is not in docs/protocol.md", name, field)
			}
		}
	}
}
