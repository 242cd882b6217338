package plan

import (
	"crypto/sha256"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"groupwriteback/internal/directory"
)

// Holder is an object that has a name which a group should get.
type Holder struct {
	GUID directory.GUID
	DN   string
}

// Names finds groups of one plan that would get the same name. It keeps a hash of each
// name that is given out, with the id of its group, in some 50 bytes; an unchanged group
// costs nothing.
type Names struct {
	given map[nameKey]directory.GUID
}

// nameKey is the beginning of the SHA-256 of an attribute and a folded name.
type nameKey [16]byte

func keyOf(attribute, name string) nameKey {
	sum := sha256.Sum256([]byte(attribute + "\x00" + strings.ToLower(name)))
	return nameKey(sum[:len(nameKey{})])
}

// Take gives out the names that the change sets. It returns the changes to make instead:
// the change itself, or what remains after a clash with an earlier change or with one of
// the holders (nil: the name is free in AD). In a clash the group is skipped; it never
// gets another name (rule 22).
func (n *Names) Take(c Change, cn, sam *Holder) []Change {
	if n.given == nil {
		n.given = map[nameKey]directory.GUID{}
	}
	if cn != nil && cn.GUID != c.TargetGUID {
		return clash(c, fmt.Sprintf("The name %s is taken by %s.", NewName(&c, directory.AttrCN), cn.DN))
	}
	if sam != nil && sam.GUID != c.TargetGUID {
		return clash(c, fmt.Sprintf("The sAMAccountName %s is taken by %s.", NewName(&c, directory.AttrSAMAccountName), sam.DN))
	}
	for _, attribute := range []string{directory.AttrCN, directory.AttrSAMAccountName} {
		name := NewName(&c, attribute)
		if name == "" {
			continue
		}
		key := keyOf(attribute, name)
		if attribute == directory.AttrCN { // a cn is unique in its container, the other one in the domain
			key = keyOf(attribute+" in "+c.Container.String(), name)
		}
		if other, taken := n.given[key]; taken {
			return clash(c, fmt.Sprintf("The same run gives the %s %s to the group with the id %s.", attribute, name, other))
		}
		n.given[key] = c.SourceID
	}
	return []Change{c}
}

// NeedsName reports whether the change gives the object a name or a place.
func NeedsName(c *Change) bool {
	return c.Action == Create || c.Action == Move || NewName(c, directory.AttrCN) != ""
}

// NewName returns the cn or sAMAccountName that the change gives the object, or "". A group
// that is moved without being renamed takes its cn along.
func NewName(c *Change, attribute string) string {
	if values, ok := c.Attribute(attribute); ok && len(values) == 1 {
		return values[0]
	}
	if dn, err := directory.ParseDN(c.DN); err == nil && len(dn) > 0 && c.Action == Move && attribute == directory.AttrCN {
		return dn[0].Value
	}
	return ""
}

// clash turns a change that cannot have its name into a skip and, if the object already
// exists, the rest of the change.
func clash(c Change, message string) []Change {
	s := Change{Action: Skip, Situation: c.Situation, SourceID: c.SourceID, TargetGUID: c.TargetGUID, DisplayName: c.DisplayName,
		DN: c.DN, Reason: ReasonNameClash, Message: message + " Rename or move that object. Every run tries the group again."}
	if c.Action == Create {
		return []Change{s}
	}
	if rest := withoutPlace(&c); rest != nil {
		return []Change{s, *rest}
	}
	return []Change{s}
}

// withoutPlace returns the attributes of a change whose place and name do not come about,
// or nil if there are none.
func withoutPlace(c *Change) *Change {
	rest := *c
	if c.Action == Move {
		rest.Action, rest.Reason, rest.Message = Update, "", ""
	}
	rest.Attributes = slices.DeleteFunc(slices.Clone(c.Attributes), isName)
	if len(rest.Attributes) == 0 {
		return nil
	}
	return &rest
}

func isName(a AttributeChange) bool { return a.Name == directory.AttrCN }

// Addresses finds groups of one plan that would get the same address. It keeps the
// addresses that are given out, some 30 bytes each.
type Addresses struct {
	given map[uint64]directory.GUID // hash of the key -> the group that gets it
	seed  maphash.Seed
}

// Claim gives out the addresses and aliases of the keys to the group, and adds those that
// an earlier group of the plan got to the ones that are taken.
func (a *Addresses) Claim(p *Pair, keys []string) {
	if a.given == nil {
		a.given, a.seed = map[uint64]directory.GUID{}, maphash.MakeSeed()
	}
	for _, key := range keys {
		hash := maphash.String(a.seed, key)
		switch by, given := a.given[hash]; {
		case given && by != p.ID:
			p.Taken[key] = append(p.Taken[key], Holder{DN: "the cloud group " + by.String() + ", which gets it in the same run"})
		case len(p.Taken[key]) == 0:
			a.given[hash] = p.ID
		}
	}
}
