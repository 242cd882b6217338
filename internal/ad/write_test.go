package ad

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

func refs(n int) []directory.MemberRef {
	list := make([]directory.MemberRef, n)
	for i := range list {
		list[i] = directory.MemberRef{GUID: directory.MustGUID(fmt.Sprintf("00000000-0000-0000-0000-%012x", i+1))}
	}
	return list
}

// badOf draws which of the members are bad.
func badOf(t *rapid.T, list []directory.MemberRef) (bad map[directory.GUID]bool, guids []directory.GUID) {
	bad = make(map[directory.GUID]bool)
	if len(list) == 0 {
		return bad, nil
	}
	for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(list)-1), 0, min(len(list), 10), rapid.ID[int]).Draw(t, "bad") {
		bad[list[i].GUID] = true
	}
	for _, r := range list {
		if bad[r.GUID] {
			guids = append(guids, r.GUID)
		}
	}
	return bad, guids
}

func TestHalve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := refs(rapid.IntRange(0, 1000).Draw(t, "n"))
		bad, want := badOf(t, list)
		written := make(map[directory.GUID]int)
		calls := 0
		culprits, err := halve(list, func(part []directory.MemberRef) (bool, error) {
			calls++
			for _, r := range part {
				if bad[r.GUID] {
					return true, errors.New("refused")
				}
			}
			for _, r := range part {
				written[r.GUID]++
			}
			return false, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []directory.GUID
		for _, c := range culprits {
			got = append(got, c.ref.GUID)
			if c.err == nil {
				t.Fatal("a culprit without an error")
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("culprits %v, want %v", got, want)
		}
		for _, r := range list {
			if want := map[bool]int{false: 1, true: 0}[bad[r.GUID]]; written[r.GUID] != want {
				t.Fatalf("%v was written %d times", r, written[r.GUID])
			}
		}
		// A culprit among 1,000 values costs two requests for each of ten halvings.
		if limit := 1 + 22*len(want); calls > limit {
			t.Fatalf("%d requests for %d culprits among %d", calls, len(want), len(list))
		}
	})
	stop := errors.New("access denied")
	calls := 0
	if _, err := halve(refs(8), func(part []directory.MemberRef) (bool, error) {
		if calls++; calls == 3 {
			return false, stop
		}
		return true, errors.New("refused")
	}); err != stop || calls != 3 {
		t.Errorf("%v after %d requests", err, calls)
	}
}

// If every value is refused alike, the refusal is about the group, and costs a few
// requests whatever the group's size. Values that are taken are found wherever they
// are.
func TestARefusalOfTheWholeGroup(t *testing.T) {
	for _, n := range []int{50, 1000, 50_000} {
		calls := 0
		_, err := halve(refs(n), func(part []directory.MemberRef) (bool, error) {
			calls++
			return true, errors.New("unwilling")
		})
		if whole := (*refusedWhole)(nil); !errors.As(err, &whole) || calls > 60 {
			t.Errorf("%d values: %v after %d requests", n, err, calls)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "n")
		list := refs(n)
		taken := map[directory.GUID]bool{}
		for _, r := range list[:rapid.IntRange(0, n).Draw(t, "first")] {
			taken[r.GUID] = rapid.Bool().Draw(t, "taken")
		}
		taken[list[n-1].GUID] = true // it comes after all refused values
		written := map[directory.GUID]int{}
		culprits, err := halve(list, func(part []directory.MemberRef) (bool, error) {
			for _, r := range part {
				if !taken[r.GUID] {
					return true, errors.New("refused")
				}
			}
			for _, r := range part {
				written[r.GUID]++
			}
			return false, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			refused := slices.ContainsFunc(culprits, func(c culprit) bool { return c.ref.GUID == r.GUID })
			if refused == taken[r.GUID] || taken[r.GUID] != (written[r.GUID] == 1) {
				t.Fatalf("%v: taken %t, refused %t, written %d times", r, taken[r.GUID], refused, written[r.GUID])
			}
		}
	})
}

func TestAmong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := refs(rapid.IntRange(0, 300).Draw(t, "n"))
		members, want := badOf(t, list)
		if rapid.Bool().Draw(t, "all") {
			for _, r := range list {
				members[r.GUID] = true
			}
			want = keys(list)
		}
		calls := 0
		got, err := among(list, func(part []directory.MemberRef, join func(...string) string) (bool, error) {
			calls++
			n := 0
			for _, r := range part {
				if members[r.GUID] {
					n++
				}
			}
			return n == len(part) || n > 0 && join("a", "b") == or("a", "b"), nil
		})
		if err != nil || !slices.Equal(keys(got), want) {
			t.Fatalf("%v, want %v, %v", got, want, err)
		}
		limit := 1 + 32*len(want)
		if len(want) == len(list) {
			limit = 2
		}
		if calls > limit {
			t.Fatalf("%d requests for %d members among %d", calls, len(want), len(list))
		}
	})
}

