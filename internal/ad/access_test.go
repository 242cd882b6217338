package ad

import (
	"testing"

	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
)

func TestMeddlers(t *testing.T) {
	const who = directory.SID("S-1-5-21-1-2-3-1")
	const below, only = descriptor.ContainerInherit, descriptor.InheritOnly
	user := directory.MustGUID("bf967aba-0de6-11d0-a285-00aa003049e2")
	phone := directory.MustGUID("bf967a49-0de6-11d0-a285-00aa003049e2")
	both := meddling{create: true, change: true}
	for name, c := range map[string]struct {
		e     descriptor.ACE
		unit  meddling // what it means in the DACL of a container
		group meddling // what it means in the DACL of a group
	}{
		"create groups":            {descriptor.ACE{Mask: descriptor.CreateChild, Object: classGroup}, meddling{create: true}, meddling{}},
		"create anything":          {descriptor.ACE{Mask: descriptor.CreateChild}, meddling{create: true}, meddling{}},
		"create users":             {descriptor.ACE{Mask: descriptor.CreateChild, Object: user}, meddling{}, meddling{}},
		"create in units below":    {descriptor.ACE{Flags: below | only, InheritedBy: classUnit, Mask: descriptor.CreateChild}, meddling{create: true}, meddling{}},
		"create in users below":    {descriptor.ACE{Flags: below | only, InheritedBy: user, Mask: descriptor.CreateChild}, meddling{}, meddling{}},
		"write to it":              {descriptor.ACE{Mask: descriptor.Write}, meddling{}, meddling{change: true}},
		"write to what is below":   {descriptor.ACE{Flags: below, Mask: descriptor.Write}, meddling{change: true}, meddling{change: true}},
		"write to groups below":    {descriptor.ACE{Flags: below | only, InheritedBy: classGroup, Mask: descriptor.Write}, meddling{change: true}, meddling{}},
		"write to users below":     {descriptor.ACE{Flags: below | only, InheritedBy: user, Mask: descriptor.Write}, meddling{}, meddling{}},
		"write members below":      {descriptor.ACE{Flags: below | only, InheritedBy: classGroup, Object: guidMember, Mask: descriptor.Write}, meddling{change: true}, meddling{}},
		"write the mark below":     {descriptor.ACE{Flags: below | only, Object: guidAdminDesc, Mask: descriptor.Write}, meddling{change: true}, meddling{}},
		"write a telephone number": {descriptor.ACE{Flags: below, Object: phone, Mask: descriptor.Write}, meddling{}, meddling{}},
		"add himself":              {descriptor.ACE{Flags: below, Object: guidMember, Mask: descriptor.Self}, meddling{change: true}, meddling{change: true}},
		"change permissions":       {descriptor.ACE{Mask: descriptor.WriteDAC}, both, meddling{change: true}},
		"take ownership":           {descriptor.ACE{Mask: descriptor.WriteOwner}, both, meddling{change: true}},
		"take ownership below":     {descriptor.ACE{Flags: below | only, Mask: descriptor.WriteOwner}, both, meddling{}},
		"all, in the generic form": {descriptor.ACE{Mask: descriptor.GenericAll}, both, meddling{change: true}},
		"all of groups below":      {descriptor.ACE{Flags: below | only, InheritedBy: classGroup, Mask: 0xf01ff}, meddling{change: true}, meddling{}},
		"read":                     {descriptor.ACE{Flags: below, Mask: 0x20094}, meddling{}, meddling{}},
		"denied":                   {descriptor.ACE{Type: descriptor.Denied, Flags: below, Mask: 0xf01ff}, meddling{}, meddling{}},
		"on a condition":           {descriptor.ACE{Type: descriptor.AllowedCallback, Flags: below, Mask: 0xf01ff}, both, meddling{change: true}},
	} {
		c.e.Trustee = who
		d := descriptor.New().With([]descriptor.ACE{c.e})
		if got := containerMeddlers(d)[who]; got != c.unit {
			t.Errorf("%s, of a container: %+v", name, got)
		}
		if got := groupMeddlers(d)[who]; got != c.group {
			t.Errorf("%s, of a group: %+v", name, got)
		}
		c.e.Flags |= descriptor.Inherited
		if got := containerMeddlers(explicit(descriptor.New().With([]descriptor.ACE{c.e}))); len(got) > 0 {
			t.Errorf("%s, inherited: %+v", name, got)
		}
	}
	if got := containerMeddlers(descriptor.Descriptor{Owner: who}); got[who] != both || got["S-1-1-0"] != both {
		t.Errorf("owner, without a list: %+v", got)
	}
}
