package identity

import (
	"context"
	"fmt"
	"strings"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// Identity is how people name a group, in every method that takes one: by its
// object id in the tenant, or the SID that this gives it there; by the
// objectGUID, the DN, the SID, the sAMAccountName (with or without the domain),
// the cn or the display name of its object in AD; or by its display name or mail
// in the tenant. Case, and blanks at the ends, do not count.
type Identity struct {
	Text string
	guid directory.GUID // zero: it is none
	SID  directory.SID  // empty: it is none
	dn   directory.DN   // nil: it is none
	like func(string) bool
}

// NewIdentity reads what a parameter names. With wildcards * and ? stand for
// others, and several groups may be meant.
func NewIdentity(text string, wildcards bool) Identity {
	id := Identity{Text: strings.TrimSpace(text)}
	if guid, err := directory.ParseGUID(id.Text); err == nil {
		id.guid = guid
	} else if sid, err := directory.ParseSID(id.Text); err == nil {
		if id.guid = sid.CloudGUID(); id.guid.IsZero() {
			id.SID = sid
		}
	} else if dn, err := directory.ParseDN(id.Text); err == nil && len(dn) > 1 {
		id.dn = dn
	}
	if wildcards && strings.ContainsAny(id.Text, "*?") {
		id.like = directory.Wildcard(id.Text)
	}
	return id
}

// Identify is NewIdentity of the value of a parameter that must name something.
func Identify(parameter, text string) (Identity, error) {
	id := NewIdentity(text, false)
	if id.Text == "" {
		return id, contract.InvalidParameter(parameter, text, "an object id in the tenant, a display name, a mail address, or the objectGUID, DN, SID or sAMAccountName of the object")
	}
	return id, nil
}

// GUID is the object id or objectGUID that is named; zero: it is named otherwise.
func (i *Identity) GUID() directory.GUID { return i.guid }

// Names are what a group, or an object, can be called by.
type Names struct {
	ID, TargetGUID    directory.GUID
	SID               directory.SID
	DN                string
	DisplayName, Mail string // in the tenant
	SAMAccountName    string
	CN, TargetName    string // the display name is written in AD too
}

// Rank tells how well it names something of these names: 0 not at all, and the
// higher the better. The tenant's names go before those in AD, which others may
// write.
func (i *Identity) Rank(n *Names) int {
	if i.Text == "" {
		return 0
	}
	if !i.guid.IsZero() {
		return rank(i.guid == n.ID || i.guid == n.TargetGUID, 3)
	}
	if i.SID != "" {
		return rank(i.SID == n.SID, 3)
	}
	if i.dn != nil {
		if dn, err := directory.ParseDN(n.DN); err == nil && dn.Equal(i.dn) {
			return 3
		}
	}
	same := func(name string) bool { return directory.SameName(i.Text, name) }
	if i.like != nil {
		same = func(name string) bool { return name != "" && (i.like(name) || directory.SameName(i.Text, name)) }
	}
	if same(n.DisplayName) || same(n.Mail) {
		return 2
	}
	sam := n.SAMAccountName
	if domain, _, ok := strings.Cut(i.Text, `\`); ok && sam != "" && i.dn == nil {
		sam = domain + `\` + sam
	}
	return rank(same(n.CN) || same(n.TargetName) || same(n.SAMAccountName) || same(sam) || i.like != nil && same(n.DN), 1)
}

func rank(is bool, rank int) int {
	if is {
		return rank
	}
	return 0
}

// Group reports whether it names this group of the tenant.
func (i *Identity) Group(g *directory.SourceGroup) bool {
	return i.Rank(&Names{ID: g.ID, DisplayName: g.DisplayName(), Mail: g.Properties.First("mail")}) > 0
}

// Object reports whether it names this object of AD.
func (i *Identity) Object(c *plan.Candidate) bool {
	return i.Rank(&Names{TargetGUID: c.GUID, SID: c.SID, DN: c.DN, CN: c.CN, SAMAccountName: c.SAMAccountName, TargetName: c.DisplayName(), Mail: c.Attributes.First("mail")}) > 0
}

func (i *Identity) Objects(all []plan.Candidate) []plan.Candidate {
	var named []plan.Candidate
	for _, c := range all {
		if i.Object(&c) {
			named = append(named, c)
		}
	}
	return named
}

// Known returns the groups and objects that the state knows by what is named, the
// best named ones alone.
func (i *Identity) Known(ctx context.Context, state contract.State) ([]contract.GroupView, error) {
	var found []contract.GroupView
	best := 0
	for after := (directory.GUID{}); ; {
		page, err := state.Groups(ctx, contract.GroupFilter{Name: i.Text, Exact: true}, after, batch.ListBatch)
		if err != nil {
			return nil, err
		}
		for _, v := range page {
			after = v.Key
			rank := i.Rank(NamesOf(&v))
			if rank > best {
				found, best = nil, rank
			}
			if rank == best {
				found = append(found, v)
			}
		}
		if len(page) < batch.ListBatch {
			return found, nil
		}
	}
}

// NamesOf is what the group can be called by.
func NamesOf(v *contract.GroupView) *Names {
	return &Names{ID: v.ID, TargetGUID: v.TargetGUID, SID: v.SID, DN: v.DN, DisplayName: v.DisplayName, Mail: v.Mail,
		SAMAccountName: v.SAMAccountName, CN: cnOf(v)}
}

func cnOf(v *contract.GroupView) string {
	dn, err := directory.ParseDN(v.DN)
	if err != nil || len(dn) == 0 {
		return ""
	}
	return dn[0].Value
}

// called is the group as messages name it.
func calledOne(v *contract.GroupView) string {
	ids := v.ID.String()
	if v.ID.IsZero() {
		ids = "objectGUID " + v.TargetGUID.String()
	}
	if v.DN != "" {
		ids += ", " + v.DN
	}
	return fmt.Sprintf("%s (%s)", v.DisplayName, ids)
}

// ErrUnknownGroup is the error of a text that names nothing that the state knows.
func ErrUnknownGroup(text string) error {
	return &contract.Error{Category: contract.ObjectNotFound, ID: "GroupNotFound", Object: text, Message: "No group of this name or id is known.",
		Advice: "Known are groups of the tenant that are not synchronised from the directory, since the first sync after they were made. Start-GroupWritebackSync -Group says step by step what becomes of one."}
}

// ErrNotLinked is the error of an object that stands for no group of the tenant.
func ErrNotLinked(v *contract.GroupView) error {
	return &contract.Error{Category: contract.InvalidState, ID: "GroupNotLinked", Object: v.DN,
		Message: fmt.Sprintf("The object stands for no group of the tenant: it is %s.", v.Situation),
		Advice:  "Name a group of the tenant. Set-GroupWriteback -AdoptGroup takes over what is foreign and stands for one."}
}

func Called(views []contract.GroupView) []string {
	names := make([]string, len(views))
	for i := range views {
		names[i] = calledOne(&views[i])
	}
	return names
}

// maxCalled is how many candidates a message names.
const maxCalled = 10

func Ambiguous(text string, candidates []string) error {
	n := len(candidates)
	more := ""
	if n > maxCalled {
		candidates, more = candidates[:maxCalled], fmt.Sprintf("; and %d more", n-maxCalled)
	}
	return &contract.Error{Category: contract.InvalidArgument, ID: "GroupAmbiguous", Object: text,
		Message: fmt.Sprintf("%d are meant by that: %s%s.", n, strings.Join(candidates, "; "), more), Advice: "Give the id of the one that is meant."}
}
