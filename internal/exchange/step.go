package exchange

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"groupwriteback/internal/directory"
)

// StepKind says what a step is about.
type StepKind string

// The kinds of steps. A Warning has no command.
const (
	StepAcceptedDomain StepKind = "AcceptedDomain"
	StepSendConnector  StepKind = "SendConnector"
	StepAddressPolicy  StepKind = "EmailAddressPolicy"
	StepUpdate         StepKind = "UpdateRecipient"
	StepWarning        StepKind = "Warning"
)

// Step is something that is still due in Exchange.
type Step struct {
	Kind StepKind `json:"kind"`
	// Object is the domain, connector or DN that it is about; Groups is the number of
	// groups that need it.
	Object  string `json:"object"`
	Groups  int    `json:"groups"`
	Message string `json:"message"`
	// Command is a line for Exchange's shell, in printable ASCII. Decide says that an
	// administrator has to decide before it is run, so a script has it as a comment.
	Command string `json:"command,omitempty"`
	Decide  bool   `json:"decide,omitempty"`
	// Script is the step as lines of a script: a comment, and the command.
	Script []string `json:"script"`
	// GroupID, TargetGUID and RunID belong to UpdateRecipient: the group, its object, and
	// the run that changed it; 0 for a new one.
	GroupID    *directory.GUID `json:"groupId,omitempty"`
	TargetGUID *directory.GUID `json:"targetGuid,omitempty"`
	RunID      int64           `json:"runId,omitempty"`
}

// scripted completes Script.
func (s Step) scripted() Step {
	s.Script = []string{comment(s.Message)}
	switch {
	case s.Command != "" && s.Decide:
		s.Script = append(s.Script, "# "+s.Command)
	case s.Command != "":
		s.Script = append(s.Script, s.Command)
	}
	return s
}

// Recipient is a written group, as far as steps depend on it.
type Recipient struct {
	GroupID, GUID directory.GUID
	DN            string
	Mail          string // primary address
	Alias, Target string // mailNickname, targetAddress
	LegacyDN      string
	Lists         int // values of showInAddressBook
	Hidden        bool
}

// Remote reports whether mail to the group is sent on to the tenant.
func (r *Recipient) Remote() bool { return r.Alias != "" && r.Target != "" }

// domain returns the domain of the primary address, in lower case.
func (r *Recipient) domain() string {
	at := strings.LastIndexByte(r.Mail, '@')
	if at < 0 {
		return ""
	}
	if domain, _, ok := parseDomain(strings.ToLower(r.Mail[at+1:])); ok {
		return domain
	}
	return ""
}

// UpdateStep returns the step that completes the recipient in Exchange; ok is false if none
// is due. changed is the run that last changed what Exchange makes of the group, since it
// was cleared; 0 means none. A group without alias is no recipient, and Exchange does
// nothing for it.
func UpdateStep(r Recipient, changed int64) (step Step, ok bool) {
	var why string
	switch {
	case r.Alias == "":
		return Step{}, false
	case r.LegacyDN == "":
		why = "is new: Exchange has not given it a legacyExchangeDN"
	case r.Lists == 0 && !r.Hidden:
		why = "is new: it is in no address list"
	case changed != 0:
		why = fmt.Sprintf("was changed by run %d", changed)
	default:
		return Step{}, false
	}
	return Step{
		Kind: StepUpdate, Object: r.DN, Groups: 1, Message: fmt.Sprintf("%s %s.", r.DN, why),
		Command: "Update-Recipient -Identity " + Quote(r.DN), GroupID: &r.GroupID, TargetGUID: &r.GUID, RunID: changed,
	}.scripted(), true
}

// Census counts the written groups by what the organisation has to know of them.
type Census struct {
	domains map[string]*domainCount
	// remote groups are sent on to the tenant; stranded ones are no recipients.
	remote, stranded int
}

type domainCount struct{ groups, stranded int }

// Add counts a group.
func (c *Census) Add(r Recipient) {
	domain := r.domain()
	if domain == "" {
		return
	}
	if c.domains == nil {
		c.domains = map[string]*domainCount{}
	}
	if c.domains[domain] == nil {
		c.domains[domain] = &domainCount{}
	}
	c.domains[domain].groups++
	if r.Remote() {
		c.remote++
		return
	}
	c.domains[domain].stranded++
	c.stranded++
}

