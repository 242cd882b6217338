package command

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// documentedRoles are the permissions of docs/permissions.md and those that the token of
// a signed-in user has anyway.
var documentedRoles = []string{
	"GroupMember.Read.All", "User.Read.All", "Group.Read.All", "Member.Read.Hidden", "GroupSettings.Read.All",
	"Organization.Read.All", "Directory.Read.All", "OnPremDirectorySynchronization.Read.All",
	"openid", "profile", "email", "offline_access", "User.Read",
}

// shownNames is how many names a message lists; it only counts the rest.
const shownNames = 5

// checkRoles warns of permissions that nothing here needs, because anybody who gets hold
// of the credential has them too.
func (t *tester) checkRoles(name string, roles []string) {
	var more []string
	for _, role := range roles {
		if !slices.ContainsFunc(documentedRoles, func(r string) bool { return strings.EqualFold(r, role) }) {
			more = append(more, role)
		}
	}
	if len(more) == 0 {
		t.add(name, contract.Passed, "The token allows nothing that is not used.", "")
		return
	}
	slices.Sort(more)
	t.add(name, contract.Warning, fmt.Sprintf("The token allows more than is used: %s. Whoever gets hold of the credential may do that, too.", listed(more)),
		"Remove these permissions from the app registration, or use one of its own for GroupWriteback.")
}

// rightNames are the rows of checkRights, in order.
var rightNames = []string{"GroupRight", "OtherWriter", "AccountPrivilege", "OutsideRight"}

// checkRights reports what the account may do to a group, who else may, and what else the
// account may do.
func (t *tester) checkRights(ctx context.Context, settings *contract.Settings, container contract.Container, group directory.GUID) {
	mapping := t.mapping.Compile(t.targetID.Schema.Attributes, !settings.ExcludeMailAttribute)
	attributes := append([]string{"member", directory.AttrGroupType}, mapping.Attributes()...)
	audit, err := t.target.Audit(ctx, container.GUID, group, attributes)
	if err != nil {
		t.addError(rightNames[0], err)
		t.skipped(rightNames[1:], contract.AsError(err).ID, "Rights cannot be read.")
		return
	}
	t.checkGroupRight(container, &audit.Group)
	t.checkOthers(container, &audit)
	switch {
	case !audit.Token:
		t.add(rightNames[2], contract.Skipped, "The directory does not tell in which groups the account is.", "")
	case len(audit.TierZero) > 0:
		t.add(rightNames[2], contract.Warning, fmt.Sprintf("The account is a member of %s, by which it is master of the domain. Whoever gets hold of its password is that, too.", listed(audit.TierZero)),
			"Take it out of these groups, also where it is in them by another group, and delegate the rights of docs/permissions.md in the container to it.")
	default:
		t.add(rightNames[2], contract.Passed, "The account is in no group that administers the domain.", "")
	}
	if len(audit.Outside) == 0 {
		t.add(rightNames[3], contract.Passed, "The account may change nothing in the places that administer the domain, nor above the container.", "")
		return
	}
	var places []string
	for _, o := range audit.Outside {
		places = append(places, o.DN+" ("+rightOf(&o)+")")
	}
	t.add(rightNames[3], contract.Warning, "The account has rights outside of the container that it does not need: "+listed(places)+".",
		"Take these rights away, and delegate those of docs/permissions.md in the container alone.")
}

func (t *tester) checkGroupRight(container contract.Container, g *contract.GroupRights) {
	const advice = "Delegate to the account reading and writing all properties, deletion and the reading of permissions of the group objects below this container."
	where, what := g.DN, "this group"
	if where == "" {
		where, what = container.DN, "the groups that it will create there"
	}
	var lacks []string
	if len(g.Missing) > 0 {
		lacks = append(lacks, "write "+strings.Join(g.Missing, ", "))
	}
	if g.Known && !g.Delete {
		lacks = append(lacks, "delete it")
	}
	switch {
	case len(lacks) > 0:
		t.addError(rightNames[0], &contract.Error{Category: contract.PermissionDenied, ID: "GroupNoWriteRight", Object: where, Message: fmt.Sprintf("The account may not %s: of %s.", strings.Join(lacks, ", nor "), what), Advice: advice})
	case !g.Known:
		t.add(rightNames[0], contract.Warning, fmt.Sprintf("Whether the account may delete %s cannot be told, since it may not read permissions.", what), advice)
	case g.DN == "":
		t.add(rightNames[0], contract.Passed, "By the permissions of the container, the account may write and delete "+what+".", "")
	default:
		t.add(rightNames[0], contract.Passed, "The account may write and delete a group there: "+g.DN+".", "")
	}
}

func (t *tester) checkOthers(container contract.Container, audit *contract.Audit) {
	const advice = "Take these rights away where they are not meant. Whoever may create groups there can imitate those of this product, which then are foreign; whoever may change them can make somebody a member until the next sync."
	var others []string
	for _, o := range audit.Others {
		others = append(others, meddling(&o))
	}
	switch {
	case len(others) > 0:
		message := "Others may create or change groups there: " + listed(others) + "."
		if audit.Unreadable > 0 {
			message += directory.Plural(audit.Unreadable, " The permissions of 1 more object cannot be read.", " The permissions of %d more objects cannot be read.")
		}
		t.add(rightNames[1], contract.Warning, message, advice)
	case audit.Unreadable > 0:
		t.add(rightNames[1], contract.Warning, "Who else may create or change groups there cannot be told: the account may not read the permissions of "+directory.Count(audit.Unreadable, "object")+".",
			"Let the account read the permissions in "+container.DN+".")
	default:
		t.add(rightNames[1], contract.Passed, "Besides the account only administrators may create or change groups there.", "")
	}
}

func rightOf(o *contract.OutsideRight) string {
	var parts []string
	if o.Control {
		parts = append(parts, "change its permissions or owner")
	}
	if len(o.Create) > 0 {
		parts = append(parts, "create "+shortened(o.Create))
	}
	if len(o.Write) > 0 {
		parts = append(parts, "write "+shortened(o.Write))
	}
	return strings.Join(parts, "; ")
}

func meddling(m *contract.Meddler) string {
	name := m.Name
	if name == "" {
		name = string(m.SID)
	}
	may := "changes"
	if m.Create && m.Change {
		may = "creates and changes"
	} else if m.Create {
		may = "creates"
	}
	if m.Objects > 1 {
		return fmt.Sprintf("%s (%s, by %s and %d more)", name, may, m.DN, m.Objects-1)
	}
	return fmt.Sprintf("%s (%s, by %s)", name, may, m.DN)
}

func listed(names []string) string { return cut(names, "; ") }

func shortened(names []string) string { return cut(names, ", ") }

func cut(names []string, separator string) string {
	if more := len(names) - shownNames; more > 0 {
		return strings.Join(names[:shownNames], separator) + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, separator)
}
