package identity

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// Identity is a user's name for a group, in every method that takes one: its object id in
// the tenant or the SID that derives from it; the objectGUID, DN, SID, sAMAccountName
// (with or without the domain), cn or display name of its object in AD; or its display
// name or mail in the tenant. Letter case and leading and trailing blanks are ignored.
type Identity struct {
	Text string
	guid directory.GUID // zero: not a GUID
	SID  directory.SID  // empty: not a SID
	dn   directory.DN   // nil: not a DN
	like func(string) bool
}

// NewPattern parses a name in which * and ? stand for other characters, so that it may
// match several groups.
func NewPattern(text string) Identity {
	id := NewIdentity(text)
	if strings.ContainsAny(id.Text, "*?") {
		id.like = directory.Wildcard(id.Text)
	}
	return id
}

// NewIdentity parses a name.
func NewIdentity(text string) Identity {
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
	return id
}

// Identify is NewIdentity for a parameter that must not be empty.
func Identify(parameter, text string) (Identity, error) {
	id := NewIdentity(text)
	if id.Text == "" {
		return id, contract.InvalidParameter(parameter, text, "an object id in the tenant, a display name, a mail address, or the objectGUID, DN, SID or sAMAccountName of the object")
	}
	return id, nil
}

// GUID returns the object id or objectGUID, or zero if the name is not a GUID.
func (i *Identity) GUID() directory.GUID { return i.guid }

// IsUnique reports whether the identity is a GUID, a SID or a DN.
func (i *Identity) IsUnique() bool { return !i.guid.IsZero() || i.SID != "" || i.dn != nil }

// Names are all the names of a group or an object.
type Names struct {
	ID, TargetGUID    directory.GUID
	SID               directory.SID
	DN                string
	DisplayName, Mail string // in the tenant
	SAMAccountName    string
	CN, TargetName    string // the display name is written to AD too
}

// Rank returns how well the identity matches one of the names: 0 is no match, and higher
// is better. The tenant's names rank above those in AD, which others may write.
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

// Group reports whether the identity names this group of the tenant.
func (i *Identity) Group(g *directory.SourceGroup) bool {
	return i.Rank(&Names{ID: g.ID, DisplayName: g.DisplayName(), Mail: g.Properties.First("mail")}) > 0
}

// Object reports whether the identity names this object of AD.
func (i *Identity) Object(c *plan.Candidate) bool {
	return i.Rank(&Names{TargetGUID: c.GUID, SID: c.SID, DN: c.DN, CN: c.CN, SAMAccountName: c.SAMAccountName, TargetName: c.DisplayName(), Mail: c.Attributes.First("mail")}) > 0
}

// Objects returns the candidates that the identity names.
func (i *Identity) Objects(all []plan.Candidate) []plan.Candidate {
	var named []plan.Candidate
	for _, c := range all {
		if i.Object(&c) {
			named = append(named, c)
		}
	}
	return named
}

// Groups yields the groups and objects in the state that the filter selects.
func Groups(ctx context.Context, state contract.State, filter contract.GroupFilter) iter.Seq2[contract.GroupView, error] {
	return batch.Items(ctx, batch.ListBatch, func(ctx context.Context, after directory.GUID, limit int) ([]contract.GroupView, error) {
		return state.Groups(ctx, filter, after, limit)
	}, func(v contract.GroupView) directory.GUID { return v.Key })
}

// Known returns the groups and objects in the state that the identity names, and only
// those with the best rank.
func (i *Identity) Known(ctx context.Context, state contract.State) ([]contract.GroupView, error) {
	var found []contract.GroupView
	best := 0
	for v, err := range Groups(ctx, state, contract.GroupFilter{Name: i.Text, Exact: true}) {
		if err != nil {
			return nil, err
		}
		rank := i.Rank(NamesOf(&v))
		if rank > best {
			found, best = nil, rank
		}
		if rank == best {
			found = append(found, v)
		}
	}
	return found, nil
}

// NamesOf returns the names of the group.
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

// calledOne returns the group's name for messages.
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

// ErrUnknownGroup is the error for a name that matches nothing in the state.
func ErrUnknownGroup(text string) error {
	return &contract.Error{Category: contract.ObjectNotFound, ID: "GroupNotFound", Object: text, Message: "No group with this name or id is known.",
		Advice: "A cloud group is known after the first sync that follows its creation; groups that are synchronised from on-premises are never known. Start-GroupWritebackSync -Group shows step by step what happens to a group."}
}

// ErrNotLinked is the error for an object that stands for no group of the tenant.
func ErrNotLinked(v *contract.GroupView) error {
	return &contract.Error{Category: contract.InvalidState, ID: "GroupNotLinked", Object: v.DN,
		Message: fmt.Sprintf("The object does not belong to a group of the tenant: it is %s.", strings.ToLower(string(v.Situation))),
		Advice:  "Specify a group of the tenant. Set-GroupWriteback -AdoptGroup takes over a foreign object that carries the mark of one."}
}

// Called returns the names of the groups for messages.
func Called(views []contract.GroupView) []string {
	names := make([]string, len(views))
	for i := range views {
		names[i] = calledOne(&views[i])
	}
	return names
}

// maxCalled is how many candidates a message names.
const maxCalled = 10

// Ambiguous is the error for a name that matches several groups, the candidates.
func Ambiguous(text string, candidates []string) error {
	n := len(candidates)
	more := ""
	if n > maxCalled {
		candidates, more = candidates[:maxCalled], fmt.Sprintf("; and %d more", n-maxCalled)
	}
	return &contract.Error{Category: contract.InvalidArgument, ID: "GroupAmbiguous", Object: text,
		Message: fmt.Sprintf("%d groups match: %s%s.", n, strings.Join(candidates, "; "), more), Advice: "Specify the id of the group."}
}
