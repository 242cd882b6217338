package plan

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"groupwriteback/internal/directory"
)

// owner returns an owner whose account is the object of that letter, or who has none for
// the reason.
func owner(letter byte, reason directory.Reason) Owner {
	o := Owner{ID: directory.GUID{0xaa, letter}, Reason: reason}
	if reason == directory.ReasonJoined {
		o.Object = account(letter)
	}
	return o
}

func account(letter byte) directory.MemberRef {
	return directory.MemberRef{GUID: directory.GUID{0xbb, letter}, DN: "CN=" + string(letter) + ",DC=contoso,DC=test"}
}

// owned is a group whose owners are written, with its object.
type owned struct {
	t      rapid.TB
	object Candidate
	rules  *Rules
}

func newOwned(t rapid.TB) *owned {
	r := rules()
	o := &owned{t: t, object: written(sales(), r, object), rules: r}
	r.Owners = true
	return o
}

// run plans and applies the plan for these owners; nil owners were not read.
func (o *owned) run(owners []Owner) []Change {
	o.t.Helper()
	p := pairOf(sales(), o.object)
	if p.Owners = owners; owners != nil {
		p.Source.Owners = []directory.GUID{}
		for _, owner := range owners {
			p.Source.Owners = append(p.Source.Owners, owner.ID)
		}
	}
	o.object.Written = o.rules.Owned(o.object.Written, p)
	p.Candidates[0].Written = o.object.Written
	changes := Group(p, o.rules)
	for _, change := range changes {
		apply(&o.object, change)
	}
	return changes
}

// has fails unless the object names these accounts: the manager, a blank, and the
// co-managers.
func (o *owned) has(want string) {
	o.t.Helper()
	if got := o.letters(directory.AttrManagedBy) + " " + o.letters(directory.AttrCoManagedBy); got != want {
		o.t.Errorf("managed by %q, want %q", got, want)
	}
}

func (o *owned) letters(attribute string) string {
	var letters []byte
	for _, v := range o.object.Attribute(attribute) {
		ref, err := directory.ParseExtendedName(v)
		if err != nil || ref.GUID.IsZero() {
			o.t.Fatalf("%s has %q", attribute, v)
		}
		letters = append(letters, ref.GUID[1])
	}
	slices.Sort(letters)
	return string(letters)
}

// set is what somebody else writes.
func (o *owned) set(attribute, letters string) {
	var values []string
	for _, letter := range letters {
		values = append(values, account(byte(letter)).ObjectName())
	}
	o.object.Attributes = o.object.Attributes.With(attribute, values...)
}

func withAccounts(letters string) []Owner {
	owners := []Owner{}
	for _, letter := range letters {
		owners = append(owners, owner(byte(letter), directory.ReasonJoined))
	}
	return owners
}

func TestManagers(t *testing.T) {
	const joins, cloud, unknown = directory.ReasonJoined, directory.ReasonCloudOnly, directory.ReasonLookupFailed
	for name, test := range map[string]func(o *owned){
		"the lowest id": func(o *owned) {
			o.run(append([]Owner{owner('A', cloud)}, withAccounts("BCD")...))
			o.has("B CD")
			if changes := o.run(append([]Owner{owner('A', cloud)}, withAccounts("BCD")...)); changes != nil {
				o.t.Errorf("again: %+v", changes)
			}
		},
		"the present one": func(o *owned) {
			o.set(directory.AttrManagedBy, "D")
			o.run(withAccounts("BCD"))
			o.has("D BC")
			o.run(withAccounts("BD"))
			o.has("D B")
			o.run(withAccounts("B"))
			o.has("B ")
		},
		"somebody who is no owner": func(o *owned) {
			o.set(directory.AttrManagedBy, "X")
			o.set(directory.AttrCoManagedBy, "Y")
			o.run(withAccounts("BC"))
			o.has("B CY")
			o.set(directory.AttrCoManagedBy, "CY")
			o.run([]Owner{})
			o.has(" Y")
		},
		"no owner with an account": func(o *owned) {
			o.set(directory.AttrManagedBy, "X")
			o.run([]Owner{owner('A', cloud)})
			o.has("X ")
		},
		"renamed": func(o *owned) {
			o.run(withAccounts("BC"))
			for _, name := range []string{directory.AttrManagedBy, directory.AttrCoManagedBy} {
				v := strings.ReplaceAll(o.object.Attributes[name][0], "CN=", "CN=Renamed ")
				o.object.Attributes = o.object.Attributes.With(name, v)
			}
			if changes := o.run(withAccounts("BC")); changes != nil {
				o.t.Errorf("%+v", changes)
			}
		},
		"unread": func(o *owned) {
			o.run(withAccounts("BC"))
			if changes := o.run(nil); changes != nil {
				o.t.Errorf("%+v", changes)
			}
		},
		"unknown": func(o *owned) {
			o.run(withAccounts("BC"))
			o.run([]Owner{owner('D', unknown), owner('E', joins)})
			o.has("B CE")
			o.run(withAccounts("DE"))
			o.has("D E")
		},
		"turned off": func(o *owned) {
			o.set(directory.AttrCoManagedBy, "Y")
			o.run(withAccounts("BC"))
			o.rules.Owners = false
			o.run(nil)
			o.has(" Y")
			o.run(nil)
			o.set(directory.AttrManagedBy, "B")
			o.run(nil)
			o.has("B Y")
		},
		"after the state was lost": func(o *owned) {
			o.set(directory.AttrCoManagedBy, "Y")
			o.run(withAccounts("BC"))
			o.object.Written, o.object.Linked = nil, false
			o.run(withAccounts("BC"))
			o.has("B CY")
			o.object.Linked = true
			o.run([]Owner{})
			o.has(" Y")
		},
		"a mapping of managedBy": func(o *owned) {
			mapping, err := Standard.With([]Entry{{Attribute: "managedBy", Expression: `"CN=X,DC=contoso,DC=test"`}})
			if err != nil {
				o.t.Fatal(err)
			}
			o.rules.Mapping = mapping.Compile(Schema{"managedBy": {Syntax: "2.5.5.1"}, directory.AttrCoManagedBy: {}}, true)
			o.set(directory.AttrManagedBy, "A")
			o.run(withAccounts("BC"))
			if got := o.object.Attributes.First(directory.AttrManagedBy); got != "CN=X,DC=contoso,DC=test" || o.letters(directory.AttrCoManagedBy) != "BC" {
				o.t.Errorf("%q, %q", got, o.letters(directory.AttrCoManagedBy))
			}
		},
	} {
		t.Run(name, func(t *testing.T) { test(newOwned(t)) })
	}
}

