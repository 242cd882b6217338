package plan

import (
	"fmt"
	"strconv"
	"strings"

	"groupwriteback/internal/directory"
)

// Reason says why nothing is done, or what brought about a change that is not plain.
type Reason string

// The reasons of a Skip, and of changes that are not plain.
const (
	ReasonForeign          Reason = "Foreign"                // another product's or tenant's object
	ReasonUnmatched        Reason = "Unmatched"              // stamped, but the tenant has no such group
	ReasonAdoptedBefore    Reason = "AdoptedBefore"          // adopted before the state was lost, and of another owner
	ReasonProtected        Reason = "Protected"              // an object that is never touched
	ReasonReturned         Reason = "Returned"               // was linked until another object took its place
	ReasonDisputed         Reason = "Disputed"               // two objects carry one mark
	ReasonMarkRemoved      Reason = "MarkRemoved"            // linked, but no longer marked, so no longer ours
	ReasonAuthorityMoved   Reason = "SourceOfAuthorityMoved" // the group once stood in AD (rule 25)
	ReasonHiddenMembership Reason = "HiddenMembership"       // frozen: its members cannot be read
	ReasonMembersUnread    Reason = "MembersUnreadable"      // not created: its members could not be read
	ReasonRemovalsHeld     Reason = "RemovalsHeldBack"       // a member is unknown, so none is removed
	ReasonPrimaryGroup     Reason = "PrimaryGroup"           // the primary group of an account that should not be a member
	ReasonOutOfScope       Reason = "OutOfScope"             // still in the tenant, frozen
	ReasonSoftDeleted      Reason = "SoftDeleted"            // in the tenant's recycle bin, frozen
	ReasonPresenceUnknown  Reason = "PresenceUnknown"        // the tenant gave no answer, or contradictory ones, on whether the group exists
	ReasonHardDeleted      Reason = "HardDeleted"            // of a Delete
	ReasonDisabled         Reason = "WritebackDisabled"      // of a Delete that Disable requested
	ReasonAlreadyDeleted   Reason = "AlreadyDeleted"         // gone on both sides; only the link ends
	ReasonTooManyMembers   Reason = "TooManyMembers"         // frozen: more than -MaximumMemberCount
	ReasonDrift            Reason = "Drift"                  // reverts what somebody changed in AD
	ReasonDeletedInAD      Reason = "DeletedInAD"            // of a Create: the object was deleted by hand
	ReasonNameClash        Reason = "NameClash"              // another object holds the name (rule 22)
	ReasonContainerChanged Reason = "ContainerChanged"       // of a Move
	ReasonReleased         Reason = "Released"               // an administrator has let go of the group
	ReasonSuspended        Reason = "Suspended"              // an administrator has it left as it is
	ReasonRestored         Reason = "Restored"               // left as a restore has made it
	ReasonMappingFailed    Reason = "MappingFailed"          // an expression failed for this group
	ReasonFormerObject     Reason = "FormerObject"           // of a Create: the deleted object comes back
	ReasonMovedBack        Reason = "MovedBack"              // of a Move
	ReasonContainerUnknown Reason = "ContainerUnknown"       // the mapping names a container that is not configured

	// Why a group is no recipient of Exchange, or is one without some address.
	ReasonAddressTaken       Reason = "AddressTaken"             // another object of the forest has the address
	ReasonAddressInvalid     Reason = "AddressInvalid"           // Exchange cannot use the address
	ReasonAddressesUnknown   Reason = "AddressesNotLookedUp"     // no global catalog answered
	ReasonAliasTaken         Reason = "AliasTaken"               // reported only: an alias need not be unique
	ReasonAliasInvalid       Reason = "AliasInvalid"             // Exchange does not accept the alias
	ReasonNoTargetAddress    Reason = "NoTargetAddress"          // no address leads to the tenant
	ReasonNoMailRoute        Reason = "NoMailRoute"              // no send connector covers the domain
	ReasonRoutingUnknown     Reason = "MailRouteUnknown"         // the send connectors could not be read
	ReasonCaptured           Reason = "MailCaptured"             // others made it an ordinary distribution group
	ReasonAddressListUnknown Reason = "AddressListNotUnderstood" // its filter cannot be judged
	ReasonRecipientKept      Reason = "RecipientKept"            // it stays one, since others' values would remain
)

