package plan

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"groupwriteback/internal/directory"
)

var rewrite = flag.Bool("update", false, "write the list of docs/attributes.md anew")

func TestCompile(t *testing.T) {
	all := Schema{}
	for _, name := range Standard.Attributes() {
		all[name] = AttributeSchema{}
	}
	all["description"], all["displayName"] = AttributeSchema{RangeUpper: 1024}, AttributeSchema{RangeUpper: 100}
	compiled := Standard.Compile(all, true)
	if diff := cmp.Diff(Standard.Attributes(), compiled.Attributes()); diff != "" {
		t.Error(diff)
	}
	if got := compiled.row("description").Max; got != 448 {
		t.Errorf("description has %d, the schema's greater limit does not count", got)
	}
	if got := compiled.row("displayName").Max; got != 100 {
		t.Errorf("displayName has %d, the schema's smaller limit counts", got)
	}
	if Standard.row("displayName").Max != 256 {
		t.Error("the table itself was changed")
	}
	delete(all, directory.AttrExternalID)
	without := Standard.Compile(all, false)
	for _, row := range Standard {
		if left := without.row(row.Attribute) != nil; left != (row.Attribute != directory.AttrExternalID && row.When != WithMail) {
			t.Errorf("what the schema lacks, and what is excluded, goes; %s is left: %t", row.Attribute, left)
		}
	}
	if diff := cmp.Diff(Standard, Standard.Compile(nil, true), cmpopts.IgnoreUnexported(Row{})); diff != "" {
		t.Errorf("an unknown schema: %s", diff)
	}
}

// Each row says where its values come from and is one that the other code can handle.
func TestStandardIsSound(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range Standard {
		_, known := functions[row.Function]
		if (row.Expression == "") == (row.Function == "") || row.Function != "" && !known {
			t.Errorf("%s: the expression %q, the function %q", row.Attribute, row.Expression, row.Function)
		}
		if seen[row.Attribute] || row.Shared && !row.Several || row.Compare == "" ||
			slices.Contains([]string{directory.AttrCN, directory.AttrSAMAccountName, directory.AttrGroupType, "member"}, row.Attribute) {
			t.Errorf("%+v", row)
		}
		seen[row.Attribute] = true
	}
}

func TestVersionTellsMappingsApart(t *testing.T) {
	versions := map[string]string{Standard.Version(): "itself"}
	note := func(what string, m Mapping) {
		if other, same := versions[m.Version()]; same {
			t.Errorf("%s has the version of %s", what, other)
		}
		versions[m.Version()] = what
	}
	note("one row less", Standard[1:])
	note("one more", append(slices.Clone(Standard), Row{Attribute: "info", Expression: "[preferredLanguage]", Compare: Text}))
	for what, change := range map[string]func(*Row){
		"another source": func(r *Row) { r.Expression = "[mailNickname]" }, "another name": func(r *Row) { r.Attribute = "info" },
		"another limit": func(r *Row) { r.Max = 5 }, "another comparison": func(r *Row) { r.Compare = IgnoreCase },
		"another condition": func(r *Row) { r.When = WithMail }, "several values": func(r *Row) { r.Several = true },
		"only at creation": func(r *Row) { r.Apply = ApplyOnlyAtCreation }, "a default value": func(r *Row) { r.Default = "x" }, "an administrator's": func(r *Row) { r.Custom = true },
		"shared": func(r *Row) { r.Shared = true }, "a function": func(r *Row) { r.Function = MarkOfGroup },
	} {
		changed := slices.Clone(Standard)
		change(&changed[0])
		note(what, changed)
	}
	if Standard.Version() != slices.Clone(Standard).Version() {
		t.Error("the version changes by itself")
	}
}

func TestCompareAndClean(t *testing.T) {
	for _, c := range []struct {
		compare Comparison
		a, b    string
		same    bool
	}{
		{Text, "Sales", "sales", false}, {IgnoreCase, "Sales", "sALES", true}, {IgnoreCase, "Straße", "STRASSE", false},
		{Name, "CN=Anna,OU=X,DC=a", "cn=anna, ou=x,dc=A", true}, {Name, "CN=Anna,DC=a", "CN=Bert,DC=a", false},
		{Number, "8796093022208", "+8796093022208", true}, {Number, "1", "2", false}, {Boolean, "TRUE", "true", true},
		{Address, "smtp:A@x.test", "smtp:a@X.TEST", true}, {Address, "SMTP:a@x.test", "smtp:a@x.test", false}, {Address, "x500:/o=A", "X500:/o=A", false},
	} {
		if got := c.compare.key(c.a) == c.compare.key(c.b); got != c.same {
			t.Errorf("%s: %q and %q are the same: %t", c.compare, c.a, c.b, got)
		}
	}
	for _, c := range []struct {
		compare   Comparison
		max       int
		raw, want string
	}{
		{Text, 5, " too long", "too l"}, {Text, 0, strings.Repeat("x", 500), strings.Repeat("x", 500)}, {Address, 10, "smtp:a@x.test", ""},
		{Address, 0, " smtp:a@x\u200b ", "smtp:a@x"}, {Address, 0, "a@x", ""}, {Address, 0, "smtp:", ""}, {Number, 0, "12", "12"}, {Number, 0, "1.5", ""},
		{Boolean, 0, "true", "TRUE"}, {Boolean, 0, "yes", ""}, {Name, 0, "CN=a,DC=b", "CN=a,DC=b"}, {Name, 0, "nobody", ""},
	} {
		if got := c.compare.clean(c.raw, c.max); got != c.want {
			t.Errorf("%s: %q becomes %q, want %q", c.compare, c.raw, got, c.want)
		}
	}
}

