package plan

import (
	"fmt"
	"strings"

	"groupwriteback/internal/directory"
)

// Holder is an object that has a name which a group should get.
type Holder struct {
	GUID directory.GUID
	DN   string
}

// Names finds groups of one plan that would get the same name. It keeps the names that
// are given out, some 200 bytes each; an unchanged group costs nothing.
type Names struct {
	cn, sam map[string]string // folded name -> display name and id of the group that gets it
}

// Take gives out the names that the change sets. It returns the changes to make instead:
// the change itself, or what remains after a clash with an earlier change or with one of
// the holders (nil: the name is free in AD). In a clash the group is skipped; it never
// gets another name (rule 22).
func (n *Names) Take(c Change, cn, sam *Holder) []Change {
	if n.cn == nil {
		n.cn, n.sam = map[string]string{}, map[string]string{}
	}
	if cn != nil && cn.GUID != c.TargetGUID {
		return clash(c, fmt.Sprintf("The name %s is held by %s.", newName(&c, directory.AttrCN), cn.DN))
	}
	if sam != nil && sam.GUID != c.TargetGUID {
		return clash(c, fmt.Sprintf("The sAMAccountName %s is held by %s.", newName(&c, directory.AttrSAMAccountName), sam.DN))
	}
	who := fmt.Sprintf("%s (%s)", c.DisplayName, c.SourceID)
	for _, given := range []struct {
		names map[string]string
		attr  string
	}{{n.cn, directory.AttrCN}, {n.sam, directory.AttrSAMAccountName}} {
		name := newName(&c, given.attr)
		if name == "" {
			continue
		}
		if other, taken := given.names[strings.ToLower(name)]; taken {
			return clash(c, fmt.Sprintf("The %s %s is given to the group %s in the same run.", given.attr, name, other))
		}
		given.names[strings.ToLower(name)] = who
	}
	return []Change{c}
}

// NeedsName reports whether the change gives the object a name or a place.
func NeedsName(c *Change) bool {
	return c.Action == Create || c.Action == Move || newName(c, directory.AttrCN) != ""
}

func newName(c *Change, attr string) string {
	if values, ok := c.Attribute(attr); ok && len(values) == 1 {
		return values[0]
	}
	return ""
}

// clash turns a change that cannot have its name into a skip and, if the object already
// exists, the rest of the change.
func clash(c Change, message string) []Change {
	s := Change{Action: Skip, Situation: c.Situation, SourceID: c.SourceID, TargetGUID: c.TargetGUID, DisplayName: c.DisplayName,
		DN: c.DN, Reason: ReasonNameClash, Message: message + " Rename or move that object; the group is tried again by every run."}
	if c.Action == Create || c.Action == Move {
		return []Change{s}
	}
	rest := c
	rest.Attributes = nil
	for _, a := range c.Attributes {
		if a.Name != directory.AttrCN {
			rest.Attributes = append(rest.Attributes, a)
		}
	}
	if len(rest.Attributes) == 0 {
		return []Change{s}
	}
	return []Change{s, rest}
}