// Place is where an object is relative to the configured containers.
type Place int

// The places. A former container is one that was configured before.
const (
	InContainer Place = iota
	InFormerContainer
	Elsewhere
)

// Membership is who should be in a group, as objects of Active Directory.
type Membership struct {
	// Joined are the objectGUIDs of the members found in AD, ascending and without
	// repeats.
	Joined []directory.GUID
	// Unwritten counts the other members by reason, including the unknown ones.
	Unwritten map[directory.Reason]int
	// Incomplete says why the membership was not read completely; empty if it was. An
	// incomplete group only gains members.
	Incomplete string
}

// Count returns the number of members of any kind, as far as they were read.
func (m *Membership) Count() int {
	n := len(m.Joined)
	for _, count := range m.Unwritten {
		n += count
	}
	return n
}

// Unfound counts the members for whom no object was found.
func (m *Membership) Unfound() int {
	n := 0
	for reason, count := range m.Unwritten {
		if reason.Unfound() {
			n += count
		}
	}
	return n
}

// Unknown counts the members whose on-premises object is unknown.
func (m *Membership) Unknown() int {
	n := 0
	for reason, count := range m.Unwritten {
		if reason.Unknown() {
			n += count
		}
	}
	return n
}

// Candidate is an object of AD that carries the mark of a cloud group, is linked to it,
// or has its SID. An object is passed once even if several of these hold.
type Candidate struct {
	directory.TargetGroup
	// Values are the objectGUIDs of the members, ascending.
	Values []directory.GUID
	// Written are the values that we have written to attributes that others write to as
	// well.
	Written directory.Values
	// Unfound are those of Values that are members of the cloud group, by SID or GUID,
	// although no object was found for them, because the account may not read them.
	Unfound []directory.GUID
	// Primary are the accounts whose primary group this is, ascending: members that
	// Values does not have.
	Primary []directory.GUID
	Linked  bool
	Adopted bool
	// BySID means that the object's SID is the group's onPremisesSecurityIdentifier. Such
	// an object may be anywhere in the domain and need not carry a mark (rule 25).
	BySID bool
	Place Place
	// Container is the current or former container that the object is in, the innermost of
	// several; zero if it is in none. Placed is the container in which it last was where
	// it belongs, as far as the state knows.
	Container, Placed directory.GUID
	// Owner is the owner of an object for which NeedsOwner is true; empty if it could not
	// be read.
	Owner     directory.SID
	OwnerName string
	// Former means that the object was linked to the group until another one took its
	// place.
	Former bool
}

// adopted reports whether the object existed before us. It keeps its names, its type and
// its place for good (rules 24 and 25).
func (c *Candidate) adopted(r *Rules) bool {
	return c.Adopted || directory.HasAdoptedStamp(c.ExtensionName, r.TenantID)
}

// claimed says who else the object belongs to, or returns "" if nobody.
func (c *Candidate) claimed(id directory.GUID, r *Rules) string {
	for _, mark := range []string{c.AdminDesc, c.ExternalID} {
		if marked, ok := directory.ParseMark(mark); ok && marked != id {
			return "it carries the mark of the cloud group " + marked.String()
		}
	}
	for _, v := range c.ExtensionName {
		if isStamp(v) && !r.isOurValue(v) {
			return "it carries the stamp of another tenant (" + v + ")"
		}
	}
	return ""
}

// stampPrefix is the common prefix of the stamps of all tenants.
var stampPrefix = strings.TrimSuffix(directory.Stamp(directory.GUID{}), directory.GUID{}.String())

// isOurValue reports whether a value of extensionName says something for this tenant.
func (r *Rules) isOurValue(v string) bool {
	return strings.EqualFold(v, directory.Stamp(r.TenantID)) || strings.EqualFold(v, directory.AdoptedStamp(r.TenantID)) || directory.IsHoldValue(v, r.TenantID)
}

func isStamp(v string) bool {
	return len(v) >= len(stampPrefix) && strings.EqualFold(v[:len(stampPrefix)], stampPrefix)
}

