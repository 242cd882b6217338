package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"groupwriteback/internal/directory"
)

func with(t testing.TB, entries ...Entry) Mapping {
	t.Helper()
	mapping, err := Standard.With(entries)
	if err != nil {
		t.Fatal(err)
	}
	return mapping
}

func TestWithEntries(t *testing.T) {
	mapping := with(t, Entry{Attribute: "Description", Expression: `ToUpper([description])`, Apply: ApplyAlways},
		Entry{Attribute: "info", Expression: `[theme]`, Apply: ApplyOnlyAtCreation, Default: "none"})
	if n := len(mapping); n != len(Standard)+1 {
		t.Fatalf("%d rows", n)
	}
	want := Row{Attribute: "description", Expression: "ToUpper([description])", Max: 448, Compare: Text, Custom: true}
	if diff := cmp.Diff(want, *mapping.row("description"), cmpopts.IgnoreUnexported(Row{})); diff != "" {
		t.Error(diff)
	}
	if got := mapping.Properties(); !slices.Contains(got, "theme") {
		t.Errorf("%q lacks theme", got)
	}
	if Standard.row("description").Custom {
		t.Error("the table itself was changed")
	}
	if a, b := with(t, Entry{Attribute: "info", Expression: "[theme]"}), with(t, Entry{Attribute: "info", Expression: "[theme]", Apply: ApplyAlways}); a.Version() != b.Version() {
		t.Error("Always is the default")
	}
}

func TestEntriesThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		entry Entry
		about About
		says  string
	}{
		{Entry{Attribute: "info", Expression: `Lef([mail], 3)`}, AboutExpression, "at character 1, Lef"},
		{Entry{Attribute: "info", Expression: `Append("a", Left([mail]))`}, AboutExpression, "at character 13, Left"},
		{Entry{Attribute: "info", Expression: `[displayname]`}, AboutExpression, "did you mean displayName"},
		{Entry{Attribute: "info", Expression: `[hideFromAddressLists]`}, AboutExpression, "hideFromAddressLists"},
		{Entry{Attribute: "info", Expression: `[extension_0_x]`}, AboutExpression, "at character 1"},
		{Entry{Attribute: "info", Expression: ` `}, AboutExpression, "empty"},
		{Entry{Attribute: "info", Expression: `Guid()`}, AboutExpression, "Guid"},
		{Entry{Attribute: "info", Expression: `Append([mail], Now())`, Apply: ApplyAlways}, AboutExpression, "Now"},
		{Entry{Attribute: "info", Expression: `[mail]`, Apply: "Sometimes"}, AboutExpression, "Sometimes"},
		{Entry{Attribute: "info", Expression: `"` + strings.Repeat("a", 10_001) + `"`}, AboutExpression, "at most 10000"},
		{Entry{Attribute: "info", Expression: strings.Repeat("Trim(", 200) + "[mail]" + strings.Repeat(")", 200)}, AboutExpression, "at character"},
		{Entry{Attribute: "in fo", Expression: `[mail]`}, AboutSchema, "name of an attribute"},
		{Entry{Attribute: "", Expression: `[mail]`}, AboutSchema, "name of an attribute"},
		{Entry{Attribute: "MEMBER", Expression: `[mail]`}, AboutProtected, "who is in it"},
		{Entry{Attribute: "adminDescription", Expression: `[mail]`}, AboutProtected, "whose the group is"},
		{Entry{Attribute: "extensionName", Expression: `[mail]`}, AboutProtected, "whose the group is"},
		{Entry{Attribute: "nTSecurityDescriptor", Expression: `[mail]`}, AboutProtected, "rights"},
		{Entry{Attribute: "mailNickname", Expression: `[mailNickname]`}, AboutProtected, "capture"},
		{Entry{Attribute: "proxyAddresses", Expression: `[proxyAddresses]`}, AboutProtected, "capture"},
	} {
		t.Run(c.entry.Attribute+" "+clip(c.entry.Expression), func(t *testing.T) {
			_, err := Standard.With([]Entry{c.entry})
			var wrong *EntryError
			if !errors.As(err, &wrong) || wrong.About != c.about || !strings.Contains(wrong.Problem+wrong.Advice, c.says) {
				t.Errorf("%#v", err)
			}
		})
	}
	if _, err := Standard.With([]Entry{{Attribute: "info", Expression: "[mail]"}, {Attribute: "INFO", Expression: "[mail]"}}); err == nil {
		t.Error("an attribute twice is taken")
	}
	var many []Entry
	for i := range MaxEntries + 1 {
		many = append(many, Entry{Attribute: fmt.Sprintf("a%d", i), Expression: "[mail]"})
	}
	if _, err := Standard.With(many); err == nil {
		t.Error("any number of entries is taken")
	}
	if _, err := Standard.With([]Entry{{Attribute: "info", Expression: "[extension_0123456789abcdef0123456789abcdef_cost]"}}); err != nil {
		t.Error(err)
	}
}

