package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"groupwriteback/internal/directory"
)

var (
	tenant  = directory.MustGUID("11111111-0000-0000-0000-000000000000")
	groupID = directory.MustGUID("3a5c3221-c465-48c0-95b8-e9305786a271")
	object  = directory.MustGUID("aaaaaaaa-0000-0000-0000-000000000001")
	other   = directory.MustGUID("aaaaaaaa-0000-0000-0000-000000000002")
)

func member(n byte) directory.GUID { return directory.GUID{15: n} }

func members(ns ...byte) []directory.GUID {
	var out []directory.GUID
	for _, n := range ns {
		out = append(out, member(n))
	}
	return out
}

func rules() *Rules {
	dn, _ := directory.ParseDN("OU=Groups,DC=contoso,DC=test")
	base, _ := directory.ParseDN("DC=contoso,DC=test")
	return &Rules{TenantID: tenant, Containers: []Container{{GUID: directory.MustGUID("cccccccc-0000-0000-0000-000000000001"), DN: dn, Name: dn}}, BaseDN: base, Mapping: Standard,
		Account: service, TrustedOwners: []directory.SID{former}, DomainSID: "S-1-5-21-1-2-3", ForestSID: "S-1-5-21-9-9-9"}
}

func source() *directory.SourceGroup {
	return &directory.SourceGroup{ID: groupID, Properties: directory.Values{"displayName": {"Sales"}, "description": {"All of sales"}, "mail": {"sales@contoso.test"}}}
}

const (
	service = directory.SID("S-1-5-21-1-2-3-1105") // the account that runs the sync
	former  = directory.SID("S-1-5-21-1-2-3-1106") // one that did before
	attack  = directory.SID("S-1-5-21-1-2-3-1666")
)

func created(g *directory.SourceGroup, r *Rules) Change {
	p := &Pair{ID: g.ID, Source: g}
	return create(p, subjectOf(p, nil, r))
}

// written returns what AD has after the source was written with the rules.
func written(s *directory.SourceGroup, r *Rules, guid directory.GUID, values ...byte) Candidate {
	c := Candidate{Linked: true, Values: members(values...)}
	c.GUID, c.Owner = guid, service
	apply(&c, created(s, r))
	return c
}

// oldSchema returns the mapping for a schema without msDS-ExternalDirectoryObjectId.
func oldSchema(mail bool) Mapping {
	schema := Schema{}
	for _, name := range Standard.Attributes() {
		schema[name] = AttributeSchema{}
	}
	delete(schema, directory.AttrExternalID)
	return Standard.Compile(schema, mail)
}

// says sets a property of the group.
func says(g *directory.SourceGroup, name, value string) {
	g.Properties = g.Properties.With(name, value)
}

func has(c *Candidate, name, value string) { c.Attributes = c.Attributes.With(name, value) }

// agree sets the consent to adopt the objects that stand for the group now.
func agree(p *Pair, r *Rules) {
	r.Adopt = map[directory.GUID]directory.GUID{}
	for i := range p.Candidates {
		r.Adopt[p.Candidates[i].GUID] = p.ID
	}
}

// apply does to an object in memory what a connector does to one in AD.
func apply(c *Candidate, change Change) {
	for _, a := range change.Attributes {
		if err := c.SetAttribute(a.Name, a.New); err != nil {
			panic(err)
		}
	}
	if change.Action == Move {
		c.Place = InContainer
	}
	if change.Action == Move || change.Action == Create {
		c.DN = "CN=" + directory.EscapeRDN(c.CN) + ",OU=Groups,DC=contoso,DC=test"
	}
	c.Values = Without(c.Values, change.Remove)
	c.Values = append(c.Values, change.Add...)
	slices.SortFunc(c.Values, directory.GUID.Compare)
}

// say shortens changes to what a test case is about.
func say(changes []Change) []string {
	var out []string
	for _, c := range changes {
		s := fmt.Sprintf("%s %s", c.Action, c.Situation)
		if c.Reason != "" {
			s += " " + string(c.Reason)
		}
		for _, a := range c.Attributes {
			s += " " + a.Name
		}
		if n := len(c.Add); n > 0 {
			s += fmt.Sprintf(" +%d", n)
		}
		if n := len(c.Remove); n > 0 {
			s += fmt.Sprintf(" -%d", n)
		}
		out = append(out, s)
	}
	return out
}

