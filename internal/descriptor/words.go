package descriptor

import (
	"slices"
	"strings"

	"groupwriteback/internal/directory"
)

// Names says what people call the things that an entry mentions. A function that does not
// know one returns "".
type Names struct {
	Trustee func(directory.SID) string
	// Thing names a class, an attribute, a property set or an extended right.
	Thing func(directory.GUID) string
}

// Words returns the entry as one sentence, such as "Allow CONTOSO\svc-gwb to write member
// of group objects below."
func (e ACE) Words(names Names) string {
	verb := "Allow"
	switch {
	case !e.Known():
		return "An entry of type " + typeOf(e.Type) + ", which is left as it is."
	case e.Denies():
		verb = "Deny"
	case !e.Allows():
		verb = "Audit"
	}
	s := verb + " " + nameOr(names.Trustee, e.Trustee, string(e.Trustee)) + " to " + and(e.rights(names)) + ", " + e.where(names)
	if e.Conditional() {
		s += ", under a condition"
	}
	if !e.Explicit() {
		s += ", inherited from above"
	}
	return s + "."
}

func nameOr[K comparable](name func(K) string, key K, otherwise string) string {
	if name != nil {
		if s := name(key); s != "" {
			return s
		}
	}
	return otherwise
}

// rightWords are the rights in words; of completes those that can be limited to a thing.
var rightWords = []struct {
	bit   uint32
	all   string // of everything
	thing string // of one thing; empty: the right is not about things
}{
	{CreateChild, "create child objects", "create child objects of class "},
	{DeleteChild, "delete child objects", "delete child objects of class "},
	{ListChildren, "list the content", ""},
	{ListObject, "list the object", ""},
	{ReadProperty, "read all properties", "read "},
	{Write, "write all properties", "write "},
	{Self, "make all validated writes", "make the validated write "},
	{Control, "use all extended rights", "use the extended right "},
	{Delete, "delete the object", ""},
	{DeleteTree, "delete the object with all below it", ""},
	{ReadControl, "read its permissions", ""},
	{WriteDAC, "change its permissions", ""},
	{WriteOwner, "take ownership", ""},
}

func (e ACE) rights(names Names) []string {
	mask := Specific(e.Mask)
	if mask&FullControl == FullControl && e.Object.IsZero() {
		return []string{"control everything"}
	}
	var words []string
	for _, w := range rightWords {
		switch {
		case mask&w.bit == 0:
		case e.Object.IsZero() || w.thing == "":
			words = append(words, w.all)
		default:
			words = append(words, w.thing+nameOr(names.Thing, e.Object, e.Object.String()))
		}
	}
	if len(words) == 0 {
		words = []string{"do nothing"}
	}
	return words
}

// where says to which objects the entry applies.
func (e ACE) where(names Names) string {
	below := e.Flags&ContainerInherit != 0
	objects := "all objects"
	if !e.InheritedBy.IsZero() {
		objects = nameOr(names.Thing, e.InheritedBy, e.InheritedBy.String()) + " objects"
	}
	switch {
	case below && e.Here():
		return "on this object and " + objects + " below"
	case below:
		return "on " + objects + " below"
	case e.Here():
		return "on this object alone"
	}
	return "on nothing"
}

func and(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	words = slices.Clone(words)
	last := words[len(words)-1]
	return strings.Join(words[:len(words)-1], ", ") + " and " + last
}
