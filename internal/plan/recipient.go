package plan

import (
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/directory"
)

// MailRecipient says what a written group is to Exchange on-premises.
type MailRecipient string

// The choices. Remote makes a group a recipient whose mail goes to the tenant, which
// delivers it to all members. MailOnly writes the attribute mail alone: the group is no
// recipient, and mail to it takes the way of any address that Exchange does not know.
// None writes no mail attribute, for forests without Exchange.
const (
	MailRecipientRemote   MailRecipient = "Remote"
	MailRecipientMailOnly MailRecipient = "MailOnly"
	MailRecipientNone     MailRecipient = "None"
)

// MailRecipients are all choices.
var MailRecipients = []MailRecipient{MailRecipientRemote, MailRecipientMailOnly, MailRecipientNone}

// UnmarshalText ignores letter case.
func (m *MailRecipient) UnmarshalText(text []byte) error {
	return directory.SetWord(m, text, MailRecipients)
}

// DisplayType is the value of msExchRecipientDisplayType that a recipient gets. Nobody
// has documented which one Microsoft's writeback writes.
type DisplayType string

// The display types.
const (
	DisplayTypeNone              DisplayType = "None" // the attribute is not written
	DisplayTypeDistributionGroup DisplayType = "DistributionGroup"
	DisplayTypeGroupMailbox      DisplayType = "GroupMailbox"
	DisplayTypeSynced            DisplayType = "SyncedDistributionGroup"
)

// DisplayTypes are all display types.
var DisplayTypes = []DisplayType{DisplayTypeNone, DisplayTypeDistributionGroup, DisplayTypeGroupMailbox, DisplayTypeSynced}

// UnmarshalText ignores letter case.
func (d *DisplayType) UnmarshalText(text []byte) error {
	return directory.SetWord(d, text, DisplayTypes)
}

// displayTypes has the stored numbers, as public lists of the enumeration give them.
var displayTypes = map[DisplayType]string{
	DisplayTypeDistributionGroup: "1", DisplayTypeGroupMailbox: "17", DisplayTypeSynced: "-2147483391",
}

// RecipientState is what an object in Active Directory is to Exchange.
type RecipientState string

// The states. Exchange expands a Captured one here: members without an account
// on-premises get no mail, and nobody sees that.
const (
	RecipientNone     RecipientState = "None"     // it has no mail attribute
	RecipientMailOnly RecipientState = "MailOnly" // it has mail and is no recipient
	RecipientRemote   RecipientState = "Remote"   // its mail goes to the tenant
	RecipientCaptured RecipientState = "Captured" // an ordinary distribution group
)

// The attributes that make a group a recipient.
const (
	attrMail          = "mail"
	attrAlias         = "mailNickname"
	attrProxies       = "proxyAddresses"
	attrTarget        = "targetAddress"
	attrRecipientType = "msExchRecipientTypeDetails"

	remoteGroupMailbox = "8796093022208" // msExchRecipientTypeDetails
	// noAddressPolicy says, in msExchPoliciesExcluded, that no e-mail address policy
	// applies.
	noAddressPolicy = "{26491cfc-9e50-4857-861b-0cb8df22b5d7}"
)

// StateOfRecipient returns what an object with these attributes is to Exchange.
func StateOfRecipient(attributes directory.Values) RecipientState {
	switch {
	case attributes.First(attrAlias) == "" && len(attributes[attrProxies]) == 0:
		if attributes.First(attrMail) == "" {
			return RecipientNone
		}
		return RecipientMailOnly
	case attributes.First(attrTarget) != "" && isRemote(attributes):
		return RecipientRemote
	}
	return RecipientCaptured
}

// isRemote reports whether Exchange knows the object as the representative of a group of
// the tenant.
func isRemote(attributes directory.Values) bool {
	return Number.key(attributes.First(attrRecipientType)) == remoteGroupMailbox
}