func TestGroup(t *testing.T) {
	foreign := func() Candidate {
		c := written(source(), rules(), object, 1)
		c.Linked, c.ExtensionName, c.CN, c.GroupType = false, []string{"x"}, "As Connect named it", -2147483640
		return c
	}
	bySID := func(p *Pair) Candidate {
		p.Source.OnPremisesSID = "S-1-5-21-1-2-3-1104"
		c := Candidate{BySID: true, Place: Elsewhere, Values: members(1)}
		c.GUID, c.DN, c.SID = object, "CN=Old,OU=Legacy,DC=contoso,DC=test", p.Source.OnPremisesSID
		c.CN, c.SAMAccountName, c.GroupType, c.AdminDesc = "Old", "old", -2147483646, "asked for by J. Doe"
		has(&c, "displayName", "Old")
		return c
	}
	adoptedBySID := func(p *Pair, r *Rules) Candidate {
		c := bySID(p)
		adopt := *r
		adopt.Adopt = map[directory.GUID]directory.GUID{c.GUID: p.ID}
		pair := &Pair{ID: p.ID, Source: p.Source, Candidates: []Candidate{c}}
		apply(&c, Group(pair, &adopt)[0])
		c.Values = members(1, 2, 3)
		c.Linked, c.Adopted = true, true
		return c
	}
	for _, c := range []struct {
		name string
		pair func(p *Pair, r *Rules)
		want []string
	}{
		{"new", func(p *Pair, r *Rules) { p.Candidates = nil },
			[]string{"Create Unlinked cn sAMAccountName groupType displayName description mail adminDescription msDS-ExternalDirectoryObjectId extensionName +2"}},
		{"new on an old schema without mail", func(p *Pair, r *Rules) { p.Candidates = nil; r.Mapping = oldSchema(false) },
			[]string{"Create Unlinked cn sAMAccountName groupType displayName description adminDescription extensionName +2"}},
		{"nothing to do", func(p *Pair, r *Rules) {}, nil},
		{"members differ", func(p *Pair, r *Rules) { p.Membership.Joined = members(2, 3) }, []string{"UpdateMembers Linked +1 -1"}},
		{"renamed in the cloud", func(p *Pair, r *Rules) { says(p.Source, "displayName", "Sale"); r.CNFromDisplayName = true },
			[]string{"Update Linked cn displayName"}},
		{"case of the name", func(p *Pair, r *Rules) {
			r.CNFromDisplayName = true
			p.Candidates[0].CN = strings.ToUpper(CN(p.Source, true))
		}, []string{"Update Linked cn"}},
		{"description emptied", func(p *Pair, r *Rules) { says(p.Source, "description", " ") }, []string{"Update Linked description"}},
		{"type changed by hand", func(p *Pair, r *Rules) { p.Candidates[0].GroupType = -2147483640 }, []string{"Update Linked groupType"}},
		{"stamp taken away by hand", func(p *Pair, r *Rules) { p.Candidates[0].ExtensionName = []string{"x"} }, []string{"Update Linked extensionName"}},
		{"one mark taken away by hand", func(p *Pair, r *Rules) { p.Candidates[0].AdminDesc = "" }, []string{"Update Linked adminDescription"}},
		{"both marks taken away", func(p *Pair, r *Rules) { p.Candidates[0].AdminDesc, p.Candidates[0].ExternalID = "", "" },
			[]string{"Skip Linked MarkRemoved"}},
		{"marked for another group", func(p *Pair, r *Rules) { p.Candidates[0].AdminDesc = directory.Mark(object) }, []string{"Skip Linked MarkRemoved"}},
		{"state lost", func(p *Pair, r *Rules) { p.Candidates[0].Linked = false }, nil},
		{"state lost, moved by hand before", func(p *Pair, r *Rules) { p.Candidates[0].Linked, p.Candidates[0].Place = false, Elsewhere }, nil},
		{"state lost, of a former service account", func(p *Pair, r *Rules) {
			p.Candidates[0].Linked, p.Candidates[0].Place, p.Candidates[0].Owner = false, Elsewhere, former
		}, nil},
		{"state lost, of an administrator", func(p *Pair, r *Rules) { p.Candidates[0].Linked, p.Candidates[0].Owner = false, "S-1-5-32-544" }, nil},
		{"state lost, of an administrator of the domain", func(p *Pair, r *Rules) {
			p.Candidates[0].Linked, p.Candidates[0].Owner, p.Candidates[0].Place = false, "S-1-5-21-1-2-3-512", InFormerContainer
		}, []string{"Move Linked ContainerChanged"}},
		{"state lost, of an administrator of the forest", func(p *Pair, r *Rules) { p.Candidates[0].Linked, p.Candidates[0].Owner = false, "S-1-5-21-9-9-9-519" }, nil},
		{"stamped elsewhere by an administrator", func(p *Pair, r *Rules) {
			p.Candidates[0].Linked, p.Candidates[0].Owner, p.Candidates[0].Place = false, "S-1-5-21-1-2-3-512", Elsewhere
		}, []string{"Skip Foreign Foreign"}},
		{"stamped by somebody", func(p *Pair, r *Rules) { p.Candidates[0].Linked, p.Candidates[0].Owner = false, attack }, []string{"Skip Foreign Foreign"}},
		{"stamped, and its owner cannot be read", func(p *Pair, r *Rules) { p.Candidates[0].Linked, p.Candidates[0].Owner = false, "" }, []string{"Skip Foreign Foreign"}},
		{"stamped by somebody and adopted before", func(p *Pair, r *Rules) {
			p.Candidates[0].Linked, p.Candidates[0].Owner = false, attack
			p.Candidates[0].ExtensionName = append(p.Candidates[0].ExtensionName, directory.AdoptedStamp(tenant))
		}, []string{"Skip Foreign AdoptedBefore"}},
		{"stamped by somebody, adopted", func(p *Pair, r *Rules) {
			p.Candidates[0].Linked, p.Candidates[0].Owner = false, attack
			agree(p, r)
		}, []string{"Adopt Foreign extensionName"}},
		{"stamped by somebody, and the linked one beside it", func(p *Pair, r *Rules) {
			second := written(source(), r, other, 1, 2)
			second.Linked, second.Owner = false, attack
			p.Candidates, p.Membership.Joined = append(p.Candidates, second), members(1)
		}, []string{"Skip Foreign Foreign", "UpdateMembers Linked -1"}},
		{"stamped by somebody, and one of ours beside it, state lost", func(p *Pair, r *Rules) {
			p.Candidates[0].Linked = false
			second := written(source(), r, other, 1, 2)
			second.Linked, second.Owner = false, attack
			p.Candidates, p.Membership.Joined = append(p.Candidates, second), members(1)
		}, []string{"Skip Foreign Foreign", "UpdateMembers Linked -1"}},
		{"linked, whoever owns it", func(p *Pair, r *Rules) { p.Candidates[0].Owner = attack }, nil},
		{"linked, and protected now", func(p *Pair, r *Rules) { p.Candidates[0].AdminCount, p.Membership.Joined = true, members(1) },
			[]string{"Skip Linked Protected"}},
		{"linked, protected now, deleted from the tenant", func(p *Pair, r *Rules) {
			p.Candidates[0].AdminCount, p.Source, p.Presence = true, nil, directory.PresenceHardDeleted
		}, []string{"Skip Linked Protected"}},
		{"a critical object that is stamped", func(p *Pair, r *Rules) { p.Candidates[0].Linked, p.Candidates[0].Critical = false, true },
			[]string{"Skip Foreign Protected"}},
		{"marked administrators of the domain, to be adopted", func(p *Pair, r *Rules) {
			p.Candidates[0].Linked, p.Candidates[0].SID = false, "S-1-5-21-1-2-3-512"
			agree(p, r)
		}, []string{"Skip Foreign Protected"}},
		{"a marked group of BUILTIN, to be adopted", func(p *Pair, r *Rules) {
			p.Candidates[0].Linked, p.Candidates[0].SID = false, "S-1-5-32-548"
			agree(p, r)
		}, []string{"Skip Foreign Protected"}},
		{"source of authority moved, and it is the administrators of the domain", func(p *Pair, r *Rules) {
			c := bySID(p)
			c.SID = "S-1-5-21-1-2-3-512"
			p.Candidates = []Candidate{c}
			agree(p, r)
		}, []string{"Skip Unlinked Protected"}},
		{"deleted by hand, created anew and restored by hand", func(p *Pair, r *Rules) {
			second := written(source(), r, other, 1, 2)
			second.Linked, second.Former = false, true
			p.Candidates = append(p.Candidates, second)
		}, []string{"Skip Disputed Returned"}},
		{"restored without mark and stamp", func(p *Pair, r *Rules) {
			p.Candidates = append(p.Candidates, Candidate{Former: true})
		}, []string{"Skip Foreign Returned"}},
		{"restored, and the one that took its place is gone", func(p *Pair, r *Rules) {
			p.Candidates[0].Linked, p.Candidates[0].Former, p.LinkLost = false, true, &directory.MemberRef{GUID: other, DN: "CN=x"}
		}, nil},
		{"foreign", func(p *Pair, r *Rules) { p.Candidates = []Candidate{foreign()} }, []string{"Skip Foreign Foreign"}},
		{"another tenant's", func(p *Pair, r *Rules) {
			p.Candidates = []Candidate{foreign()}
			p.Candidates[0].ExtensionName = []string{directory.Stamp(object)}
		}, []string{"Skip Foreign Foreign"}},
		{"adopted", func(p *Pair, r *Rules) { p.Candidates = []Candidate{foreign()}; agree(p, r) },
			[]string{"Adopt Foreign extensionName +1"}},
		{"foreign and outside the containers is not adopted", func(p *Pair, r *Rules) {
			p.Candidates = []Candidate{foreign()}
			agree(p, r)
			p.Candidates[0].Place = Elsewhere
		}, []string{"Skip Foreign Foreign"}},
		{"adopted before", func(p *Pair, r *Rules) {
			p.Candidates = []Candidate{foreign()}
			p.Candidates[0].Linked, p.Candidates[0].Adopted = true, true
			p.Candidates[0].ExtensionName = []string{directory.Stamp(tenant), directory.AdoptedStamp(tenant)}
		}, []string{"UpdateMembers Linked +1"}},
		{"adopted before, state lost", func(p *Pair, r *Rules) {
			p.Candidates = []Candidate{foreign()}
			p.Candidates[0].ExtensionName = []string{directory.Stamp(tenant), directory.AdoptedStamp(tenant)}
		}, []string{"UpdateMembers Linked +1"}},
		{"adopted before, stamp taken away by hand", func(p *Pair, r *Rules) {
			p.Candidates = []Candidate{foreign()}
			p.Candidates[0].Linked, p.Candidates[0].Adopted = true, true
		}, []string{"Update Linked extensionName", "UpdateMembers Linked +1"}},
		{"two foreign ones, both agreed to", func(p *Pair, r *Rules) {
			p.Candidates = []Candidate{foreign(), foreign()}
			p.Candidates[1].GUID = other
			agree(p, r)
		}, []string{"Skip Foreign Foreign", "Skip Foreign Foreign"}},
		{"two foreign ones, one agreed to", func(p *Pair, r *Rules) {
			p.Candidates = []Candidate{foreign()}
			agree(p, r)
			p.Candidates = append(p.Candidates, foreign())
			p.Candidates[1].GUID = other
		}, []string{"Skip Foreign Foreign", "Adopt Foreign extensionName +1"}},
		{"foreign, and another was agreed to", func(p *Pair, r *Rules) {
			p.Candidates = []Candidate{foreign()}
			r.Adopt = map[directory.GUID]directory.GUID{other: p.ID}
		}, []string{"Skip Foreign Foreign"}},
		{"foreign, agreed to as another group", func(p *Pair, r *Rules) {
			p.Candidates = []Candidate{foreign()}
			r.Adopt = map[directory.GUID]directory.GUID{object: other}
		}, []string{"Skip Foreign Foreign"}},
		{"a foreign one beside ours", func(p *Pair, r *Rules) { p.Candidates = append(p.Candidates, foreign()); agree(p, r) },
			[]string{"Skip Foreign Foreign"}},
		{"two of ours, the other CNF", func(p *Pair, r *Rules) {
			second := written(source(), r, other, 1, 2)
			second.Linked, second.CN = false, "Sales\nCNF:x"
			p.Candidates = append(p.Candidates, second)
		}, []string{"Skip Disputed Disputed"}},
		{"two of ours, the linked one CNF", func(p *Pair, r *Rules) {
			second := written(source(), r, other, 1, 2)
			second.Linked = false
			p.Candidates[0].CN = "Sales\nCNF:x"
			p.Candidates = append(p.Candidates, second)
		}, []string{"Skip Disputed Disputed", "Update Linked cn"}},
		{"two of ours with names of their own", func(p *Pair, r *Rules) {
			second := written(source(), r, other, 1, 2)
			second.Linked = false
			p.Candidates, p.Membership.Joined = append(p.Candidates, second), members(1)
		}, []string{"Skip Disputed Disputed", "UpdateMembers Linked -1"}},
		{"two of ours with names of their own, state lost", func(p *Pair, r *Rules) {
			second := written(source(), r, other, 1, 2)
			p.Candidates[0].Linked, second.Linked = false, false
			p.Candidates = append(p.Candidates, second)
		}, []string{"Skip Disputed Disputed", "Skip Disputed Disputed"}},
		{"moved by hand", func(p *Pair, r *Rules) { p.Candidates[0].Place = Elsewhere; p.Membership.Joined = members(1) },
			[]string{"UpdateMembers Moved -1"}},
		{"moved by hand, to be moved back", func(p *Pair, r *Rules) { p.Candidates[0].Place = Elsewhere; r.MoveBack = true },
			[]string{"Move Moved MovedBack"}},
		{"container changed", func(p *Pair, r *Rules) { p.Candidates[0].Place = InFormerContainer },
			[]string{"Move Linked ContainerChanged"}},
		{"container changed, state lost", func(p *Pair, r *Rules) { p.Candidates[0].Place, p.Candidates[0].Linked = InFormerContainer, false },
			[]string{"Move Linked ContainerChanged"}},
		{"deleted by hand", func(p *Pair, r *Rules) {
			p.Candidates, p.LinkLost = nil, &directory.MemberRef{GUID: object, DN: "CN=x"}
		},
			[]string{"Create Deleted DeletedInAD cn sAMAccountName groupType displayName description mail adminDescription msDS-ExternalDirectoryObjectId extensionName +2"}},
		{"source of authority moved, its object gone", func(p *Pair, r *Rules) { p.Candidates, p.Source.OnPremisesSID = nil, "S-1-5-21-1-2-3-1104" },
			[]string{"Skip Unlinked SourceOfAuthorityMoved"}},
		{"source of authority moved, not to be adopted", func(p *Pair, r *Rules) { p.Candidates = []Candidate{bySID(p)} },
			[]string{"Skip Unlinked SourceOfAuthorityMoved"}},
		{"source of authority moved, adopted", func(p *Pair, r *Rules) { p.Candidates = []Candidate{bySID(p)}; agree(p, r) },
			[]string{"Adopt Unlinked displayName description mail adminDescription msDS-ExternalDirectoryObjectId extensionName +1"}},
		{"source of authority moved, marked by another product, adopted", func(p *Pair, r *Rules) {
			p.Candidates = []Candidate{bySID(p)}
			agree(p, r)
			p.Candidates[0].AdminDesc = directory.Mark(p.ID)
		}, []string{"Adopt Unlinked displayName description mail msDS-ExternalDirectoryObjectId extensionName +1"}},
		{"source of authority moved, adopted, a member is unknown", func(p *Pair, r *Rules) {
			p.Candidates = []Candidate{bySID(p)}
			agree(p, r)
			p.Membership = Membership{Joined: members(2), Unwritten: map[directory.Reason]int{directory.ReasonLimited: 1}}
		}, []string{"Adopt Unlinked displayName description mail adminDescription msDS-ExternalDirectoryObjectId extensionName +1",
			"Skip Unlinked RemovalsHeldBack"}},
		{"source of authority moved, marked for another group", func(p *Pair, r *Rules) {
			p.Candidates = []Candidate{bySID(p)}
			agree(p, r)
			p.Candidates[0].AdminDesc, p.Candidates[0].ExternalID = directory.Mark(p.ID), directory.Mark(other)
		}, []string{"Skip Unlinked SourceOfAuthorityMoved"}},
		{"source of authority moved, another tenant's", func(p *Pair, r *Rules) {
			p.Candidates = []Candidate{bySID(p)}
			agree(p, r)
			p.Candidates[0].ExtensionName = []string{strings.ToUpper(directory.Stamp(other))}
		}, []string{"Skip Unlinked SourceOfAuthorityMoved"}},
		{"source of authority moved, and another object marked", func(p *Pair, r *Rules) {
			p.Candidates = []Candidate{bySID(p), foreign()}
			agree(p, r)
		}, []string{"Skip Unlinked SourceOfAuthorityMoved", "Skip Foreign Foreign"}},
		{"source of authority moved, and another object ours", func(p *Pair, r *Rules) {
			p.Candidates = append(p.Candidates, bySID(p))
			agree(p, r)
			p.Candidates[1].GUID = other
		}, []string{"Skip Unlinked SourceOfAuthorityMoved"}},
		{"source of authority moved, adopted before", func(p *Pair, r *Rules) { p.Candidates = []Candidate{adoptedBySID(p, r)}; r.MoveBack = true },
			[]string{"UpdateMembers Linked -1"}},
		{"source of authority moved, adopted before, state lost", func(p *Pair, r *Rules) {
			p.Candidates = []Candidate{adoptedBySID(p, r)}
			p.Candidates[0].Linked, p.Candidates[0].Adopted, r.MoveBack = false, false, true
		}, []string{"Skip Unlinked AdoptedBefore"}},
		{"source of authority moved, adopted before from an account that is trusted, state lost", func(p *Pair, r *Rules) {
			p.Candidates = []Candidate{adoptedBySID(p, r)}
			p.Candidates[0].Linked, p.Candidates[0].Adopted, p.Candidates[0].Owner, r.MoveBack = false, false, former, true
		}, []string{"UpdateMembers Linked -1"}},
		{"source of authority moved, adopted before, container changed", func(p *Pair, r *Rules) {
			p.Candidates = []Candidate{adoptedBySID(p, r)}
			p.Candidates[0].Place = InFormerContainer
		}, []string{"UpdateMembers Linked -1"}},
		{"source of authority moved, adopted before, then deleted by hand", func(p *Pair, r *Rules) {
			p.Candidates, p.Source.OnPremisesSID, p.LinkLost = nil, "S-1-5-21-1-2-3-1104", &directory.MemberRef{GUID: object, DN: "CN=x"}
		}, []string{"Skip Unlinked SourceOfAuthorityMoved"}},
		{"as many members as are allowed", func(p *Pair, r *Rules) {
			p.Candidates, r.MaxMembers = nil, 3
			p.Membership.Unwritten = map[directory.Reason]int{directory.ReasonGuest: 1}
		}, []string{"Create Unlinked cn sAMAccountName groupType displayName description mail adminDescription msDS-ExternalDirectoryObjectId extensionName +2"}},
		{"too many members, new", func(p *Pair, r *Rules) {
			p.Candidates, r.MaxMembers = nil, 2
			p.Membership.Unwritten = map[directory.Reason]int{directory.ReasonGuest: 1}
		}, []string{"Skip Unlinked TooManyMembers"}},
		{"too many members, linked", func(p *Pair, r *Rules) {
			p.Membership.Joined, r.MaxMembers = members(2, 3), 1
			says(p.Source, "displayName", "x")
		}, []string{"Skip Linked TooManyMembers"}},
		{"too many members, deleted from the tenant", func(p *Pair, r *Rules) {
			p.Source, p.Presence, r.MaxMembers = nil, directory.PresenceHardDeleted, 1
		}, []string{"Delete Linked HardDeleted"}},
		{"security instead of distribution", func(p *Pair, r *Rules) { r.OnPremisesGroupType = UniversalSecurity },
			[]string{"Update Linked groupType mail"}},
		{"mail-enabled security instead of distribution, adopted", func(p *Pair, r *Rules) {
			r.OnPremisesGroupType, p.Candidates = UniversalMailEnabledSecurity, []Candidate{foreign()}
			p.Candidates[0].GroupType = directory.GroupTypeUniversalDistribution
			agree(p, r)
		}, []string{"Adopt Foreign extensionName +1"}},
		{"hidden membership", func(p *Pair, r *Rules) {
			p.Hidden, p.Membership = true, Membership{}
			says(p.Source, "displayName", "x")
		},
			[]string{"Skip Linked HiddenMembership"}},
		{"hidden membership, new", func(p *Pair, r *Rules) { p.Hidden, p.Candidates = true, nil }, []string{"Skip Unlinked HiddenMembership"}},
		{"a member is unknown", func(p *Pair, r *Rules) {
			p.Membership = Membership{Joined: members(2, 3), Unwritten: map[directory.Reason]int{directory.ReasonLimited: 1}}
		}, []string{"UpdateMembers Linked RemovalsHeldBack +1"}},
		{"a member is unknown, nothing to add", func(p *Pair, r *Rules) {
			p.Membership = Membership{Joined: members(2), Unwritten: map[directory.Reason]int{directory.ReasonGCUnavailable: 1}}
		}, []string{"Skip Linked RemovalsHeldBack"}},
		{"members known to have no account", func(p *Pair, r *Rules) {
			p.Membership = Membership{Joined: members(2), Unwritten: map[directory.Reason]int{directory.ReasonGuest: 1, directory.ReasonNotFound: 1}}
		}, []string{"UpdateMembers Linked -1"}},
		{"members could not be read", func(p *Pair, r *Rules) { p.Membership = Membership{Incomplete: "GraphError"} },
			[]string{"Skip Linked RemovalsHeldBack"}},
		{"members could not be read, new", func(p *Pair, r *Rules) { p.Membership, p.Candidates = Membership{Incomplete: "GraphError"}, nil },
			[]string{"Skip Unlinked MembersUnreadable"}},
		{"not in the list, gone for good", func(p *Pair, r *Rules) { p.Source, p.Presence = nil, directory.PresenceHardDeleted }, []string{"Delete Linked HardDeleted"}},
		{"not in the list, in the recycle bin", func(p *Pair, r *Rules) { p.Source, p.Presence = nil, directory.PresenceSoftDeleted }, []string{"Skip Linked SoftDeleted"}},
		{"not in the list, but no longer written", func(p *Pair, r *Rules) { p.Source, p.Presence = nil, directory.PresenceOutOfScope }, []string{"Skip Linked OutOfScope"}},
		{"not in the list, but there", func(p *Pair, r *Rules) {
			p.Source, p.Presence, r.RemoveSoftDeleted, r.RemoveOutOfScope = nil, directory.PresenceFound, true, true
		}, []string{"Skip Linked PresenceUnknown"}},
		{"not in the list, in the recycle bin, to be removed", func(p *Pair, r *Rules) {
			p.Source, p.Presence, r.RemoveSoftDeleted = nil, directory.PresenceSoftDeleted, true
		},
			[]string{"Delete Linked SoftDeleted"}},
		{"not in the list, but no longer written, to be removed", func(p *Pair, r *Rules) {
			p.Source, p.Presence, r.RemoveOutOfScope = nil, directory.PresenceOutOfScope, true
		},
			[]string{"Delete Linked OutOfScope"}},
		{"not in the list, no answer, all to be removed", func(p *Pair, r *Rules) {
			p.Source, p.Presence, r.RemoveSoftDeleted, r.RemoveOutOfScope = nil, directory.PresenceUnknown, true, true
		}, []string{"Skip Linked PresenceUnknown"}},
		{"not in the list, no answer", func(p *Pair, r *Rules) { p.Source, p.Presence = nil, directory.PresenceUnknown }, []string{"Skip Linked PresenceUnknown"}},
		{"not in the list, and another answer than was reported before", func(p *Pair, r *Rules) {
			p.Source, p.Presence, r.RemoveSoftDeleted = nil, directory.PresenceContradicted, true
		},
			[]string{"Skip Linked PresenceUnknown"}},
		{"not in the list, not asked", func(p *Pair, r *Rules) { p.Source, p.Presence = nil, "" }, []string{"Skip Linked PresenceUnknown"}},
		{"not in the list, state lost", func(p *Pair, r *Rules) {
			p.Source, p.Presence, p.Candidates[0].Linked = nil, directory.PresenceHardDeleted, false
		},
			[]string{"Skip Unmatched Unmatched"}},
		{"not in the list, foreign", func(p *Pair, r *Rules) {
			p.Source, p.Presence, p.Candidates = nil, directory.PresenceHardDeleted, []Candidate{foreign()}
			agree(p, r)
		}, []string{"Skip Foreign Foreign"}},
		{"gone on both sides", func(p *Pair, r *Rules) {
			p.Source, p.Presence, p.Candidates, p.LinkLost = nil, directory.PresenceHardDeleted, nil, &directory.MemberRef{GUID: object}
		}, []string{"Skip Deleted AlreadyDeleted"}},
		{"gone on both sides, on evidence from one moment", func(p *Pair, r *Rules) {
			p.Source, p.Presence, p.Momentary, p.Candidates, p.LinkLost = nil, directory.PresenceHardDeleted, true, nil, &directory.MemberRef{GUID: object}
		}, nil},
		{"gone, on evidence from one moment", func(p *Pair, r *Rules) { p.Source, p.Presence, p.Momentary = nil, directory.PresenceHardDeleted, true },
			[]string{"Skip Linked PresenceUnknown"}},
		{"soft-deleted and to be removed, on evidence from one moment", func(p *Pair, r *Rules) {
			p.Source, p.Presence, p.Momentary, r.RemoveSoftDeleted = nil, directory.PresenceSoftDeleted, true, true
		}, []string{"Skip Linked SoftDeleted"}},
		{"out of scope and to be removed, on evidence from one moment", func(p *Pair, r *Rules) {
			p.Source, p.Presence, p.Momentary, r.RemoveOutOfScope = nil, directory.PresenceOutOfScope, true, true
		}, []string{"Skip Linked OutOfScope"}},
		{"gone in AD, in the tenant's recycle bin", func(p *Pair, r *Rules) {
			p.Source, p.Presence, p.Candidates, p.LinkLost = nil, directory.PresenceSoftDeleted, nil, &directory.MemberRef{GUID: object}
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rules()
			p := &Pair{ID: groupID, Source: source(), Membership: Membership{Joined: members(1, 2)},
				Candidates: []Candidate{written(source(), r, object, 1, 2)}}
			c.pair(p, r)
			got := Group(p, r)
			if diff := cmp.Diff(c.want, say(got)); diff != "" {
				t.Error(diff)
			}
			for _, change := range got {
				if (change.Action == Skip) != (change.Action.Phase() == PhaseNone) || change.Action == Skip && (change.Message == "" || change.Reason == "") {
					t.Errorf("%s has no phase, or a skip says nothing: %+v", change.Action, change)
				}
			}
		})
	}
}

