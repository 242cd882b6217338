package state

import (
	"testing"

	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
)

func TestStrangers(t *testing.T) {
	const (
		own     = directory.SID("S-1-5-21-1-2-3-1104")
		other   = directory.SID("S-1-5-21-1-2-3-1105")
		users   = directory.SID("S-1-5-32-545")
		signed  = directory.SID("S-1-5-11")
		admins  = directory.SID("S-1-5-32-544")
		system  = directory.SID("S-1-5-18")
		creator = directory.SID("S-1-3-0")
		// the names that icacls uses: full control, modify, read and execute
		full, modify, read = 0x1f01ff, 0x1301bf, 0x1200a9
		inherit, only      = descriptor.ContainerInherit | 1, descriptor.InheritOnly
	)
	trusted := func(sid directory.SID) bool { return sid == own || administers(sid, own) }
	allow := func(who directory.SID, flags byte, mask uint32) descriptor.ACE {
		return descriptor.ACE{Flags: flags, Mask: mask, Trustee: who}
	}
	owned := func(owner directory.SID, entries ...descriptor.ACE) descriptor.Descriptor {
		d := descriptor.New().With(entries)
		d.Owner = owner
		return d
	}
	driveC := owned("S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",
		allow(signed, inherit|only, modify), allow(signed, 0, fileAppendData), allow(system, inherit, full), allow(admins, inherit, full), allow(users, inherit, read),
	)
	programData := owned(system,
		allow(system, inherit, full), allow(admins, inherit, full), allow(creator, inherit|only, genericAll), allow(users, inherit, read),
		allow(users, descriptor.ContainerInherit, fileWriteData|fileAppendData|0x10|fileWriteAttributes),
	)
	driveD := owned(admins,
		allow(admins, inherit, full), allow(system, inherit, full), allow(signed, 0, modify), allow(signed, inherit|only, modify), allow(users, inherit, read),
	)
	with := func(entries ...descriptor.ACE) descriptor.Descriptor {
		return owned(own, append([]descriptor.ACE{allow(own, inherit, full), allow(admins, inherit, full)}, entries...)...)
	}
	for name, c := range map[string]struct {
		d    descriptor.Descriptor
		at   place
		want directory.SID
	}{
		`C:\`:                               {driveC, root, ""},
		`%ProgramData%`:                     {programData, above, ""},
		`%ProgramData% itself`:              {programData, guarded, users},
		`D:\, where all may modify`:         {driveD, root, ""},
		`D:\, as a folder`:                  {driveD, above, signed},
		"may delete what is in it":          {with(allow(users, inherit, fileDeleteChild)), above, users},
		"may delete it":                     {with(allow(users, 0, fileDelete)), above, users},
		"may give rights to it":             {with(allow(users, 0, fileWriteDAC)), above, users},
		"may become its owner":              {with(allow(users, 0, fileWriteOwner)), above, users},
		"may do all":                        {with(allow(users, 0, genericAll)), above, users},
		"may write in the generic form":     {with(allow(users, 0, genericWrite)), above, ""},
		"the same to the state":             {with(allow(users, 0, genericWrite)), guarded, users},
		"may do all below":                  {with(allow(users, inherit|only, full)), above, ""},
		"may do all below the state":        {with(allow(users, inherit|only, full)), guarded, users},
		"may add":                           {with(allow(users, inherit, fileWriteData|fileAppendData)), above, ""},
		"may add to the state":              {with(allow(users, inherit, fileAppendData)), guarded, users},
		"may turn the link":                 {with(allow(users, 0, fileWriteAttributes)), link, users},
		"may read":                          {with(allow(directory.Everyone, inherit, read)), guarded, ""},
		"on a condition":                    {with(descriptor.ACE{Type: descriptor.AllowedCallback, Mask: full, Trustee: other}), guarded, other},
		"is denied":                         {with(descriptor.ACE{Type: descriptor.Denied, Mask: full, Trustee: other}), guarded, ""},
		"is allowed, though denied":         {with(descriptor.ACE{Type: descriptor.Denied, Mask: full, Trustee: other}, allow(other, 0, full)), guarded, other},
		"owner":                             {owned(other), above, other},
		"owner of the volume":               {owned(other), root, other},
		"no list":                           {descriptor.Descriptor{Owner: own}, above, directory.Everyone},
		"Domain Admins":                     {with(allow("S-1-5-21-1-2-3-512", inherit, full)), guarded, ""},
		"Domain Admins of somewhere else":   {with(allow("S-1-5-21-9-2-3-512", inherit, full)), guarded, "S-1-5-21-9-2-3-512"},
		"an account numbered like an admin": {with(allow("S-1-5-21-1-2-3-5120", inherit, full)), guarded, "S-1-5-21-1-2-3-5120"},
	} {
		if got := stranger(c.d, c.at, trusted); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if administers("S-1-5-32-500", "S-1-5-32-545") || administers("-512", "") {
		t.Error("administrators of no domain")
	}
}