// No row of the table may be both open and protected, and no protected name may be
// misspelt by a capital letter.
func TestProtectedIsSound(t *testing.T) {
	for name := range protected {
		if name != strings.ToLower(name) {
			t.Errorf("%s is never found", name)
		}
	}
	for _, row := range Standard {
		if _, closed := protected[strings.ToLower(row.Attribute)]; closed == row.Open() {
			t.Errorf("%s: open %t, protected %t", row.Attribute, row.Open(), closed)
		}
	}
}

func TestCheckAgainstASchema(t *testing.T) {
	schema := Schema{
		"info": {RangeUpper: 10}, "url": {Several: true}, "number": {Syntax: "2.5.5.9"}, "flag": {Syntax: "2.5.5.8"}, "link": {Syntax: "2.5.5.1"},
		"octets": {Syntax: "2.5.5.10"}, "users": {NotOnGroups: true}, "computed": {System: true},
	}
	for _, c := range []struct {
		attribute, expression, says string
		value                       string
	}{
		{"info", `"short"`, "", ""}, {"info", `"much too long"`, "up to 10 characters", ""}, {"info", `[mail]`, "up to 10 characters", "much too long"},
		{"info", `[description]`, "", ""}, {"url", `Split("a,b", ",")`, "", ""}, {"number", `"12"`, "", ""}, {"number", `"twelve"`, "whole numbers", ""},
		{"number", `51`, "", ""}, {"flag", `"True"`, "", ""}, {"flag", `"yes"`, "True and False", ""}, {"flag", `[mailEnabled]`, "", "false"},
		{"link", `"CN=Anna,DC=contoso,DC=com"`, "", ""}, {"link", `"Anna"`, "names of objects", ""},
		{"octets", `[mail]`, "syntax is 2.5.5.10", ""}, {"users", `[mail]`, "does not allow", ""}, {"computed", `[mail]`, "Only the directory", ""},
		{"nothing", `[mail]`, "no such attribute", ""}, {"info", `Error("no")`, "fails for every group", ""},
	} {
		err := with(t, Entry{Attribute: c.attribute, Expression: c.expression, Default: c.value}).Check(schema)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s = %s: %v, want %q", c.attribute, c.expression, err, c.says)
		}
	}
}

// What an expression comes to is written, cleared, kept or reported.
func TestProjectOutcomes(t *testing.T) {
	schema := Schema{"info": {RangeUpper: 5}, "url": {Several: true}, "flag": {Syntax: "2.5.5.8"}}
	for _, name := range Standard.Attributes() {
		schema[name] = AttributeSchema{}
	}
	for _, c := range []struct {
		name     string
		entry    Entry
		creating bool
		want     []string
		keep     bool
		note     string
	}{
		{"a value", Entry{Attribute: "info", Expression: `Left([displayName], 3)`}, false, []string{"Sal"}, false, ""},
		{"cut", Entry{Attribute: "info", Expression: `[description]`}, false, []string{"All o"}, false, "cut to 5"},
		{"empty clears", Entry{Attribute: "info", Expression: `""`, Default: "x"}, false, nil, false, ""},
		{"absent clears", Entry{Attribute: "info", Expression: `[theme]`}, false, nil, false, ""},
		{"the default", Entry{Attribute: "info", Expression: `[theme]`, Default: "none"}, false, []string{"none"}, false, "default"},
		{"no flow", Entry{Attribute: "info", Expression: `IgnoreFlowIfNullOrEmpty([theme])`, Default: "none"}, false, nil, true, "IgnoreFlowIfNullOrEmpty"},
		{"a failure", Entry{Attribute: "info", Expression: `Item([proxyAddresses], 5)`}, false, nil, true, "Item: index is 5"},
		{"at creation", Entry{Attribute: "info", Expression: `[mail]`, Apply: ApplyOnlyAtCreation}, true, []string{"sales"}, false, "cut"},
		{"later", Entry{Attribute: "info", Expression: `[mail]`, Apply: ApplyOnlyAtCreation}, false, nil, true, "only at creation"},
		{"several", Entry{Attribute: "url", Expression: `[proxyAddresses]`}, false, []string{"SMTP:a@x", "smtp:b@x"}, false, ""},
		{"the first", Entry{Attribute: "info", Expression: `Split("a,b", ",")`}, false, []string{"a"}, false, "first"},
		{"a boolean", Entry{Attribute: "flag", Expression: `[mailEnabled]`}, false, []string{"TRUE"}, false, ""},
		{"a boolean compared", Entry{Attribute: "info", Expression: `IIF([mailEnabled] = "True", "yes", "no")`}, false, []string{"yes"}, false, ""},
		{"an id", Entry{Attribute: "url", Expression: `Append("Group_", [objectId])`}, false, []string{"Group_" + groupID.String()}, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rules()
			mapping := with(t, c.entry)
			r.Mapping = mapping.Compile(schema, true)
			g := source()
			g.Properties = g.Properties.With("mailEnabled", "true").With("proxyAddresses", "SMTP:a@x", "smtp:b@x")
			p := r.Mapping.row(c.entry.Attribute).project(&subject{group: g, rules: r, creating: c.creating})
			if !slices.Equal(p.Values, c.want) || p.Keep != c.keep {
				t.Errorf("%q, kept %t", p.Values, p.Keep)
			}
			if notes := strings.Join(p.Notes, " "); !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
				t.Errorf("notes %q", notes)
			}
		})
	}
}