// OrganizationSteps returns what is still due in the organisation so that mail to the
// written groups reaches the tenant, in the order in which it is to be done. tenant are the
// tenant's verified domains. What is done is left out; a part that could not be read is a
// warning, and has no steps. Sources: Microsoft's page on Microsoft 365 groups in a hybrid
// organisation, and what follows from it for groups that are no recipients.
func OrganizationSteps(o *Organization, c *Census, tenant []string) []Step {
	s := stepper{o: o, census: c, tenant: tenant}
	for _, p := range o.Unread {
		s.warn(p.Object, 0, fmt.Sprintf("This could not be read, so steps about it are missing (%s, %s): %s", p.Name, p.Reason, p.Message))
	}
	switch {
	case len(c.domains) == 0:
		return s.steps
	case !o.Exists():
		if o.Read(PartOrganization) {
			s.warn("", 0, "The forest has no Exchange organisation, so nothing is due there.")
		}
		return s.steps
	}
	if o.Read(PartServers) && !o.KnowsRemoteGroups() && c.remote > 0 {
		s.warn(o.Name, c.remote, "No server is known to be at least Exchange Server 2013 CU11 or 2016 CU1, and earlier ones do not know groups of the cloud: update them.")
	}
	var relayed []string
	for _, domain := range slices.Sorted(maps.Keys(c.domains)) {
		if IsRouting(domain) || s.acceptedDomain(domain) {
			relayed = append(relayed, domain)
		}
	}
	s.connector(relayed)
	s.addressPolicy()
	s.traps(relayed)
	return s.steps
}

type stepper struct {
	o      *Organization
	census *Census
	tenant []string
	steps  []Step
}

func (s *stepper) add(step Step) { s.steps = append(s.steps, step.scripted()) }

func (s *stepper) warn(object string, groups int, message string) {
	s.add(Step{Kind: StepWarning, Object: object, Groups: groups, Message: message})
}

// acceptedDomain adds the step for a domain. It returns whether mail to the domain is, or
// will be, relayed to where an address space leads.
func (s *stepper) acceptedDomain(domain string) (relayed bool) {
	if !s.o.Read(PartAcceptedDomains) {
		return false
	}
	n := s.census.domains[domain]
	a, ok := s.o.Accepted(domain)
	switch {
	case !ok:
		s.add(Step{
			Kind: StepAcceptedDomain, Object: domain, Groups: n.groups,
			Message: fmt.Sprintf("The domain %s of %s is not accepted. As internal relay, Exchange sends on what it has no recipient for; as authoritative it would refuse that.", domain, directory.Count(n.groups, "group")),
			Command: fmt.Sprintf("New-AcceptedDomain -Name %s -DomainName %s -DomainType InternalRelay", Quote(domain), Quote(domain)),
		})
		return true
	case a.Type != Authoritative:
		return true
	case n.stranded > 0:
		s.add(Step{
			Kind: StepAcceptedDomain, Object: domain, Groups: n.stranded, Decide: true,
			Message: fmt.Sprintf("The domain %s is authoritative, and %s of it no recipients, so mail from here to their addresses is refused. If all mailboxes of the domain are known on both sides, make it an internal relay domain.",
				domain, directory.Plural(n.stranded, "1 group is", "%d groups are")),
			Command: fmt.Sprintf("Set-AcceptedDomain -Identity %s -DomainType InternalRelay", Quote(cmp.Or(a.Identity, a.Name))),
		})
	}
	return false
}