// LeftOutAddresses returns the addresses of the group that its object lacks, although it
// is a recipient whose mail goes to the tenant.
func LeftOutAddresses(properties, attributes directory.Values) (lacking []string) {
	if StateOfRecipient(attributes) != RecipientRemote {
		return nil
	}
	for _, a := range properties[attrProxies] {
		if !slices.ContainsFunc(attributes[attrProxies], func(has string) bool { return addressKey(has) == addressKey(a) }) {
			lacking = append(lacking, a)
		}
	}
	return lacking
}

// Routing reports whether mail to a domain leaves for the tenant: whether an address
// space of a send connector covers it. A nil Routing means that this could not be read.
type Routing func(domain string) bool

// recipient is what a group becomes to Exchange.
type recipient struct {
	// remote makes it a recipient whose mail goes to target. begins means that the object
	// is not one yet.
	remote, begins bool
	// kept leaves all mail attributes as they are; noMail leaves out mail too.
	kept, noMail bool
	alias        string
	target       string // with its prefix
	addresses    []string
	// copied is an address that goes with what we take back, whoever wrote it:
	// Update-Recipient copies the target to proxyAddresses.
	copied   string
	problems []problem
}

// problem is why a group, or one of its addresses, is not what it should be to Exchange.
type problem struct {
	reason Reason
	text   string
}

func (rc *recipient) problem(reason Reason, format string, args ...any) {
	if one := (problem{reason, fmt.Sprintf(format, args...)}); !slices.Contains(rc.problems, one) {
		rc.problems = append(rc.problems, one)
	}
}

// recipientOf decides what the group becomes to Exchange. c is the object that stands for
// it, or nil.
func recipientOf(p *Pair, c *Candidate, r *Rules) recipient {
	rc := recipient{}
	if c == nil {
		c = &Candidate{}
	}
	g := p.Source
	if r.Mail != MailRecipientRemote || r.Mapping.row(attrTarget) == nil || r.onPremisesType(g) == UniversalSecurity {
		if r.UniqueMail || r.Mail == MailRecipientRemote {
			rc.lookAtMail(g, p, c)
		}
		rc.takeBack(g, c, r)
		return rc
	}
	is := StateOfRecipient(c.Attributes) == RecipientRemote
	if p.AddressesUnknown {
		rc.problem(ReasonAddressesUnknown, unknownAddresses)
		rc.kept, rc.noMail = true, true
		return rc
	}
	rc.choose(g, c, p.taken(c), r)
	switch {
	case rc.remote:
		rc.begins = !isRemote(c.Attributes)
	case rc.kept:
	case is && r.Routing == nil:
		rc.kept, rc.noMail = true, true
	default:
		rc.takeBack(g, c, r)
	}
	return rc
}

const unknownAddresses = "Whether its addresses are free in the forest is not known, because no global catalog answered. Its mail attributes stay as they are."

// lookAtMail leaves mail as it is if another object has the address, or may have it.
func (rc *recipient) lookAtMail(g *directory.SourceGroup, p *Pair, c *Candidate) {
	mail := addressOf(g.Properties)
	if mail == nil {
		return
	}
	if holder, ok := p.taken(c)(addressKey(mail[0])); ok {
		rc.problem(ReasonAddressTaken, "The address %s is held by %s, so mail is left out.", g.Properties.First(attrMail), holder.DN)
		rc.noMail = true
	} else if p.AddressesUnknown {
		rc.problem(ReasonAddressesUnknown, unknownAddresses)
		rc.noMail = true
	}
}

// taken returns who else holds an address or, with the key of an alias, an alias.
func (p *Pair) taken(c *Candidate) func(key string) (Holder, bool) {
	return func(key string) (Holder, bool) {
		for _, h := range p.Taken[key] {
			if h.GUID != c.GUID || h.GUID.IsZero() {
				return h, true
			}
		}
		return Holder{}, false
	}
}

