package contract

import (
	"fmt"
	"slices"
	"strings"
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
