package ad

import (
	"strings"
	"testing"

	"groupwriteback/internal/directory"
)

func TestWhatKeepsRightsAway(t *testing.T) {
	deny := func(trustee directory.SID, mask uint32, flags byte) directory.ACE {
		return directory.ACE{Denies: true, Trustee: trustee, Mask: mask, Flags: flags}
	}
	for name, c := range map[string]struct {
		descriptor directory.Descriptor
		adminCount bool
		want       string
	}{
		"nothing":                 {directory.Descriptor{}, false, ""},
		"protected from deletion": {directory.Descriptor{DACL: []directory.ACE{deny(directory.Everyone, rightDelete|rightDeleteTree, 0)}}, false, "accidental deletion"},
		"only below":              {directory.Descriptor{DACL: []directory.ACE{deny(directory.Everyone, rightDelete, directory.ACEInheritOnly)}}, false, ""},
		"denied to one account":   {directory.Descriptor{DACL: []directory.ACE{deny("S-1-5-21-1-2-3-1104", rightDelete, 0)}}, false, ""},
		"another right denied":    {directory.Descriptor{DACL: []directory.ACE{deny(directory.Everyone, 0x20, 0)}}, false, ""},
		"allowed":                 {directory.Descriptor{DACL: []directory.ACE{{Trustee: directory.Everyone, Mask: rightDelete}}}, false, ""},
		"inheritance is off":      {directory.Descriptor{Protected: true}, false, "inheritance is off"},
		"AdminSDHolder":           {directory.Descriptor{Protected: true}, true, "AdminSDHolder"},
	} {
		why, advice := guarded{c.descriptor, c.adminCount}.hindrance("delete the group")
		if c.want == "" && why != "" || !strings.Contains(why, c.want) || (why == "") != (advice == "") {
			t.Errorf("%s: %q, %q", name, why, advice)
		}
	}
	protected := directory.Descriptor{DACL: []directory.ACE{deny(directory.Everyone, rightDelete, 0)}}
	if why, _ := (guarded{descriptor: protected}).hindrance("rename the group"); why != "" {
		t.Errorf("a protection from deletion keeps away no other right: %q", why)
	}
}
