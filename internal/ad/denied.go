package ad

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// refused translates what ended a write to the object at base. Where a right is
// lacking the error names it, the object, and what of the object stands in the
// way of rights that its container gives.
func (t *target) refused(ctx context.Context, object, base, right string, err error) error {
	err = t.writeError(ctx, object, err)
	if !contract.HasID(err, "AccessDenied") {
		return err
	}
	denied := *contract.AsError(err)
	denied.Message = fmt.Sprintf("%s refused to let the account %s.", t.server.host, right)
	denied.Advice = fmt.Sprintf("Give the account the right to %s, best by delegating full control of groups in the target container.", right)
	e, readErr := t.pool.read(ctx, query{base: base, attributes: []string{"adminCount", attrDescriptor}, sdFlags: sdDACL})
	if readErr != nil || e == nil {
		return &denied
	}
	if strings.HasPrefix(base, "<") { // else it is the container of a new group
		denied.Object = e.DN
	}
	// An account that may not read the list still learns of adminCount.
	descriptor, _ := directory.ParseDescriptor(e.GetRawAttributeValue(attrDescriptor))
	if why, advice := hindrance(&descriptor, e.GetAttributeValue("adminCount") == "1", deletes(right)); why != "" {
		denied.Message += " " + why
		denied.Advice = advice
	}
	return &denied
}

// deletes reports whether the right is one of those that a protection from
// deletion keeps away; containers have it too.
func deletes(right string) bool {
	return strings.HasPrefix(right, "delete") || strings.HasPrefix(right, "move")
}

// hindrance says what of an object keeps rights away that are given further up,
// and what to do.
func hindrance(d *directory.Descriptor, adminCount, deleting bool) (why, advice string) {
	switch {
	case adminCount:
		return "AdminSDHolder keeps its access control list (adminCount is 1), because it is or once was in a group with administrative rights.",
			"Take it out of such groups, clear adminCount, and switch inheritance on for the object again."
	case deleting && slices.ContainsFunc(d.DACL, protects):
		return "It is protected from accidental deletion: everyone is denied to delete it.",
			"Take the protection away (Object, \"Protect object from accidental deletion\"), and let the next sync try again."
	case d.Protected:
		return "It inherits no rights from its container: inheritance is off.",
			"Switch inheritance on for the object (Security, Advanced), or give the account the right on the object itself."
	}
	return "", ""
}

func protects(e directory.ACE) bool {
	return e.Denies && e.Trustee == directory.Everyone && e.Mask&(rightDelete|rightDeleteTree) != 0 && e.Flags&directory.ACEInheritOnly == 0
}