// choose finds the alias, the addresses and the target, or why the group cannot be a
// recipient.
func (rc *recipient) choose(g *directory.SourceGroup, c *Candidate, taken func(string) (Holder, bool), r *Rules) {
	mail := g.Properties.First("mail")
	addresses, refused := usableAddresses(g.Properties[attrProxies], mail)
	for _, text := range refused {
		rc.problem(ReasonAddressInvalid, "The address %s is left out.", text)
	}
	if len(addresses) == 0 || !isPrimary(addresses[0]) {
		rc.problem(ReasonAddressInvalid, "It has no primary address that Exchange can use, so it is no recipient.")
		return
	}
	if holder, ok := taken(addressKey(addresses[0])); ok {
		rc.problem(ReasonAddressTaken, "The primary address %s is held by %s, so the mail attributes are left out.", addresses[0], holder.DN)
		rc.kept, rc.noMail = true, true
		return
	}
	addresses = slices.DeleteFunc(addresses, func(a string) bool {
		holder, ok := taken(addressKey(a))
		if ok {
			rc.problem(ReasonAddressTaken, "The address %s is left out: it is held by %s.", a, holder.DN)
		}
		return ok
	})
	rc.alias = g.Properties.First(attrAlias)
	if !isAlias(rc.alias) {
		rc.problem(ReasonAliasInvalid, "Its alias %q is not one that Exchange accepts, so it is no recipient.", directory.Clean(rc.alias))
		return
	}
	if holder, ok := taken(aliasKey(rc.alias)); ok {
		rc.problem(ReasonAliasTaken, "The alias %s is also that of %s.", rc.alias, holder.DN)
	}
	rc.addresses = addresses
	rc.target = rc.chooseTarget(c, r)
	rc.remote = rc.target != ""
}

func aliasKey(alias string) string { return AliasPrefix + strings.ToLower(alias) }

// chooseTarget returns the address to which Exchange redirects the group's mail: one
// whose domain a send connector covers, preferably in the routing domain of the hybrid
// configuration, else in the tenant's first domain, else the primary one. A present target
// that serves as well stays.
func (rc *recipient) chooseTarget(c *Candidate, r *Rules) string {
	if r.Routing == nil {
		rc.problem(ReasonRoutingUnknown, "Where the send connectors of Exchange lead could not be read, so nothing is changed about its being a recipient.")
		return ""
	}
	present := addressKey(c.Attributes.First(attrTarget))
	best, rank, cloud := "", 5, false
	for i, a := range rc.addresses {
		address, smtp := isSMTP(a)
		if !smtp {
			continue
		}
		_, domain, _ := splitAddress(address)
		domain = strings.ToLower(domain)
		now := 5
		switch {
		case addressKey(a) == present:
			now = 0
		case strings.HasSuffix(domain, ".mail.onmicrosoft.com"):
			now = 1
		case strings.HasSuffix(domain, ".onmicrosoft.com"):
			now = 2
		case i == 0:
			now = 3
		}
		cloud = cloud || strings.HasSuffix(domain, ".onmicrosoft.com")
		if now < rank && r.Routing(domain) {
			best, rank = primaryPrefix+address, now
		}
	}
	switch {
	case best != "":
	case cloud:
		rc.problem(ReasonNoMailRoute, "No send connector covers the domain of one of its addresses in the tenant, so mail to it would not leave, and it is no recipient. Add the domain to the address spaces of the connector to Microsoft 365.")
	default:
		rc.problem(ReasonNoTargetAddress, "It has no address in a domain under onmicrosoft.com, and no send connector covers its primary one, so it is no recipient. Give it such an address in the tenant.")
	}
	return best
}