// connector adds the step for the address spaces that are missing: those of relayed
// domains, and the routing domain that the targets of recipients are in.
func (s *stepper) connector(relayed []string) {
	if !s.o.Read(PartConnectors) {
		return
	}
	var missing []string
	groups := 0
	for _, domain := range relayed {
		if !s.o.Covers(domain) {
			missing = append(missing, domain)
			groups += s.census.domains[domain].groups
		}
	}
	if routing := s.routing(); routing != "" && !s.o.Covers(routing) && !slices.Contains(missing, routing) {
		missing = append([]string{routing}, missing...)
		groups = max(groups, s.census.remote+s.census.stranded)
	}
	if len(missing) == 0 {
		return
	}
	to := strings.Join(missing, ", ")
	c := s.toTenant()
	if c == nil {
		s.warn(to, groups, fmt.Sprintf("No single send connector leads to the tenant, so it cannot be said which one takes the address spaces for %s. Run the Hybrid Configuration wizard, or add them to the connector to Exchange Online.", to))
		return
	}
	spaces := slices.Clone(c.Spaces)
	for _, domain := range missing {
		spaces = append(spaces, "SMTP:"+domain+";1")
	}
	quoted := make([]string, len(spaces))
	for i, space := range spaces {
		quoted[i] = Quote(space)
	}
	s.add(Step{
		Kind: StepSendConnector, Object: c.Name, Groups: groups,
		Message: fmt.Sprintf("The send connector %s does not lead to the tenant for %s. The command names its present address spaces too, because it replaces them.", c.Name, to),
		Command: fmt.Sprintf("Set-SendConnector -Identity %s -AddressSpaces %s", Quote(c.Name), strings.Join(quoted, ",")),
	})
}

// routing returns the tenant's domain for mail between both sides; "" if none is known.
func (s *stepper) routing() string {
	for _, domain := range s.tenant {
		if below(domain, "mail.onmicrosoft.com") {
			return strings.ToLower(domain)
		}
	}
	return ""
}

// toTenant returns the one enabled connector that leads to the tenant already, or the one
// that the Hybrid Configuration wizard has named.
func (s *stepper) toTenant() *Connector {
	var found []*Connector
	for i := range s.o.Connectors {
		c := &s.o.Connectors[i]
		leads := strings.HasPrefix(strings.ToLower(c.Name), "outbound to office 365") ||
			slices.ContainsFunc(s.o.AddressSpaces, func(a AddressSpace) bool { return a.Connector == c.Name && IsRouting(a.Domain) })
		if c.Enabled && leads {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		return nil
	}
	return found[0]
}

// addressPolicy adds the policy of the tenant that gives groups an address in the routing
// domain. Whether there is one already cannot be seen from here.
func (s *stepper) addressPolicy() {
	routing := s.routing()
	if routing == "" || s.census.stranded == 0 {
		return
	}
	var domains []string
	for name, n := range s.census.domains {
		if n.stranded > 0 && !IsRouting(name) {
			domains = append(domains, name)
		}
	}
	slices.SortFunc(domains, func(a, b string) int {
		return cmp.Or(s.census.domains[b].stranded-s.census.domains[a].stranded, strings.Compare(a, b))
	})
	if len(domains) == 0 {
		return
	}
	s.add(Step{
		Kind: StepAddressPolicy, Object: routing, Groups: s.census.stranded, Decide: true,
		Message: fmt.Sprintf("%s no recipients. A group needs an address in %s for that, which groups do not get by themselves: an e-mail address policy in Exchange Online, not here, gives one to new groups.",
			directory.Plural(s.census.stranded, "1 group is", "%d groups are"), routing),
		Command: fmt.Sprintf("New-EmailAddressPolicy -Name 'Groups' -IncludeUnifiedGroupRecipients -EnabledEmailAddressTemplates %s,%s -Priority 1", Quote("SMTP:@"+domains[0]), Quote("smtp:@"+routing)),
	})
}

// traps adds what breaks mail flow and cannot be seen in the directory.
func (s *stepper) traps(relayed []string) {
	for _, domain := range relayed {
		if !IsRouting(domain) {
			s.warn(domain, s.census.domains[domain].groups, fmt.Sprintf("The MX record of %s must lead to %s.mail.protection.outlook.com, and autodiscover.%s to autodiscover.outlook.com. An MX record that leads here breaks mail flow. This is not checked.",
				domain, strings.ReplaceAll(domain, ".", "-"), domain))
		}
	}
	if c := s.toTenant(); c != nil && s.o.Read(PartConnectors) {
		s.warn(c.Name, 0, "No Edge Transport server may be a source server of this connector: mail to groups would go round in a loop. This is not checked.")
	}
	s.warn(s.o.Name, 0, "With centralised mail flow, mail from outside does not reach groups. The offline address book follows at its next generation. None of this is checked.")
}
