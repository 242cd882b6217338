package command

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/rights"
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
var rightNames = []string{"GroupRight", "SurplusRight", "OtherWriter", "AccountPrivilege", "OutsideRight", "CloudAuthority"}

// checkRights reports what the account may do to a group, who else may, and what else the
// account may do.
func (t *tester) checkRights(ctx context.Context, settings *contract.Settings, container contract.Container, group directory.GUID) {
	own, err := t.ownRights(ctx, settings, container, group)
	t.checkOwn(container, &own, err)
	t.checkAudit(ctx, container)
	t.checkPolicy(ctx)
}

// ownRights is what the account has, compared with what it needs.
type ownRights struct {
	account contract.Account
	group   string // the DN of the written group that was looked at, if there is one
	missing []rights.Need
	surplus []string // in words
}

// ownRights compares the access control lists of the container, and of a written group if
// there is one, with what the mapping in use needs.
func (t *tester) ownRights(ctx context.Context, settings *contract.Settings, container contract.Container, group directory.GUID) (own ownRights, err error) {
	if own.account, err = t.target.Account(ctx, string(t.targetID.AccountSID)); err != nil {
		return own, err
	}
	schema, err := t.target.RightsSchema(ctx)
	if err != nil {
		return own, err
	}
	list, err := t.target.AccessList(ctx, container.GUID)
	if err != nil {
		return own, err
	}
	attributes, err := neededAttributes(ctx, t.target, &t.targetID, t.mapping, settings)
	if err != nil {
		return own, err
	}
	needs := rights.Needs(schema, attributes)
	below := list.Descriptor.InheritedBy(rights.ClassGroup)
	var writable []string
	if !group.IsZero() {
		written, err := t.target.AccessList(ctx, group)
		if err != nil {
			return own, err
		}
		own.group, below, writable = written.DN, written.Descriptor, written.Writable
	}
	for _, need := range rights.Missing(needs, list.Descriptor, below, own.account.Token) {
		if need.Mask != descriptor.CreateChild { // that is a row of its own
			own.missing = append(own.missing, need)
		}
	}
	if own.group != "" {
		own.missing = append(own.missing, unwritable(needs, own.missing, writable)...)
	}
	names := descriptor.Names{Thing: schema.Thing, Trustee: func(directory.SID) string { return own.account.Name }}
	for _, entry := range rights.Surplus(list.Descriptor.Entries(), schema, attributes, own.account.SID) {
		own.surplus = append(own.surplus, strings.TrimSuffix(entry.Words(names), "."))
	}
	return own, nil
}

// unwritable returns the needs that are not among the missing ones, but that the domain
// controller itself says are not there: a conditional entry may deny them, for example. Of
// the attributes that a rename writes it says nothing.
func unwritable(needs, missing []rights.Need, writable []string) []rights.Need {
	return slices.DeleteFunc(slices.Clone(needs), func(n rights.Need) bool {
		fold := func(name string) bool { return strings.EqualFold(name, n.Attribute) }
		known := slices.ContainsFunc(missing, func(m rights.Need) bool { return m.Attribute == n.Attribute })
		return n.Attribute == "" || known || slices.ContainsFunc([]string{directory.AttrCN, "name"}, fold) || slices.ContainsFunc(writable, fold)
	})
}

// checkOwn reports what the account lacks in the container, and what it has beyond.
func (t *tester) checkOwn(container contract.Container, own *ownRights, err error) {
	const advice = "Test-GroupWriteback | Grant-GroupWritebackPermission -Credential (Get-Credential) grants the missing rights, with an account that can change permissions."
	if contract.HasID(err, "AccessListUnreadable") || contract.HasID(err, "AccountOfOtherDomain") {
		t.add(rightNames[0], contract.Warning, "Cannot determine what the account can do to groups: "+contract.AsError(err).Message, contract.AsError(err).Advice)
		t.skipped(rightNames[1:2], contract.AsError(err).ID, "The rights cannot be read.")
		return
	}
	if err != nil {
		t.addError(rightNames[0], err)
		t.skipped(rightNames[1:2], contract.AsError(err).ID, "The rights cannot be read.")
		return
	}
	has := func(mask uint32) bool {
		return !slices.ContainsFunc(own.missing, func(n rights.Need) bool { return n.Mask == mask })
	}
	where, lacks := own.group, cut(inWords(own.missing), "; ")
	if where == "" {
		where = container.DN
	}
	switch {
	case len(own.missing) == 0 && own.group == "":
		t.add(rightNames[0], contract.Passed, "According to the container's permissions, the account can write and delete the groups that it will create there.", "")
	case len(own.missing) == 0:
		t.add(rightNames[0], contract.Passed, "The account can write and delete a group there: "+own.group+".", "")
	case has(descriptor.Write) && has(descriptor.ReadProperty) && (has(descriptor.Delete) || has(descriptor.DeleteChild)):
		t.add(rightNames[0], contract.Warning, "The account can do everything that a run does, but lacks these rights: "+lacks+".", advice)
		t.names(own.account.SID, container)
	default:
		t.addError(rightNames[0], &contract.Error{Category: contract.PermissionDenied, ID: "GroupNoWriteRight", Object: where, Message: "The account lacks these rights: " + lacks + ".", Advice: advice})
		t.names(own.account.SID, container)
	}
	if len(own.surplus) == 0 {
		t.add(rightNames[1], contract.Passed, "The container's access control list gives the account no more than it needs.", "")
		return
	}
	t.add(rightNames[1], contract.Warning, "The account has entries in the container's access control list that give it more than it needs: "+listed(own.surplus)+".",
		"Run Grant-GroupWritebackPermission to grant what is needed, and then remove these entries.")
}

