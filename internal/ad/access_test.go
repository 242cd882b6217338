package ad

import (
	"testing"

	"groupwriteback/internal/directory"
)

func TestAllowed(t *testing.T) {
	const me, team, other = directory.SID("S-1-5-21-1-2-3-1"), directory.SID("S-1-5-21-1-2-3-2"), directory.SID("S-1-5-21-1-2-3-3")
	token := map[directory.SID]bool{me: true, team: true}
	for name, c := range map[string]struct {
		list []directory.ACE
		want bool
	}{
		"nothing":                  {nil, false},
		"by a group":               {[]directory.ACE{{Mask: rightWrite, Trustee: team}}, true},
		"another's":                {[]directory.ACE{{Mask: rightWrite, Trustee: other}}, false},
		"another right":            {[]directory.ACE{{Mask: rightDelete, Trustee: me}}, false},
		"all rights":               {[]directory.ACE{{Mask: rightAll, Trustee: me}}, true},
		"the attribute":            {[]directory.ACE{{Mask: rightWrite, Object: guidMember, Trustee: me}}, true},
		"another attribute":        {[]directory.ACE{{Mask: rightWrite, Object: guidName, Trustee: me}}, false},
		"below only":               {[]directory.ACE{{Flags: directory.ACEInheritOnly, Mask: rightWrite, Trustee: me}}, false},
		"denied first":             {[]directory.ACE{{Denies: true, Mask: rightWrite, Trustee: team}, {Mask: rightWrite, Trustee: me}}, false},
		"denied later":             {[]directory.ACE{{Mask: rightWrite, Trustee: me}, {Denies: true, Mask: rightWrite, Trustee: team}}, true},
		"something else denied":    {[]directory.ACE{{Denies: true, Mask: rightWrite, Object: guidName, Trustee: me}, {Mask: rightWrite, Trustee: me}}, true},
		"perhaps":                  {[]directory.ACE{{Conditional: true, Mask: rightWrite, Trustee: me}}, false},
		"perhaps not, else surely": {[]directory.ACE{{Conditional: true, Denies: true, Mask: rightWrite, Trustee: me}, {Mask: rightWrite, Trustee: me}}, true},
	} {
		d := directory.Descriptor{HasDACL: true, DACL: c.list}
		if got := allowed(d, token, rightWrite, guidMember, guidMembership); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if !allowed(directory.Descriptor{}, nil, rightWrite) {
		t.Error("without a list everybody may")
	}
}

func TestMeddlers(t *testing.T) {
	const who = directory.SID("S-1-5-21-1-2-3-1")
	const below, only = directory.ACEContainerInherit, directory.ACEInheritOnly
	user := directory.MustGUID("bf967aba-0de6-11d0-a285-00aa003049e2")
	phone := directory.MustGUID("bf967a49-0de6-11d0-a285-00aa003049e2")
	both := meddling{create: true, change: true}
	for name, c := range map[string]struct {
		e     directory.ACE
		unit  meddling // what it means in the DACL of a container
		group meddling // what it means in the DACL of a group
	}{
		"create groups":            {directory.ACE{Mask: rightCreateChild, Object: classGroup}, meddling{create: true}, meddling{}},
		"create anything":          {directory.ACE{Mask: rightCreateChild}, meddling{create: true}, meddling{}},
		"create users":             {directory.ACE{Mask: rightCreateChild, Object: user}, meddling{}, meddling{}},
		"create in units below":    {directory.ACE{Flags: below | only, InheritedBy: classUnit, Mask: rightCreateChild}, meddling{create: true}, meddling{}},
		"create in users below":    {directory.ACE{Flags: below | only, InheritedBy: user, Mask: rightCreateChild}, meddling{}, meddling{}},
		"write to it":              {directory.ACE{Mask: rightWrite}, meddling{}, meddling{change: true}},
		"write to what is below":   {directory.ACE{Flags: below, Mask: rightWrite}, meddling{change: true}, meddling{change: true}},
		"write to groups below":    {directory.ACE{Flags: below | only, InheritedBy: classGroup, Mask: rightWrite}, meddling{change: true}, meddling{}},
		"write to users below":     {directory.ACE{Flags: below | only, InheritedBy: user, Mask: rightWrite}, meddling{}, meddling{}},
		"write members below":      {directory.ACE{Flags: below | only, InheritedBy: classGroup, Object: guidMember, Mask: rightWrite}, meddling{change: true}, meddling{}},
		"write the mark below":     {directory.ACE{Flags: below | only, Object: guidAdminDesc, Mask: rightWrite}, meddling{change: true}, meddling{}},
		"write a telephone number": {directory.ACE{Flags: below, Object: phone, Mask: rightWrite}, meddling{}, meddling{}},
		"add himself":              {directory.ACE{Flags: below, Object: guidMember, Mask: rightSelf}, meddling{change: true}, meddling{change: true}},
		"change permissions":       {directory.ACE{Mask: rightWriteDAC}, both, meddling{change: true}},
		"take ownership":           {directory.ACE{Mask: rightWriteOwner}, both, meddling{change: true}},
		"take ownership below":     {directory.ACE{Flags: below | only, Mask: rightWriteOwner}, both, meddling{}},
		"all, in the generic form": {directory.ACE{Mask: rightAll}, both, meddling{change: true}},
		"all of groups below":      {directory.ACE{Flags: below | only, InheritedBy: classGroup, Mask: 0xf01ff}, meddling{change: true}, meddling{}},
		"read":                     {directory.ACE{Flags: below, Mask: 0x20094}, meddling{}, meddling{}},
		"denied":                   {directory.ACE{Denies: true, Flags: below, Mask: 0xf01ff}, meddling{}, meddling{}},
		"on a condition":           {directory.ACE{Conditional: true, Flags: below, Mask: 0xf01ff}, both, meddling{change: true}},
	} {
		c.e.Trustee = who
		d := directory.Descriptor{HasDACL: true, DACL: []directory.ACE{c.e}}
		if got := containerMeddlers(d)[who]; got != c.unit {
			t.Errorf("%s, of a container: %+v", name, got)
		}
		if got := groupMeddlers(d)[who]; got != c.group {
			t.Errorf("%s, of a group: %+v", name, got)
		}
		d.DACL[0].Flags |= directory.ACEInherited
		if got := containerMeddlers(explicit(d)); len(got) > 0 {
			t.Errorf("%s, inherited: %+v", name, got)
		}
	}
	if got := containerMeddlers(directory.Descriptor{Owner: who}); got[who] != both || got["S-1-1-0"] != both {
		t.Errorf("owner, without a list: %+v", got)
	}
}
