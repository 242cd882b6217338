package plan

import (
	"slices"

	"groupwriteback/internal/directory"
)

// released plans a group that an administrator has let go of (rule 24). It removes our
// stamp and changes nothing else. The mark stays, because it truthfully says which group
// the object stands for, and nothing else keeps another installation from creating the
// group again. Nothing is created.
func released(p *Pair, r *Rules) []Change {
	const stays = "The group was released. It is left unchanged until you take it over with -AdoptGroup."
	var changes []Change
	for i := range p.Candidates {
		c := &p.Candidates[i]
		kept := slices.DeleteFunc(slices.Clone(c.ExtensionName), r.isOurValue)
		change := skip(p, c, ReasonReleased, stays)
		if c.Ours(p.ID, r) && len(kept) < len(c.ExtensionName) && Protection(&c.TargetGroup) == "" {
			change.Action, change.Message = Update, "The group was released. Our stamp is removed, and the group is left unchanged from now on."
			change.Attributes = []AttributeChange{{Name: directory.AttrExtensionName, Old: c.ExtensionName, New: kept, Shared: true}}
		} else if !c.Linked {
			change.Situation = Foreign
		}
		changes = append(changes, change)
	}
	if changes == nil && p.Source != nil {
		changes = []Change{skip(p, nil, ReasonReleased, stays+" It has no object, and none is created.")}
	}
	return changes
}
