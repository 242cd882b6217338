package contract

import (
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/plan"
)

// The application permissions. A token needs one of each list.
var (
	groupRoles   = []string{"GroupMember.Read.All", "GroupMember.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	userRoles    = []string{"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	DeletedRoles = []string{"Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	HiddenRoles  = []string{"Member.Read.Hidden"}
)

// HasOne reports whether the token has one of the permissions, ignoring letter case.
func (id *SourceIdentity) HasOne(of []string) bool {
	return slices.ContainsFunc(id.Roles, func(role string) bool {
		return slices.ContainsFunc(of, func(r string) bool { return strings.EqualFold(r, role) })
	})
}

// RequirePermissions refuses a token that would make members look as if they had no
// account on-premises (rule 7).
func (id *SourceIdentity) RequirePermissions() error {
	var missing []string
	if !id.HasOne(groupRoles) {
		missing = append(missing, "GroupMember.Read.All")
	}
	if !id.HasOne(userRoles) {
		missing = append(missing, "User.Read.All")
	}
	if missing == nil {
		return nil
	}
	names := strings.Join(missing, " and ")
	return &Error{Category: PermissionDenied, ID: "PermissionMissing", Object: "application " + id.AppID,
		Message: fmt.Sprintf("The access token lacks %s.", names),
		Advice:  fmt.Sprintf("Grant the application permission %s in Entra with admin consent, and connect again.", names)}
}

// Permission is an application permission that the settings in use need.
type Permission struct {
	Name   string
	Reason string // a sentence
	// Includes are the permissions of which each allows the same.
	Includes []string
}

// Permissions returns the fewest permissions that allow everything that these settings
// switch on.
func (s *Settings) Permissions() []Permission {
	needed := []Permission{
		{"Group.Read.All", "Reads groups, their members and their changes, and tells deleted groups from unreadable ones. With GroupMember.Read.All instead, no group is ever deleted from Active Directory.", DeletedRoles},
		{"User.Read.All", "Reads the attributes that join a member to its account in Active Directory, and their changes.", userRoles},
	}
	if s.IncludeHiddenMembership {
		needed = append(needed, Permission{"Member.Read.Hidden", "Reads the members of groups of hidden membership, which -IncludeHiddenMembership writes.", HiddenRoles})
	}
	if s.Scope.Groups == plan.ScopeWritebackEnabled {
		needed = append(needed, Permission{"GroupSettings.Read.All", "Reads the tenant's default for new groups, which counts with the scope WritebackEnabled.",
			[]string{"GroupSettings.Read.All", "GroupSettings.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}})
	}
	return needed
}
