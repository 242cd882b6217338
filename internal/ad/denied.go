package ad

import (
	"context"
	"slices"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
)

// refused translates the error that ended a write to the object at base. If a right is
// missing, the error names the right and the object, and says what on the object blocks
// the rights that its container grants.
func (t *target) refused(ctx context.Context, object, base, right string, err error) error {
	err = t.writeError(ctx, object, right, err)
	if !contract.HasID(err, "AccessDenied") {
		return err
	}
	denied := *contract.AsError(err)
	e, readErr := t.pool.read(ctx, query{base: base, attributes: []string{attrAdminCount, attrDescriptor}, sdFlags: sdDACL})
	if readErr != nil || e == nil {
		return &denied
	}
	if strings.HasPrefix(base, "<") { // otherwise base is the container of a new group
		denied.Object = e.DN
	}
	// An account that may not read the DACL still learns about adminCount.
	d, _ := descriptor.Parse(e.GetRawAttributeValue(attrDescriptor))
	guarded := guarded{descriptor: d, adminCount: e.GetAttributeValue(attrAdminCount) == "1"}
	if why, advice := guarded.hindrance(right); why != "" {
		denied.Message += " " + why
		denied.Advice = advice
	}
	return &denied
}

// deletes reports whether protection from accidental deletion blocks the right.
// Containers can have that protection too.
func deletes(right string) bool {
	return strings.HasPrefix(right, "delete") || strings.HasPrefix(right, "move")
}

// guarded holds what on an object can block rights that are granted further up.
type guarded struct {
	descriptor descriptor.Descriptor
	adminCount bool // adminCount is 1
}

// hindrance returns what blocks the right, and what to do about it.
func (g guarded) hindrance(right string) (why, advice string) {
	switch {
	case g.adminCount:
		return "AdminSDHolder controls its permissions (adminCount is 1), because it is or was a member of an administrative group.",
			"Remove it from administrative groups, clear adminCount, and enable inheritance on the object."
	case deletes(right) && slices.ContainsFunc(g.descriptor.Entries(), protects):
		return "It is protected from accidental deletion.",
			"Clear \"Protect object from accidental deletion\" on the Object tab. The next sync tries again."
	case g.descriptor.Protected():
		return "Inheritance is disabled on the object, so it gets no rights from its container.",
			"Enable inheritance on the object (Security, Advanced), or grant the account the right on the object itself."
	}
	return "", ""
}

func protects(e descriptor.ACE) bool {
	return e.Denies() && e.Trustee == directory.Everyone && e.Mask&(descriptor.Delete|descriptor.DeleteTree) != 0 && e.Here()
}
