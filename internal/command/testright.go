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
		t.add(name, contract.Passed, "The token has no permissions that GroupWriteback does not use.", "")
		return
	}
	slices.Sort(more)
	t.add(name, contract.Warning, fmt.Sprintf("The token has permissions that GroupWriteback does not use: %s. Anyone who obtains the credential has them too.", listed(more)),
		"Remove these permissions from the app registration, or use a separate app registration for GroupWriteback.")
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
		t.skipped(rightNames[1:], contract.AsError(err).ID, "The rights cannot be read.")
		return
	}
	t.checkGroupRight(container, &audit.Group)
	t.checkOthers(container, &audit)
	switch {
	case !audit.Token:
		t.add(rightNames[2], contract.Skipped, "The domain controller does not report the groups of the account.", "")
	case len(audit.TierZero) > 0:
		t.add(rightNames[2], contract.Warning, fmt.Sprintf("The account is a member of %s and can take control of the domain. So can anyone who obtains its password.", listed(audit.TierZero)),
			"Remove it from these groups, including nested memberships, and delegate to it the rights in docs/permissions.md on the container.")
	default:
		t.add(rightNames[2], contract.Passed, "The account is not a member of a group that administers the domain.", "")
	}
	if len(audit.Outside) == 0 {
		t.add(rightNames[3], contract.Passed, "The account cannot change the objects that control the domain, or the objects above the container.", "")
		return
	}
	var places []string
	for _, o := range audit.Outside {
		places = append(places, o.DN+" ("+rightOf(&o)+")")
	}
	t.add(rightNames[3], contract.Warning, "The account has rights outside the container that it does not need: "+listed(places)+".",
		"Remove these rights, and delegate the rights in docs/permissions.md on the container only.")
}

func (t *tester) checkGroupRight(container contract.Container, g *contract.GroupRights) {
	const advice = "Delegate to the account, for group objects in this container: read and write all properties, delete, and read permissions."
	where, what := g.DN, "this group"
	if where == "" {
		where, what = container.DN, "the groups that it will create there"
	}
	var lacks []string
	if len(g.Missing) > 0 {
		lacks = append(lacks, "write "+strings.Join(g.Missing, ", "))
	}
	if g.Known && !g.Delete {
		lacks = append(lacks, "delete")
	}
	switch {
	case len(lacks) > 0:
		t.addError(rightNames[0], &contract.Error{Category: contract.PermissionDenied, ID: "GroupNoWriteRight", Object: where, Message: fmt.Sprintf("The account lacks rights on %s: %s.", what, strings.Join(lacks, "; ")), Advice: advice})
	case !g.Known:
		t.add(rightNames[0], contract.Warning, fmt.Sprintf("Cannot determine whether the account can delete %s, because it cannot read permissions.", what), advice)
	case g.DN == "":
		t.add(rightNames[0], contract.Passed, "According to the container's permissions, the account can write and delete "+what+".", "")
	default:
		t.add(rightNames[0], contract.Passed, "The account can write and delete a group there: "+g.DN+".", "")
	}
}

func (t *tester) checkOthers(container contract.Container, audit *contract.Audit) {
	const advice = "Remove the rights that are not intended. Anyone who can create groups there can imitate the groups of this product, which are then treated as foreign. Anyone who can change groups there can add a member, who stays until the next sync."
	var others []string
	for _, o := range audit.Others {
		others = append(others, meddling(&o))
	}
	switch {
	case len(others) > 0:
		message := "Others can create or change groups there: " + listed(others) + "."
		if audit.Unreadable > 0 {
			message += directory.Plural(audit.Unreadable, " The permissions of 1 more object cannot be read.", " The permissions of %d more objects cannot be read.")
		}
		t.add(rightNames[1], contract.Warning, message, advice)
	case audit.Unreadable > 0:
		t.add(rightNames[1], contract.Warning, "Cannot determine who else can create or change groups there: the account cannot read the permissions of "+directory.Count(audit.Unreadable, "object")+".",
			"Grant the account the right to read permissions in "+container.DN+".")
	default:
		t.add(rightNames[1], contract.Passed, "Apart from the account, only administrators can create or change groups there.", "")
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