// What failed is reported once, and everything else is written.
func TestAFailingExpressionIsOneSkip(t *testing.T) {
	r := rules()
	r.Mapping = with(t, Entry{Attribute: "info", Expression: `Error("no theme")`})
	g := source()
	changes := Group(&Pair{ID: g.ID, Source: g}, r)
	if len(changes) != 2 || changes[0].Action != Create || changes[1].Reason != ReasonMappingFailed || !strings.Contains(changes[1].Message, "no theme") {
		t.Fatalf("%q", say(changes))
	}
	c := written(g, r, object)
	has(&c, "info", "by hand")
	says(g, "description", "new")
	changes = Group(&Pair{ID: g.ID, Source: g, Candidates: []Candidate{c}}, r)
	if len(changes) != 2 || changes[0].Action != Update || changes[1].Reason != ReasonMappingFailed {
		t.Fatalf("%q", say(changes))
	}
	if _, touched := changes[0].Attribute("info"); touched {
		t.Error("what failed is changed")
	}
	if !Pending(changes, &Membership{}) {
		t.Error("nobody looks again")
	}
}

// What is written only at creation is nobody's drift, and is not compared.
func TestOnlyAtCreation(t *testing.T) {
	r := rules()
	r.Mapping = with(t, Entry{Attribute: "info", Expression: `[mail]`, Apply: ApplyOnlyAtCreation})
	g := source()
	c := written(g, r, object)
	if got := c.Attribute("info"); !slices.Equal(got, []string{"sales@contoso.test"}) {
		t.Fatalf("%q", got)
	}
	before := c
	has(&c, "info", "by hand")
	if d := DriftBetween(&before, &c, r.Mapping); d != nil {
		t.Error(d)
	}
	if changes := Group(&Pair{ID: g.ID, Source: g, Candidates: []Candidate{c}}, r); changes != nil {
		t.Error(say(changes))
	}
}

// BenchmarkProject evaluates 20 expressions for 5,000 groups.
func BenchmarkProject(b *testing.B) {
	var entries []Entry
	for i := range 20 {
		entries = append(entries, Entry{Attribute: fmt.Sprintf("extensionAttribute%d", i),
			Expression: `Switch(Left(Trim([displayName]), 2), Join("-", [mailNickname], ToUpper([theme])), "HR", "people", "IT", Replace([mail], , "@.*$", , "", , ))`})
	}
	r := rules()
	r.Mapping = with(b, entries...).Compile(nil, true)
	for b.Loop() {
		for i := range 5_000 {
			g := &directory.SourceGroup{ID: groupID, Properties: directory.Values{"displayName": {fmt.Sprintf("IT %d", i)}, "mail": {"group@contoso.test"}, "mailNickname": {"group"}}}
			s := &subject{group: g, rules: r, creating: true}
			if attributes := r.projection(s); len(attributes) < 20 || s.failed != nil {
				b.Fatal(attributes, s.failed)
			}
		}
	}
}

// The list of properties in docs/mapping.md equals the table.
func TestDocumentedProperties(t *testing.T) {
	var names []string
	for _, p := range Properties {
		if p.Unlisted == "" {
			name := "`" + p.Name + "`"
			if p.Several {
				name += " (several values)"
			}
			if p.Boolean {
				name += " (boolean)"
			}
			names = append(names, name)
		}
	}
	want := strings.Join(names, ", ") + ".\n"
	documents(t, "../../docs/mapping.md", "properties", want)
}