func TestMerge(t *testing.T) {
	for name, c := range map[string]struct {
		compare                  Comparison
		have, wanted, ours, want []string
	}{
		"others' values stay":          {Address, []string{"x500:/o=a"}, []string{"SMTP:a@x"}, nil, []string{"x500:/o=a", "SMTP:a@x"}},
		"ours goes":                    {Address, []string{"SMTP:a@x", "smtp:old@x"}, []string{"SMTP:a@x"}, []string{"smtp:OLD@x"}, []string{"SMTP:a@x"}},
		"others' goes not":             {Address, []string{"SMTP:a@x", "smtp:old@x"}, []string{"SMTP:a@x"}, []string{"SMTP:a@x"}, []string{"SMTP:a@x", "smtp:old@x"}},
		"the case of an address stays": {Address, []string{"SMTP:A@x"}, []string{"SMTP:a@x"}, nil, []string{"SMTP:A@x"}},
		"it becomes the primary one":   {Address, []string{"smtp:A@x", "SMTP:b@x"}, []string{"SMTP:a@x", "smtp:b@x"}, []string{"smtp:a@x", "SMTP:b@x"}, []string{"SMTP:a@x", "smtp:b@x"}},
		"another's becomes secondary":  {Address, []string{"SMTP:b@x"}, []string{"SMTP:a@x"}, nil, []string{"smtp:b@x", "SMTP:a@x"}},
		"another's stays primary":      {Address, []string{"SMTP:b@x"}, []string{"smtp:a@x"}, nil, []string{"SMTP:b@x", "smtp:a@x"}},
		"the case of a text":           {Text, []string{"sales", "x"}, []string{"Sales"}, nil, []string{"x", "Sales"}},
		"the case that does not count": {IgnoreCase, []string{"sales"}, []string{"Sales"}, nil, []string{"sales"}},
		"all of ours":                  {Address, []string{"SMTP:a@x"}, nil, []string{"SMTP:a@x"}, nil},
	} {
		if diff := cmp.Diff(c.want, c.compare.merge(c.have, c.wanted, c.ours)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if diff := cmp.Diff([]string{"SMTP:a@x", "smtp:c@x", "smtp:b@x"}, Address.settle([]string{"smtp:b@x", "SMTP:a@x", "smtp:A@x", "SMTP:c@x"})); diff != "" {
		t.Error(diff)
	}
}

// Whatever is present and whatever is wanted: afterwards the wanted values are there,
// there is one primary address, no two values are the same to Active Directory, nothing
// of others is lost, and merging again changes nothing.
func TestMergeOfAnything(t *testing.T) {
	values := rapid.Custom(func(t *rapid.T) []string {
		value := rapid.StringMatching(`(smtp|SMTP|x500|X500):[aAbB]@x`)
		return rapid.SliceOfNDistinct(value, 0, 6, fold).Draw(t, "values")
	})
	rapid.Check(t, func(t *rapid.T) {
		compare := rapid.SampledFrom([]Comparison{Text, IgnoreCase, Address}).Draw(t, "compare")
		// Others may have created an invalid state with two primary addresses.
		have, ours := values.Draw(t, "have"), values.Draw(t, "ours")
		wanted := compare.settle(rapid.SliceOf(rapid.StringMatching(`(smtp|SMTP|x500):[aAbBcC]@x`)).Draw(t, "wanted"))
		merged := compare.merge(have, wanted, ours)
		if lacks := compare.without(wanted, merged); len(lacks) > 0 {
			t.Fatalf("%q lacks %q", merged, lacks)
		}
		primary := 0
		for i, v := range merged {
			if isPrimary(v) {
				primary++
			}
			if slices.ContainsFunc(merged[:i], func(o string) bool { return fold(o) == fold(v) }) {
				t.Fatalf("%q twice in %q", v, merged)
			}
			if !compare.Contains(wanted, v) && !slices.ContainsFunc(have, func(h string) bool { return fold(h) == fold(v) }) {
				t.Fatalf("%q comes from nowhere in %q", v, merged)
			}
		}
		if compare == Address && slices.ContainsFunc(wanted, isPrimary) && primary != 1 {
			t.Fatalf("%d primary addresses in %q", primary, merged)
		}
		for _, v := range have {
			there := slices.ContainsFunc(merged, func(m string) bool { return fold(m) == fold(v) })
			if !there && !compare.Contains(ours, v) {
				t.Fatalf("%q of another is lost in %q", v, merged)
			}
		}
		owned := slices.Concat(wanted, ours)
		if again := compare.merge(merged, wanted, compare.without(owned, have)); len(compare.without(ours, have)) == 0 && !slices.Equal(again, merged) {
			t.Fatalf("%q becomes %q", merged, again)
		}
	})
}

// One more row is written, compared, confirmed and reported as drift, and a filter may
// name its property.
func TestOneRowMore(t *testing.T) {
	r := rules()
	r.Mapping = mustParse(append(slices.Clone(Standard), Row{Attribute: "url", Expression: "[theme]", Several: true, Compare: IgnoreCase, Shared: true}))
	g := source()
	g.Properties = g.Properties.With("theme", "Blue", "blue", "Red")
	c := written(g, r, object)
	c.Written = r.Owned(nil, pairOf(g))
	if diff := cmp.Diff([]string{"Blue", "Red"}, c.Attribute("url")); diff != "" {
		t.Error(diff)
	}
	before := c
	c.Attributes = c.Attributes.With("url", "BLUE", "others")
	c.Written = r.Owned(c.Written, pairOf(g, c))
	if drift := DriftBetween(&before, &c, r.Mapping); drift == nil || !slices.Equal(drift.Attributes, []string{"url"}) {
		t.Errorf("drift %v", drift)
	}
	g.Properties = g.Properties.With("theme", "Red")
	changes := Group(&Pair{ID: g.ID, Source: g, Candidates: []Candidate{c}}, r)
	want := []AttributeChange{{Name: "url", Old: []string{"BLUE", "others"}, New: []string{"others", "Red"}, Shared: true}}
	if len(changes) != 1 || !cmp.Equal(changes[0].Attributes, want) {
		t.Fatalf("%+v", changes)
	}
	if missing := r.Mapping.Confirm(&want[0], &c.TargetGroup); missing != "The attribute url does not have the value Red." {
		t.Error(missing)
	}
	c.Attributes = c.Attributes.With("url", "red", "others")
	if missing := r.Mapping.Confirm(&want[0], &c.TargetGroup); missing != "" {
		t.Error(missing)
	}
	if diff := cmp.Diff(directory.Values{"url": {"red"}}, r.Owned(c.Written, pairOf(g, c))); diff != "" {
		t.Error(diff)
	}
}

// The list in docs/attributes.md equals the table.
func TestDocumentedAttributes(t *testing.T) {
	var list strings.Builder
	list.WriteString("| attribute | from | on | length | values | two are the same |\n|---|---|---|---|---|---|\n")
	for _, row := range Standard {
		from, on, length, values := "`"+row.Expression+"`", "every group", "any", "one"
		if row.Function != "" {
			from = "the " + string(row.Function)
		}
		switch row.When {
		case WithMail:
			on = "groups that can have mail"
		case AsRecipient:
			on = "recipients"
		case InCloud:
			on = "every group, with `-MarkCloudAuthority`"
		case ForOwners:
			on = "every group, with `-UpdateManagedBy`"
		}
		if row.Max > 0 {
			length = fmt.Sprint(row.Max)
		}
		if row.Several {
			values = "several"
		}
		if row.Shared {
			values += ", beside those of others"
		}
		same := map[Comparison]string{Text: "in every character", IgnoreCase: "without case", Name: "as names of objects", Object: "as objects, whatever their names", Number: "as numbers", Boolean: "as yes or no", Address: "with the prefix as it is, without the case of the address"}[row.Compare]
		fmt.Fprintf(&list, "| `%s` | %s | %s | %s | %s | %s |\n", row.Attribute, from, on, length, values, same)
	}
	documents(t, "../../docs/attributes.md", "attributes", list.String())
}

// documents fails unless the list of that name in the page is as given, or writes it anew.
func documents(t *testing.T, page, name, list string) {
	t.Helper()
	begin, end := "<!-- "+name+" -->\n", "<!-- end -->\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(strings.ReplaceAll(string(text), "\r\n", "\n"), begin)
	documented, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no list between %q and %q", page, begin, end)
	}
	if *rewrite {
		if err := os.WriteFile(page, []byte(head+begin+list+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(documented, list); diff != "" {
		t.Errorf("run go test ./internal/plan -update: %s", diff)
	}
}