// takeBack decides what happens to what we once wrote to make the object a recipient: it
// goes, unless that left an ordinary distribution group, which captures mail.
func (rc *recipient) takeBack(g *directory.SourceGroup, c *Candidate, r *Rules) {
	if len(c.Attributes[attrAlias])+len(c.Attributes[attrProxies]) == 0 {
		return // taking something away leaves no distribution group
	}
	left, s := c.Attributes, &subject{group: g, rules: r, object: c}
	for i := range r.Mapping {
		if row := &r.Mapping[i]; row.When == AsRecipient {
			left = left.With(row.Attribute, row.Compare.without(c.Attribute(row.Attribute), row.ours(s))...)
		}
	}
	switch {
	case StateOfRecipient(left) != RecipientCaptured:
		return
	case StateOfRecipient(c.Attributes) == RecipientCaptured:
		rc.problem(ReasonCaptured, "To Exchange it is an ordinary distribution group: mail to it is expanded here, and members without an account on-premises get none. Others made it so, and what they wrote is left as it is.")
		return
	}
	target := c.Attributes.First(attrTarget)
	isCopy := func(a string) bool { return addressKey(a) == addressKey(target) }
	left = left.With(attrProxies, slices.DeleteFunc(slices.Clone(left[attrProxies]), isCopy)...)
	if StateOfRecipient(left) != RecipientCaptured {
		rc.copied = target
		return
	}
	rc.kept = true
	rc.problem(ReasonRecipientKept, "It stays a recipient, because values of others would remain, and with them it would capture mail: %s. Remove them, then run a sync.",
		strings.Join(append(slices.Clone(left[attrAlias]), left[attrProxies]...), ", "))
}

// skip returns the report about the problems, or nil if there are none. It has the reason
// of the first one that can pass without a change of the group, so that the next run looks
// again, or else of the last one, which says most about what the group is.
func (rc *recipient) skip(p *Pair, c *Candidate) *Change {
	if len(rc.problems) == 0 {
		return nil
	}
	reason := rc.problems[len(rc.problems)-1].reason
	if i := slices.IndexFunc(rc.problems, func(problem problem) bool { return passes(problem.reason) }); i >= 0 {
		reason = rc.problems[i].reason
	}
	s := skip(p, c, reason, strings.Join(rc.texts(), " "))
	return &s
}

// texts returns what the problems are, in sentences.
func (rc *recipient) texts() []string {
	texts := make([]string, len(rc.problems))
	for i, problem := range rc.problems {
		texts[i] = problem.text
	}
	return texts
}

// AliasPrefix begins the key of an alias; that of an address begins with its own prefix.
const AliasPrefix = "alias:"

// AddressKeys are what has to be looked up in the forest before the group is planned: the
// addresses and the alias that it would get and that its object does not have. They are
// the keys of [Pair.Taken], in lower case: an address with its prefix ("smtp:a@x.test"),
// or [AliasPrefix] and the alias.
func AddressKeys(p *Pair, r *Rules) []string {
	if r.Mail != MailRecipientRemote && !r.UniqueMail || p.Source == nil || p.Hidden || r.Released[p.ID] {
		return nil
	}
	chosen, said := choose(p, r)
	if chosen == nil && said != nil {
		return nil
	}
	if chosen == nil {
		chosen = &Candidate{}
	}
	free := &Pair{ID: p.ID, Source: p.Source}
	rc := recipientOf(free, chosen, r)
	wanted, has := rc.addresses, chosen.Attribute(attrProxies)
	if !rc.remote {
		wanted, has = addressOf(p.Source.Properties), append(slices.Clone(has), addressOf(chosen.Attributes)...)
	}
	var keys []string
	for _, a := range wanted {
		if key := addressKey(a); !slices.Contains(keys, key) && !slices.ContainsFunc(has, func(h string) bool { return addressKey(h) == key }) {
			keys = append(keys, key)
		}
	}
	if rc.remote && !strings.EqualFold(chosen.Attributes.First(attrAlias), rc.alias) {
		keys = append(keys, aliasKey(rc.alias))
	}
	return keys
}

// addressOf returns the primary address that mail stands for; none without mail.
func addressOf(values directory.Values) []string {
	if mail := values.First(attrMail); mail != "" {
		return []string{primaryPrefix + mail}
	}
	return nil
}