// Pair is everything that is known about one cloud group.
type Pair struct {
	ID directory.GUID
	// Source is nil if the tenant's list does not have the group.
	Source     *directory.SourceGroup
	Membership Membership
	// Owners are the owners that Source names, in its order.
	Owners []Owner
	// Hidden means that the application cannot read the members.
	Hidden     bool
	Candidates []Candidate
	// LinkLost is set if there is a link whose object is nowhere in the domain.
	LinkLost *directory.MemberRef
	// Presence is the tenant's answer for this single group, asked for only if Source is
	// nil. Momentary means that the answer is not confirmed, so nothing is deleted because
	// of it.
	Presence  directory.Presence
	Momentary bool
	// Taken has the objects that hold an address or an alias, by the keys of
	// [AddressKeys]. AddressesUnknown means that they could not be looked up.
	Taken            map[string][]Holder
	AddressesUnknown bool
	// Hold has the group left as it is (rule 62); nil if nothing does now.
	Hold *directory.Hold
}

// Group plans one cloud group: the changes that would make the group in Active Directory
// equal to the one in the tenant. It returns nothing if there is nothing to do or to
// report.
func Group(p *Pair, r *Rules) []Change {
	if r.Released[p.ID] {
		return released(p, r)
	}
	chosen, changes := choose(p, r)
	switch {
	case chosen == nil && changes != nil:
		return changes // reported to the administrator; nothing can be done
	case p.Hold != nil && (p.Source != nil || chosen != nil && chosen.Linked):
		return append(changes, suspended(p, chosen, r))
	case p.Source == nil:
		return append(changes, withoutSource(p, chosen, r)...)
	case p.Hidden:
		return append(changes, skip(p, chosen, ReasonHiddenMembership,
			hiddenText(r)))
	case r.MaxMembers > 0 && p.Membership.Count() > r.MaxMembers:
		return append(changes, skip(p, chosen, ReasonTooManyMembers, fmt.Sprintf("The group has %s, but only groups with up to %d are written. -MaximumMemberCount sets this limit.",
			directory.Count(p.Membership.Count(), "member"), r.MaxMembers)))
	}
	s := subjectOf(p, chosen, r)
	if chosen == nil {
		changes = append(changes, create(p, s))
	} else {
		changes = append(changes, update(p, chosen, s)...)
		if unplaced := s.unplaced(p, chosen); unplaced != nil && !s.adopted {
			changes = append(changes, *unplaced)
		}
	}
	if problems := s.recipient.skip(p, chosen); problems != nil {
		changes = append(changes, *problems)
	}
	return append(changes, unmapped(p, chosen, s.failed)...)
}

func hiddenText(r *Rules) string {
	if r.IncludeHidden {
		return "The group's membership is hidden. Grant the application Member.Read.Hidden to write it."
	}
	return "The group's membership is hidden in the tenant. It is written only with -IncludeHiddenMembership, because every account of the domain can read it in Active Directory."
}

// choose finds the one object that stands for the group and is ours to change or agreed
// to be adopted. It returns skips for the other objects; if no object is chosen, the
// skips say why.
func choose(p *Pair, r *Rules) (*Candidate, []Change) {
	var linked *Candidate
	var ours, others []*Candidate
	var said []Change
	for i := range p.Candidates {
		c := &p.Candidates[i]
		switch {
		case c.Linked && !c.marks(p.ID):
			said = append(said, skip(p, c, ReasonMarkRemoved,
				"The object is linked but no longer carries the group's mark, so it is not changed. Restore adminDescription, or delete the object."))
		case c.Linked:
			linked = c
		case c.Ours(p.ID, r):
			ours = append(ours, c)
		default:
			others = append(others, c)
		}
	}
	if said != nil {
		return nil, said
	}
	if linked != nil {
		return chooseLinked(p, r, linked)
	}
	if len(ours) > 1 {
		winner := undisputed(ours)
		for _, c := range ours {
			if c != winner {
				said = append(said, dispute(p, c, fmt.Sprintf("%d objects carry the mark of this group. Delete all but one of them.", len(ours))))
			}
		}
		if winner == nil {
			return nil, said
		}
		ours = []*Candidate{winner}
	}
	if len(ours) == 0 {
		ours = agreed(p, others, r)
	}
	for _, c := range others {
		if len(ours) != 1 || c != ours[0] {
			said = append(said, leave(p, c, r))
		}
	}
	if len(ours) == 1 {
		return ours[0], said
	}
	return nil, said
}