func TestChangeAttribute(t *testing.T) {
	replace := func(name string, values ...string) ldap.Change {
		return ldap.Change{Operation: ldap.ReplaceAttribute, Modification: ldap.PartialAttribute{Type: name, Vals: values}}
	}
	change := func(operation uint, name string, values ...string) ldap.Change {
		return ldap.Change{Operation: operation, Modification: ldap.PartialAttribute{Type: name, Vals: values}}
	}
	for name, c := range map[string]struct {
		change plan.AttributeChange
		want   []ldap.Change
	}{
		"set":         {plan.AttributeChange{Name: "mail", New: []string{"a"}}, []ldap.Change{replace("mail", "a")}},
		"change":      {plan.AttributeChange{Name: "mail", Old: []string{"a"}, New: []string{"b"}}, []ldap.Change{replace("mail", "b")}},
		"remove":      {plan.AttributeChange{Name: "mail", Old: []string{"a"}}, []ldap.Change{replace("mail")}},
		"stamp":       {plan.AttributeChange{Name: "extensionName", New: []string{"s"}, Shared: true}, []ldap.Change{change(ldap.AddAttribute, "extensionName", "s")}},
		"stamp again": {plan.AttributeChange{Name: "extensionName", Old: []string{"s"}, New: []string{"s"}, Shared: true}, nil},
		"keep others": {plan.AttributeChange{Name: "extensionName", Old: []string{"x"}, New: []string{"x", "s"}, Shared: true}, []ldap.Change{change(ldap.AddAttribute, "extensionName", "s")}},
		"several": {plan.AttributeChange{Name: "url", Old: []string{"a", "b"}, New: []string{"b", "c"}},
			[]ldap.Change{replace("url", "b", "c")}},
		"several among those of others": {plan.AttributeChange{Name: "url", Old: []string{"a", "b"}, New: []string{"b", "c"}, Shared: true},
			[]ldap.Change{change(ldap.DeleteAttribute, "url", "a"), change(ldap.AddAttribute, "url", "c")}},
		"the case alone": {plan.AttributeChange{Name: "proxyAddresses", Old: []string{"smtp:a@x"}, New: []string{"SMTP:a@x"}, Shared: true},
			[]ldap.Change{change(ldap.DeleteAttribute, "proxyAddresses", "smtp:a@x"), change(ldap.AddAttribute, "proxyAddresses", "SMTP:a@x")}},
	} {
		request := ldap.NewModifyRequest("CN=x", nil)
		changeAttribute(request, c.change)
		if diff := cmp.Diff(c.want, request.Changes); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestMemberValues(t *testing.T) {
	target := &target{root: contosoRoot()}
	guid := directory.MustGUID(someGUID)
	got := target.memberValues([]directory.MemberRef{{GUID: guid}, {GUID: guid, DN: "CN=a,DC=contoso,DC=com"}, {GUID: guid, DN: "CN=a,DC=emea,DC=example"}})
	if diff := cmp.Diff([]string{"<GUID=" + someGUID + ">", "<GUID=" + someGUID + ">", "CN=a,DC=emea,DC=example"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSameMark(t *testing.T) {
	wanted := map[string][]string{attrAdminDesc: {"Group_1"}, attrExtension: {"GroupWriteback:t"}, attrExternalID: {"Group_1"}}
	e := func(values ...string) *ldap.Entry {
		out := &ldap.Entry{}
		for i := 0; i < len(values); i += 2 {
			out.Attributes = append(out.Attributes, ldap.NewEntryAttribute(values[i], []string{values[i+1]}))
		}
		return out
	}
	for name, c := range map[string]struct {
		entry  *ldap.Entry
		wanted map[string][]string
		want   bool
	}{
		"ours":            {e(attrAdminDesc, "group_1", attrExternalID, "Group_1", attrExtension, "GroupWriteback:t"), wanted, true},
		"no stamp":        {e(attrAdminDesc, "Group_1", attrExternalID, "Group_1"), wanted, false},
		"another's stamp": {e(attrAdminDesc, "Group_1", attrExternalID, "Group_1", attrExtension, "GroupWriteback:u"), wanted, false},
		"another mark":    {e(attrAdminDesc, "Group_2", attrExternalID, "Group_1", attrExtension, "GroupWriteback:t"), wanted, false},
		"stamp alone":     {e(attrExtension, "GroupWriteback:t"), map[string][]string{attrExtension: {"GroupWriteback:t"}}, false},
	} {
		if got := sameMark(c.entry, c.wanted); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	target := &target{server: endpoint{host: "dc1"}}
	for code, id := range map[uint16]string{
		ldap.LDAPResultInsufficientAccessRights: "AccessDenied",
		ldap.LDAPResultNoSuchObject:             "GroupNotFound",
		ldap.LDAPResultConstraintViolation:      "WriteRefused",
		ldap.LDAPResultUnwillingToPerform:       "WriteRefused",
		ldap.LDAPResultReferral:                 "ReferralReceived",
		ldap.LDAPResultBusy:                     "ServerBusy",
		ldap.LDAPResultUnavailable:              "ServerBusy",
		ldap.LDAPResultOther:                    "DirectoryError",
	} {
		err := contract.AsError(target.writeError(t.Context(), "CN=x", "change it", ldap.NewError(code, errors.New("why"))))
		if err.ID != id || err.Object != "CN=x" || err.Message == "" || err.Advice == "" {
			t.Errorf("code %d: %+v", code, err)
		}
	}
	for _, words := range []string{"The object is managed by a cloud SOA policy.", "00002098: the source of authority of the object is the cloud"} {
		err := target.writeError(t.Context(), "CN=x", "change it", ldap.NewError(ldap.LDAPResultUnwillingToPerform, errors.New(words)))
		if !contract.HasID(err, "CloudAuthorityEnforced") {
			t.Errorf("%q: %v", words, err)
		}
	}
	for code, id := range map[uint16]string{
		ldap.LDAPResultInsufficientAccessRights: "AccessDenied",
		ldap.LDAPResultSizeLimitExceeded:        "IncompleteRead",
		ldap.LDAPResultReferral:                 "IncompleteRead",
		ldap.LDAPResultBusy:                     "ServerBusy",
		ldap.ErrorNetwork:                       "IncompleteRead",
		ldap.LDAPResultOperationsError:          "DirectoryError",
	} {
		if err := target.readError(t.Context(), "CN=x", ldap.NewError(code, errors.New("why"))); !contract.HasID(err, id) {
			t.Errorf("code %d: %v", code, err)
		}
	}
}