// What somebody wrote in place of a manager is drift; a renamed manager is none.
func TestDriftOfManager(t *testing.T) {
	o := newOwned(t)
	o.run(withAccounts("BC"))
	before := o.object
	o.set(directory.AttrManagedBy, "X")
	if d := DriftBetween(&before, &o.object, Standard); d == nil || !slices.Equal(d.Attributes, []string{directory.AttrManagedBy}) {
		t.Errorf("%+v", d)
	}
	renamed := account('B')
	renamed.DN = "CN=Renamed,DC=contoso,DC=test"
	o.object.Attributes = o.object.Attributes.With(directory.AttrManagedBy, renamed.ObjectName())
	if d := DriftBetween(&before, &o.object, Standard); d != nil {
		t.Errorf("%+v", d)
	}
}

// Whatever the owners and others do, the manager is an owner if one has an account, all
// other such owners are co-managers, and values of others stay there. Turning it off
// leaves what others wrote.
func TestManagersOfAnyOwners(t *testing.T) {
	letters := rapid.Map(rapid.SliceOfNDistinct(rapid.SampledFrom([]byte("ABCDE")), 0, 5, rapid.ID[byte]), func(b []byte) string {
		slices.Sort(b)
		return string(b)
	})
	rapid.Check(t, func(t *rapid.T) {
		o := newOwned(t)
		others := rapid.SampledFrom([]string{"", "Y", "YZ"}).Draw(t, "others")
		o.set(directory.AttrCoManagedBy, others)
		for range rapid.IntRange(1, 5).Draw(t, "runs") {
			owners := letters.Draw(t, "owners")
			if rapid.Bool().Draw(t, "by hand") {
				o.set(directory.AttrManagedBy, rapid.SampledFrom([]string{"", "A", "C", "X"}).Draw(t, "manager"))
			}
			before := o.letters(directory.AttrManagedBy)
			o.run(withAccounts(owners))
			manager, co := o.letters(directory.AttrManagedBy), o.letters(directory.AttrCoManagedBy)
			if owners != "" {
				want := owners[:1]
				if before != "" && strings.Contains(owners, before) {
					want = before
				}
				if manager != want {
					t.Fatalf("the manager of %q was %q and is %q", owners, before, manager)
				}
			}
			for _, letter := range owners + others {
				if is := strings.ContainsRune(co, letter); is == (string(letter) == manager) {
					t.Fatalf("owners %q, manager %q, co-managers %q", owners, manager, co)
				}
			}
			if again := o.run(withAccounts(owners)); again != nil {
				t.Fatalf("a second run: %+v", again)
			}
		}
		o.rules.Owners = false
		o.run(nil)
		if got := o.letters(directory.AttrCoManagedBy); got != others {
			t.Fatalf("turned off, co-managers are %q, want %q", got, others)
		}
	})
}

// The rights to write owners are needed when they are written, and only then.
func TestOwnersAreNeeded(t *testing.T) {
	for _, on := range []bool{false, true} {
		needed := Standard.Needed(Choice{Mail: MailRecipientMailOnly, Owners: on}).Attributes()
		for _, name := range []string{directory.AttrManagedBy, directory.AttrCoManagedBy} {
			if slices.Contains(needed, name) != on {
				t.Errorf("written: %t, needed: %v", on, needed)
			}
		}
	}
}