// agreed returns the objects that an administrator has agreed to adopt as the group and
// that may be adopted.
func agreed(p *Pair, others []*Candidate, r *Rules) []*Candidate {
	var out []*Candidate
	for _, c := range others {
		if p.Source != nil && r.Adopt[c.GUID] == p.ID && adoptable(p, c, r) {
			out = append(out, c)
		}
	}
	return out
}

// chooseLinked chooses the linked object, whatever stands beside it. It reports the other
// objects, but nothing waits for them (rule 26).
func chooseLinked(p *Pair, r *Rules, linked *Candidate) (*Candidate, []Change) {
	var said []Change
	for i := range p.Candidates {
		c := &p.Candidates[i]
		if c == linked {
			continue
		}
		beside := leave(p, c, r)
		switch {
		case c.Former:
			if beside.Reason = ReasonReturned; c.Ours(p.ID, r) {
				beside.Situation = Disputed
			}
			beside.Message = fmt.Sprintf("The object was linked to the group before and has been restored, but %s (%s) has replaced it since. "+
				"Delete this object. To keep it and its SID instead, delete the other one and start a sync.", linked.DN, linked.GUID)
		case c.Ours(p.ID, r):
			beside = dispute(p, c, fmt.Sprintf("The object carries the mark of this group, but %s (%s) is linked to the group and continues. Delete this object.", linked.DN, linked.GUID))
		}
		beside.Beside = true
		said = append(said, beside)
	}
	if why := Protection(&linked.TargetGroup); why != "" {
		held := skip(p, linked, ReasonProtected, why+" Until then the object is not changed.")
		held.Held = true
		return nil, append(said, held)
	}
	return linked, said
}

// Standing returns the object that stands for the group and is ours, or nil.
func Standing(p *Pair, r *Rules) *Candidate {
	chosen, _ := choose(p, r)
	if chosen == nil || !chosen.Ours(p.ID, r) {
		return nil
	}
	return chosen
}

// adoptable reports whether an object that is not ours may be adopted as the group (rules
// 24 and 25).
func adoptable(p *Pair, c *Candidate, r *Rules) bool {
	switch {
	case Protection(&c.TargetGroup) != "":
		return false
	case c.BySID:
		return c.claimed(p.ID, r) == ""
	}
	return c.marks(p.ID) && (c.Place != Elsewhere || c.stamped(r))
}

func dispute(p *Pair, c *Candidate, message string) Change {
	s := skip(p, c, ReasonDisputed, message)
	s.Situation = Disputed
	return s
}

// Adoptable returns the objects that could be adopted as the group if somebody agreed to
// it. It returns none if one is already ours or linked.
func Adoptable(p *Pair, r *Rules) []*Candidate {
	var out []*Candidate
	for i := range p.Candidates {
		c := &p.Candidates[i]
		if c.Linked || c.Ours(p.ID, r) {
			return nil
		}
		if p.Source != nil && adoptable(p, c, r) {
			out = append(out, c)
		}
	}
	return out
}

// leave returns a skip that says why an object that is not ours is left as it is.
func leave(p *Pair, c *Candidate, r *Rules) Change {
	reason, message, situation := ReasonForeign, "", Foreign
	if c.BySID {
		situation = Unlinked
	}
	switch why := Protection(&c.TargetGroup); {
	case why != "":
		reason, message = ReasonProtected, why+" GroupWriteback never links, adopts or changes such an object."
	case c.stamped(r) && directory.HasAdoptedStamp(c.ExtensionName, r.TenantID):
		reason = ReasonAdoptedBefore
		message = "The object was adopted before the state was lost, and " + c.owner() + ". It is taken over again after you agree to it with -Adopt or -AdoptGroup."
	case c.stamped(r):
		message = "The object carries the mark and our stamp, but anyone with write access can copy these, and " + c.owner() +
			", which is neither the account that runs the sync nor a trusted owner. It is left unchanged. If a former service account wrote it, specify that account with -TrustedOwner."
	case c.BySID:
		return authorityMoved(p, c, r)
	case c.Former:
		reason = ReasonReturned
		message = "The object was linked to the group before and has been restored, but without our stamp. Delete it, or restore the group's mark and stamp. Until then the group has no object."
	default:
		message = "The object carries the mark of a cloud group but not our stamp: another product or tenant wrote it. It is left unchanged."
	}
	s := skip(p, c, reason, message)
	s.Situation = situation
	return s
}