// A skip says enough for an administrator to find the object and to know what to do.
func TestSkipsSayWhat(t *testing.T) {
	candidate := Candidate{BySID: true, Place: Elsewhere}
	candidate.DN = "CN=Old,OU=Legacy,DC=contoso,DC=test"
	marked, stamped := candidate, candidate
	marked.AdminDesc = directory.Mark(other)
	stamped.ExtensionName = []string{directory.Stamp(object)}
	const sid = "S-1-5-21-1-2-3-1104"
	for name, c := range map[string]struct {
		candidates []Candidate
		adopt      bool
		want       []string
	}{
		"may not be adopted":       {[]Candidate{candidate}, false, []string{sid, candidate.DN, "after you agree to it"}},
		"marked for another group": {[]Candidate{marked}, true, []string{sid, candidate.DN, "mark of the cloud group " + other.String()}},
		"another tenant's":         {[]Candidate{stamped}, true, []string{sid, candidate.DN, "stamp of another tenant (" + directory.Stamp(object)}},
		"gone":                     {nil, true, []string{sid, "no object"}},
	} {
		r := rules()
		p := &Pair{ID: groupID, Source: source(), Candidates: c.candidates}
		if c.adopt {
			agree(p, r)
		}
		p.Source.OnPremisesSID = sid
		changes := Group(p, r)
		if len(changes) != 1 {
			t.Fatalf("%s: %v", name, say(changes))
		}
		for _, part := range c.want {
			if !strings.Contains(changes[0].Message, part) {
				t.Errorf("%s: %q does not say %q", name, changes[0].Message, part)
			}
		}
		if c.candidates != nil && changes[0].DN != candidate.DN {
			t.Errorf("%s: stands at %q", name, changes[0].DN)
		}
	}

	r := rules()
	r.MaxMembers = 2
	p := &Pair{ID: groupID, Source: source(), Membership: Membership{Joined: members(1, 2), Unwritten: map[directory.Reason]int{directory.ReasonGuest: 3}}}
	if got, want := Group(p, r)[0].Message, "The group has 5 members, but only groups with up to 2 are written. -MaximumMemberCount sets this limit."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Whatever a group and the objects that stand for it look like, carrying out the plan
// leaves nothing to plan.
func TestPlanIsIdempotent(t *testing.T) {
	text := rapid.String()
	guids := rapid.Custom(func(t *rapid.T) []directory.GUID {
		return members(slices.Compact(slices.Sorted(slices.Values(rapid.SliceOf(rapid.Byte()).Draw(t, "members"))))...)
	})
	rapid.Check(t, func(t *rapid.T) {
		r := rules()
		r.CNFromDisplayName, r.SAMFromDisplayName = rapid.Bool().Draw(t, "cn"), rapid.Bool().Draw(t, "sam")
		r.Mapping, r.MoveBack = Standard.Compile(nil, rapid.Bool().Draw(t, "mail")), true
		if rapid.Bool().Draw(t, "old schema") {
			r.Mapping = oldSchema(rapid.Bool().Draw(t, "mail"))
		}
		draw := func(name string) *directory.SourceGroup {
			types := []OnPremisesGroupType{"", UniversalDistribution, UniversalSecurity, UniversalMailEnabledSecurity}
			r.OnPremisesGroupType, r.OwnGroupType = rapid.SampledFrom(types).Draw(t, name+"t"), rapid.Bool().Draw(t, name+"o")
			return &directory.SourceGroup{ID: groupID, Properties: directory.Values{"displayName": {text.Draw(t, name)}, "description": {text.Draw(t, name+"d")}, "mail": {text.Draw(t, name+"m")}},
				Kind:                rapid.SampledFrom([]directory.GroupKind{directory.UnifiedGroup, directory.SecurityGroup}).Draw(t, name+"k"),
				OnPremisesGroupType: string(rapid.SampledFrom(types).Draw(t, name+"g"))}
		}
		before := written(draw("before"), r, object)
		before.Values, before.Place = guids.Draw(t, "values"), Place(rapid.IntRange(0, 2).Draw(t, "place"))
		adopt := rapid.Bool().Draw(t, "adopt")
		if adopt { // the object that a group was before it was moved to the cloud
			r.Adopt = map[directory.GUID]directory.GUID{before.GUID: groupID}
			before.BySID, before.Linked, before.AdminDesc, before.ExternalID, before.ExtensionName = true, false, "", text.Draw(t, "id"), []string{"x"}
		}
		p := &Pair{ID: groupID, Source: draw("after"), Membership: Membership{Joined: guids.Draw(t, "joined")}, Candidates: []Candidate{before}}
		p.Source.OnPremisesSID = before.SID
		for _, change := range Group(p, r) {
			apply(&p.Candidates[0], change)
		}
		if now := p.Candidates[0]; adopt && (now.Place != before.Place || now.CN != before.CN || now.GroupType != before.GroupType || now.SAMAccountName != before.SAMAccountName) {
			t.Fatalf("adopted, but changed from %+v to %+v", before, now)
		}
		if again := Group(p, r); len(again) > 0 {
			t.Fatalf("planned again: %v", say(again))
		}
		if !slices.Equal(p.Candidates[0].Values, p.Membership.Joined) {
			t.Fatalf("members are %v, not %v", p.Candidates[0].Values, p.Membership.Joined)
		}
	})
}

func TestNames(t *testing.T) {
	g := source()
	for _, c := range []struct{ display, cn, sam string }{
		{"Sales", "Sales_e9305786a271", "Sales_e9305786a271"},
		{"  ", "Group_e9305786a271", "Group_e9305786a271"},
		{"\n\t", "Group_e9305786a271", "Group_e9305786a271"},
		{"a\nb", "a b_e9305786a271", "a b_e9305786a271"},
		{`R&D "North/South", #1.`, `R&D "North/South", #1._e9305786a271`, "R&D _North_South__ #1_e9305786a271"},
		{strings.Repeat("x", 50) + "😀", strings.Repeat("x", 50) + "_e9305786a271", strings.Repeat("x", 50) + "😀_e9305786a271"},
		{strings.Repeat("x", 50) + " yz", strings.Repeat("x", 50) + "_e9305786a271", strings.Repeat("x", 50) + " yz_e9305786a271"},
		{strings.Repeat("é", 300), strings.Repeat("é", 51) + "_e9305786a271", strings.Repeat("é", 243) + "_e9305786a271"},
		{"...", "..._e9305786a271", "Group_e9305786a271"},
		{"Pay\u202e\u200broll\U000e0041", "Payroll_e9305786a271", "Payroll_e9305786a271"},
		{"\u200b\u2066", "Group_e9305786a271", "Group_e9305786a271"},
		{"a\u2028b\u0085c", "a b c_e9305786a271", "a b c_e9305786a271"},
		{"1️⃣ *️⃣", "1️⃣ *️⃣_e9305786a271", "1️⃣ _⃣_e9305786a271"},
		{strings.Repeat("x", 48) + "👩\u200d👧", strings.Repeat("x", 48) + "👩_e9305786a271", strings.Repeat("x", 48) + "👩\u200d👧_e9305786a271"},
	} {
		says(g, "displayName", c.display)
		if got := CN(g, true); got != c.cn {
			t.Errorf("CN(%q) = %q, want %q", c.display, got, c.cn)
		}
		if got := SAMAccountName(g, true); got != c.sam {
			t.Errorf("SAMAccountName(%q) = %q, want %q", c.display, got, c.sam)
		}
	}
	if got, want := CN(g, false), "Group_3a5c3221-c465-48c0-95b8-e9305786a271"; got != want || SAMAccountName(g, false) != want {
		t.Errorf("CN = %q, want %q", got, want)
	}
}

func TestNamesFitActiveDirectory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := source()
		says(g, "displayName", rapid.String().Draw(t, "display"))
		cn, sam := CN(g, true), SAMAccountName(g, true)
		if n := len(utf16.Encode([]rune(cn))); n < suffixLength || n > maxCN {
			t.Fatalf("cn %q has %d units", cn, n)
		}
		if n := len(utf16.Encode([]rune(sam))); n > maxSAM {
			t.Fatalf("sAMAccountName has %d units", n)
		}
		if strings.ContainsAny(sam, `"/\[]:|<>+=;?,*`+"\x00\n\r\t") || strings.ContainsAny(cn, "\x00\n\r\t") || strings.HasPrefix(cn, " ") {
			t.Fatalf("%q, %q", cn, sam)
		}
		says(g, "description", rapid.String().Draw(t, "description"))
		says(g, "mail", rapid.String().Draw(t, "mail"))
		for _, a := range append(created(g, rules()).Attributes, AttributeChange{Name: directory.AttrCN, New: []string{cn}}, AttributeChange{Name: directory.AttrSAMAccountName, New: []string{sam}}) {
			if value := strings.Join(a.New, ""); directory.Clean(value) != value {
				t.Fatalf("%s %q deceives", a.Name, value)
			} else if n := len(utf16.Encode([]rune(value))); n > 448 {
				t.Fatalf("%s has %d units", a.Name, n)
			}
		}
	})
}

