package command_test

import (
	"context"
	"net/http"
	"slices"
	"testing"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// managers returns the accounts in managedBy and then the co-managers of a group, by DN.
func (b *bench) managers(name string) []string {
	g := b.object(name)
	return directory.PlainNames(slices.Concat(g.Attribute(directory.AttrManagedBy), g.Attribute(directory.AttrCoManagedBy)))
}

func TestOwners(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "two": {"b"}})
	one := guid("group one")
	own := func(names ...string) {
		owners := []directory.SourceMember{}
		for _, name := range names {
			owners = append(owners, user(name))
		}
		slices.SortFunc(owners, func(a, b directory.SourceMember) int { return a.ID.Compare(b.ID) })
		b.tenant.owners = map[directory.GUID][]directory.SourceMember{one: owners}
		// The group changes with its owners.
		b.tenant.groups[one].says("description", "owners: "+names[0])
	}
	has := func(when string, names ...string) {
		t.Helper()
		got := b.managers("one")
		want := []string{}
		for _, name := range names {
			want = append(want, account(name).DN)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || len(b.managers("two")) != 0 {
			t.Errorf("%s: %v, want %v; two: %v", when, got, want, b.managers("two"))
		}
	}
	own("x", "y")
	b.sync(t)
	has("nobody has chosen it")
	set := func(on bool) {
		t.Helper()
		if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{UpdateManagedBy: &on}}); err != nil {
			t.Fatal(err)
		}
	}
	set(true)
	b.sync(t)
	has("chosen", "x", "y")
	b.settle(t)
	own("y", "z")
	b.sync(t)
	has("one owner left and one came", "y", "z")

	// Owners that cannot be read, and accounts that cannot be looked up, take nobody away.
	for operation, err := range map[string]error{
		"owners":  &contract.Error{Category: contract.PermissionDenied, ID: "GraphAccessDenied", Message: http.StatusText(http.StatusForbidden)},
		"resolve": errOneGroup,
	} {
		own("w")
		b.tenant.fail = func(o string) error {
			if o == operation {
				return err
			}
			return nil
		}
		b.directory.fail = b.tenant.fail
		b.sync(t)
		b.tenant.fail, b.directory.fail = nil, nil
		has(operation+" failed", "y", "z")
		own("y", "z")
		b.sync(t)
	}
	set(false)
	b.sync(t)
	has("turned off")
}