func authorityMoved(p *Pair, c *Candidate, r *Rules) Change {
	message := fmt.Sprintf("The group was moved from Active Directory to the cloud. The object with its SID %s still exists at %s. ", p.Source.OnPremisesSID, c.DN)
	switch claim := c.claimed(p.ID, r); {
	case claim != "":
		message += "It is not taken over, because " + claim + "."
	case len(p.Candidates) > 1:
		message += "It is not taken over, because another object also belongs to the group."
	default:
		message += "It is taken over after you agree to it with -Adopt or -AdoptGroup. The group is not created a second time."
	}
	s := skip(p, c, ReasonAuthorityMoved, message)
	s.Situation = Unlinked
	return s
}

// undisputed returns the object that continues among several objects of ours, none of
// them linked (rule 26): the only one whose name was not made up by replication.
func undisputed(ours []*Candidate) *Candidate {
	var winner *Candidate
	for _, c := range ours {
		switch {
		case c.Conflicted():
		case winner != nil:
			return nil
		default:
			winner = c
		}
	}
	return winner
}

func skip(p *Pair, c *Candidate, reason Reason, message string) Change {
	change := Change{Action: Skip, Situation: Unlinked, SourceID: p.ID, Reason: reason, Message: message}
	if p.Source != nil {
		change.DisplayName = p.Source.DisplayName()
	}
	if c != nil {
		change.Situation = situation(c)
		change.TargetGUID, change.DN = c.GUID, c.DN
		if p.Source == nil {
			change.DisplayName = c.Label()
		}
	}
	return change
}

func situation(c *Candidate) Situation {
	if c.Linked && !c.Adopted && c.Place == Elsewhere {
		return Moved
	}
	return Linked
}

// withoutSource plans a group that the tenant's list does not have. That alone is never a
// reason to delete it (rule 6).
func withoutSource(p *Pair, c *Candidate, r *Rules) []Change {
	if c == nil {
		if p.LinkLost != nil && p.Presence == directory.PresenceHardDeleted && !p.Momentary {
			return []Change{{Action: Skip, Situation: Deleted, SourceID: p.ID, TargetGUID: p.LinkLost.GUID, DN: p.LinkLost.DN,
				Reason: ReasonAlreadyDeleted, Message: "The group no longer exists in the tenant or in Active Directory."}}
		}
		return nil
	}
	if !c.Linked {
		s := skip(p, c, ReasonUnmatched, "The object carries our stamp, but the tenant does not have its group and the state has no link. Delete it if it is not needed.")
		s.Situation = Unmatched
		return []Change{s}
	}
	remove := func(reason Reason, message string) []Change {
		return []Change{{Action: Delete, Situation: situation(c), SourceID: p.ID, TargetGUID: c.GUID, DN: c.DN,
			DisplayName: c.Label(), Reason: reason, Message: message}}
	}
	switch p.Presence {
	case directory.PresenceHardDeleted:
		if p.Momentary {
			return []Change{skip(p, c, ReasonPresenceUnknown, "The tenant no longer returns the group, but this may be a lagging replica. The group is left unchanged and checked again; it is deleted if the tenant still does not return it half an hour later.")}
		}
		return remove(ReasonHardDeleted, "The group was permanently deleted from the tenant.")
	case directory.PresenceSoftDeleted:
		if r.RemoveSoftDeleted && !p.Momentary {
			return remove(ReasonSoftDeleted, "The group is in the tenant's recycle bin, and the settings remove such groups. If it is restored, it gets a new object with a new SID.")
		}
		return []Change{skip(p, c, ReasonSoftDeleted, "The group is in the tenant's recycle bin. It is left unchanged until it is restored or permanently deleted.")}
	case directory.PresenceFound:
		return []Change{skip(p, c, ReasonPresenceUnknown, "The tenant still has the group, although its list did not contain it. The group is left unchanged, and the next run reads it again.")}
	case directory.PresenceContradicted:
		return []Change{skip(p, c, ReasonPresenceUnknown, "Reading the group contradicts what the tenant's delta reported within the last half hour, so one of the tenant's replicas lags. The group is left unchanged, and the next run reads it again.")}
	case directory.PresenceOutOfScope:
		if r.RemoveOutOfScope && !p.Momentary {
			return remove(ReasonOutOfScope, "The group is no longer in scope, and the settings remove such groups.")
		}
		if r.RemoveOutOfScope {
			return []Change{skip(p, c, ReasonOutOfScope, "The group is no longer in scope. It is left unchanged until a second read, half an hour later, confirms this; then it is removed, as configured.")}
		}
		return []Change{skip(p, c, ReasonOutOfScope, "The group still exists in the tenant but is no longer in scope. It is left unchanged.")}
	}
	return []Change{skip(p, c, ReasonPresenceUnknown, "The tenant did not report whether the group still exists. The group is left unchanged, and the next run checks again.")}
}