// TestNamesThatDeceiveArePutRightOnce: what an earlier release or a person wrote is
// compared with what is written now.
func TestNamesThatDeceiveArePutRightOnce(t *testing.T) {
	r := rules()
	g := source()
	g.Properties = directory.Values{"displayName": {"Pay\u202eroll"}, "description": {"two\r\nlines\u200b"}, "mail": {"pay\u00adroll@contoso.com"}}
	want := map[string]string{"displayName": "Payroll", "description": "two lines", "mail": "payroll@contoso.com"}
	for _, a := range created(g, r).Attributes {
		if value, ok := want[a.Name]; ok && a.New[0] != value {
			t.Errorf("%s is %q, want %q", a.Name, a.New, value)
		}
	}
}

func TestNamesTake(t *testing.T) {
	var names Names
	r := rules()
	r.CNFromDisplayName = true
	first := created(source(), r)
	if got := names.Take(first, nil, nil); len(got) != 1 || got[0].Action != Create {
		t.Fatalf("a free name: %v", say(got))
	}
	same := created(source(), r)
	same.Attributes[0].New = []string{strings.ToUpper(same.Attributes[0].New[0])}
	if got := say(names.Take(same, nil, nil)); !cmp.Equal(got, []string{"Skip Unlinked NameClash"}) {
		t.Errorf("a name given out before: %v", got)
	}
	g := source()
	g.ID = object
	held := created(g, r)
	got := names.Take(held, nil, &Holder{GUID: other, DN: "CN=Someone,DC=x"})
	if !cmp.Equal(say(got), []string{"Skip Unlinked NameClash"}) || !strings.Contains(got[0].Message, "CN=Someone,DC=x") {
		t.Errorf("a name held in AD: %v", got)
	}
	c := written(source(), r, object)
	c.CN = "old"
	has(&c, "description", "old")
	rename := Group(&Pair{ID: groupID, Source: source(), Candidates: []Candidate{c}}, r)[0]
	if got := say(names.Take(rename, &Holder{GUID: other}, nil)); !cmp.Equal(got, []string{"Skip Linked NameClash", "Update Linked description"}) {
		t.Errorf("a rename that clashes: %v", got)
	}
	if got := say((&Names{}).Take(rename, &Holder{GUID: object}, nil)); len(got) != 1 || strings.HasPrefix(got[0], "Skip") {
		t.Errorf("an object does not clash with itself: %v", got)
	}
}

func TestWithout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sorted := func(name string) []directory.GUID {
			return members(slices.Compact(slices.Sorted(slices.Values(rapid.SliceOf(rapid.Byte()).Draw(t, name))))...)
		}
		a, b := sorted("a"), sorted("b")
		var want []directory.GUID
		for _, g := range a {
			if !slices.Contains(b, g) {
				want = append(want, g)
			}
		}
		if got := Without(a, b); !slices.Equal(got, want) {
			t.Fatalf("Without(%v, %v) = %v, want %v", a, b, got, want)
		}
	})
}