// inWords returns the needs in words.
func inWords(needs []rights.Need) []string {
	words := make([]string, len(needs))
	for i, n := range needs {
		words[i] = n.String()
	}
	return words
}

// names lets the last check name the account and the container, for
// Grant-GroupWritebackPermission.
func (t *tester) names(account directory.SID, container contract.Container) {
	last := &t.checks[len(t.checks)-1]
	last.Account, last.TargetContainer = account, container.DN
}

// checkPolicy reports whether domain controllers may refuse changes of groups that are
// marked as the cloud's.
func (t *tester) checkPolicy(ctx context.Context) {
	policy, err := t.target.SOAPolicy(ctx)
	switch {
	case err != nil:
		t.addError(rightNames[5], err)
	case !policy.There:
		t.add(rightNames[5], contract.Passed, "The domain has no policy that protects the cloud's objects, or none that the account can read.", "")
	case slices.Contains(policy.Allowed, t.targetID.AccountSID):
		t.add(rightNames[5], contract.Passed, "The domain protects objects marked as the cloud's (msDS-ObjectSoa), and the account is on the list of those that may change them.", "")
	default:
		t.add(rightNames[5], contract.Warning, "The domain protects objects marked as the cloud's (msDS-ObjectSoa), and the account is not on the list of those that may change them: changes and renames of marked groups can be refused.",
			"Add the SID "+string(t.targetID.AccountSID)+" to msDS-Settings of CN=Cloud,CN=SOA-Policies,CN=System if groups of ours are marked, as with -MarkCloudAuthority.")
	}
}

// checkAudit reports who else may change groups, and what the account may do elsewhere.
func (t *tester) checkAudit(ctx context.Context, container contract.Container) {
	names := rightNames[2:5]
	audit, err := t.target.Audit(ctx, container.GUID)
	if err != nil {
		t.addError(names[0], err)
		t.skipped(names[1:], contract.AsError(err).ID, "The rights cannot be read.")
		return
	}
	t.checkOthers(container, &audit)
	switch {
	case !audit.Token:
		t.add(names[1], contract.Skipped, "The domain controller does not report the groups of the account.", "")
	case len(audit.TierZero) > 0:
		t.add(names[1], contract.Warning, fmt.Sprintf("The account is a member of %s and can take control of the domain. So can anyone who obtains its password.", listed(audit.TierZero)),
			"Remove it from these groups, including nested memberships, and delegate to it the rights in docs/permissions.md on the container.")
	default:
		t.add(names[1], contract.Passed, "The account is not a member of a group that administers the domain.", "")
	}
	if len(audit.Outside) == 0 {
		t.add(names[2], contract.Passed, "The account cannot change the objects that control the domain, or the objects above the container.", "")
		return
	}
	var places []string
	for _, o := range audit.Outside {
		places = append(places, o.DN+" ("+rightOf(&o)+")")
	}
	t.add(names[2], contract.Warning, "The account has rights outside the container that it does not need: "+listed(places)+".",
		"Remove these rights, and delegate the rights in docs/permissions.md on the container only.")
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
		t.add(rightNames[2], contract.Warning, message, advice)
	case audit.Unreadable > 0:
		t.add(rightNames[2], contract.Warning, "Cannot determine who else can create or change groups there: the account cannot read the permissions of "+directory.Count(audit.Unreadable, "object")+".",
			"Grant the account the right to read permissions in "+container.DN+".")
	default:
		t.add(rightNames[2], contract.Passed, "Apart from the account, only administrators can create or change groups there.", "")
	}
}

func rightOf(o *contract.OutsideRight) string {
	var parts []string
	if o.Control {
		parts = append(parts, "change its permissions or owner")
	}
	if o.Restore {
		parts = append(parts, "restore deleted objects")
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