// create plans a new object. It never creates a group that was once in AD (rule 25) or a
// group whose members could not be read.
func create(p *Pair, s *subject) Change {
	r := s.rules
	if sid := p.Source.OnPremisesSID; sid != "" {
		return skip(p, nil, ReasonAuthorityMoved, fmt.Sprintf(
			"The group was moved from Active Directory to the cloud, but no object with its SID %s was found. It is not created a second time.", sid))
	}
	if p.Membership.Incomplete != "" {
		return skip(p, nil, ReasonMembersUnread, "The group's members could not be read ("+p.Membership.Incomplete+"). It is created by the first run that can read them.")
	}
	if unnamed := s.unnamed(p); unnamed != nil {
		return *unnamed
	}
	cn, sam := s.cn(), s.samAccountName()
	change := Change{
		Action: Create, Situation: Unlinked, SourceID: p.ID, DisplayName: p.Source.DisplayName(),
		DN: s.newDN(cn).String(), Container: s.place.to.GUID, Add: p.Membership.Joined,
	}
	if p.LinkLost != nil {
		change.Situation, change.Reason = Deleted, ReasonDeletedInAD
		change.Message = "The object was deleted from Active Directory (" + p.LinkLost.DN + ") and is created again."
	}
	change.Attributes = append([]AttributeChange{
		{Name: directory.AttrCN, New: []string{cn}},
		{Name: directory.AttrSAMAccountName, New: []string{sam}},
		{Name: directory.AttrGroupType, New: []string{strconv.Itoa(int(r.groupType(p.Source)))}},
	}, r.projection(s)...)
	return change
}

// BringBack makes the creation of an object the return of a deleted one that stood for the
// group, unless that is protected, was adopted, or is somebody else's by now. whole says
// that the object still has its marks.
func (c *Change) BringBack(former *directory.TargetGroup, whole bool, r *Rules) {
	id, marked := former.SourceID()
	if Protection(former) != "" || directory.HasAdoptedStamp(former.ExtensionName, r.TenantID) || whole && (!marked || id != c.SourceID) {
		return
	}
	c.TargetGUID, c.Reason = former.GUID, ReasonFormerObject
	if c.Message = "The object that stood for the group before comes back, with its SID."; c.Situation == Deleted {
		c.Message = "The object was deleted from Active Directory and comes back, with its SID."
	}
}

// unmapped reports the attributes whose expressions failed for the group. They are left as
// they are, and all else is written.
func unmapped(p *Pair, c *Candidate, failed []string) []Change {
	if len(failed) == 0 {
		return nil
	}
	return []Change{skip(p, c, ReasonMappingFailed, strings.Join(failed, " ")+" What failed is not written; all else is.")}
}

