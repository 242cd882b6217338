package ad

import (
	"strings"
	"testing"

	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
)

func TestWhatKeepsRightsAway(t *testing.T) {
	deny := func(trustee directory.SID, mask uint32, flags byte) descriptor.ACE {
		return descriptor.ACE{Type: descriptor.Denied, Trustee: trustee, Mask: mask, Flags: flags}
	}
	for name, c := range map[string]struct {
		of         descriptor.Descriptor
		adminCount bool
		want       string
	}{
		"nothing":                 {descriptor.Descriptor{}, false, ""},
		"protected from deletion": {descriptor.New().With([]descriptor.ACE{deny(directory.Everyone, descriptor.Delete|descriptor.DeleteTree, 0)}), false, "accidental deletion"},
		"only below":              {descriptor.New().With([]descriptor.ACE{deny(directory.Everyone, descriptor.Delete, descriptor.InheritOnly)}), false, ""},
		"denied to one account":   {descriptor.New().With([]descriptor.ACE{deny("S-1-5-21-1-2-3-1104", descriptor.Delete, 0)}), false, ""},
		"another right denied":    {descriptor.New().With([]descriptor.ACE{deny(directory.Everyone, 0x20, 0)}), false, ""},
		"allowed":                 {descriptor.New().With([]descriptor.ACE{{Trustee: directory.Everyone, Mask: descriptor.Delete}}), false, ""},
		"inheritance is off":      {withoutInheritance(t), false, "Inheritance is disabled"},
		"AdminSDHolder":           {withoutInheritance(t), true, "AdminSDHolder"},
	} {
		why, advice := guarded{c.of, c.adminCount}.hindrance("delete the group")
		if c.want == "" && why != "" || !strings.Contains(why, c.want) || (why == "") != (advice == "") {
			t.Errorf("%s: %q, %q", name, why, advice)
		}
	}
	protected := descriptor.New().With([]descriptor.ACE{deny(directory.Everyone, descriptor.Delete, 0)})
	if why, _ := (guarded{descriptor: protected}).hindrance("rename the group"); why != "" {
		t.Errorf("a protection from deletion keeps away no other right: %q", why)
	}
}

// withoutInheritance returns a descriptor whose list inherits nothing.
func withoutInheritance(t *testing.T) descriptor.Descriptor {
	d, err := descriptor.Parse(append([]byte{1, 0, 4, 0x90}, make([]byte, 16)...))
	if err != nil {
		t.Fatal(err)
	}
	return d
}