// update plans the differences between the group and the object that stands for it.
func update(p *Pair, c *Candidate, s *subject) []Change {
	r := s.rules
	base := Change{Situation: situation(c), SourceID: p.ID, TargetGUID: c.GUID, DN: c.DN, DisplayName: p.Source.DisplayName()}
	// An object that was chosen and is not ours is to be adopted.
	adopting := !c.Ours(p.ID, r)

	attributes := base
	attributes.Action = Update
	attributes.Attributes, attributes.Container = difference(c, s), c.Container
	if c.Place != InContainer {
		attributes.Container = r.Containers[0].GUID
	}
	switch {
	case adopting:
		attributes.Action, attributes.Situation = Adopt, Foreign
		attributes.Message = "Another product or an earlier installation wrote the object. It is taken over."
		if c.BySID {
			attributes.Situation = Unlinked
			attributes.Message = "This is the group's object from before the group was moved to the cloud. It is taken over without being moved."
		}
	default:
		if reason, message := s.moves(c); reason != "" {
			attributes.Action, attributes.Reason, attributes.Message, attributes.Container = Move, reason, message, s.place.to.GUID
		}
	}
	members := base
	members.Action = UpdateMembers
	members.Add = Without(Without(p.Membership.Joined, c.Values), c.Primary)
	members.Remove = Without(Without(c.Values, p.Membership.Joined), c.Unfound)
	held := 0
	if p.Membership.Incomplete != "" || p.Membership.Unknown() > 0 {
		held, members.Remove = len(members.Remove), nil
	}
	if held > 0 {
		members.Reason = ReasonRemovalsHeld
		members.Message = "Removing " + directory.Count(held, "member") + " is postponed, because " + unknownText(&p.Membership) + "."
	}
	if adopting {
		// Use one change: if the stamp cannot be written, the members are not ours to
		// change.
		attributes.Add, attributes.Remove = members.Add, members.Remove
		members.Add, members.Remove, members.Situation = nil, nil, attributes.Situation
	}
	var changes []Change
	if attributes.Action != Update || len(attributes.Attributes) > 0 {
		changes = append(changes, attributes)
	}
	switch {
	case len(members.Add)+len(members.Remove) > 0:
		changes = append(changes, members)
	case held > 0:
		members.Action = Skip
		changes = append(changes, members)
	}
	if unwanted := Without(c.Primary, p.Membership.Joined); len(unwanted) > 0 && p.Membership.Incomplete == "" && p.Membership.Unknown() == 0 {
		primary := base
		primary.Action, primary.Reason = Skip, ReasonPrimaryGroup
		primary.Message = directory.Plural(len(unwanted), "1 account is not a member in the tenant but cannot be removed, because this is its primary group. Give the account another primary group.",
			"%d accounts are not members in the tenant but cannot be removed, because this is their primary group. Give them another primary group.")
		changes = append(changes, primary)
	}
	return changes
}

func unknownText(m *Membership) string {
	if m.Incomplete != "" {
		return "some members are unknown (" + m.Incomplete + ")"
	}
	return directory.Plural(m.Unknown(), "the account of 1 member is unknown", "the accounts of %d members are unknown")
}

// difference compares the projection with the object. An adopted object keeps its cn and
// groupType. sAMAccountName is never changed (rule 21).
func difference(c *Candidate, s *subject) []AttributeChange {
	var changes []AttributeChange
	if !s.adopted {
		if cn := s.cn(); cn != c.CN {
			changes = append(changes, AttributeChange{Name: directory.AttrCN, Old: c.Attribute(directory.AttrCN), New: []string{cn}})
		}
		if groupType := s.rules.groupType(s.group); groupType != c.GroupType {
			changes = append(changes, AttributeChange{Name: directory.AttrGroupType,
				Old: c.Attribute(directory.AttrGroupType), New: []string{strconv.Itoa(int(groupType))}})
		}
	}
	for i := range s.rules.Mapping {
		if change, ok := s.rules.Mapping[i].difference(c, s); ok {
			changes = append(changes, change)
		}
	}
	return changes
}

// Without returns the elements of a that are not in b. Both must be ascending.
func Without(a, b []directory.GUID) []directory.GUID {
	var out []directory.GUID
	for len(a) > 0 {
		for len(b) > 0 && b[0].Compare(a[0]) < 0 {
			b = b[1:]
		}
		if len(b) == 0 || b[0] != a[0] {
			out = append(out, a[0])
		}
		a = a[1:]
	}
	return out
}
