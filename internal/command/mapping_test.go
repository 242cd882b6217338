package command_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// mapped returns a bench whose schema has some attributes more.
func mapped(t *testing.T) *bench {
	t.Helper()
	b := settled(t, map[string][]string{"one": {"a"}, "two": {"b"}})
	b.directory.schema = plan.Schema{"info": {Name: "info", RangeUpper: 1024}, "url": {Name: "url", Several: true},
		"employeeID": {Name: "employeeID", NotOnGroups: true}, "thumbnailPhoto": {Name: "thumbnailPhoto", Syntax: "2.5.5.10"}}
	for _, name := range plan.Standard.Attributes() {
		b.directory.schema[name] = plan.AttributeSchema{Name: name}
	}
	return b
}

func (b *bench) setMapping(t *testing.T, patch command.MappingPatch) {
	t.Helper()
	if _, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{Mapping: &patch}); err != nil {
		t.Fatal(err)
	}
}

// An attribute that an administrator maps is written, follows another expression, and
// stays as it is once nothing is set for it.
func TestMappingOfAnAdministrator(t *testing.T) {
	b := mapped(t)
	b.tenant.groups[guid("group one")].says("theme", "Blue")
	set := func(entry plan.Entry) { b.setMapping(t, command.MappingPatch{Set: []plan.Entry{entry}}) }
	holds := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, b.object("one").Attribute("info")); diff != "" {
			t.Error(diff)
		}
	}

	set(plan.Entry{Attribute: "info", Expression: `Append("Theme ", [theme])`})
	if overview, err := b.engine.Overview(t.Context()); err != nil || overview.NextPolicyReason != contract.InitialProjection {
		t.Errorf("%v %v", overview.NextPolicyReason, err)
	}
	if run := b.sync(t); run.PolicyReason != contract.InitialProjection || run.Status != contract.RunComplete || run.Exported.Update != 2 {
		t.Errorf("%+v", run)
	}
	holds("Theme Blue")
	if run := b.sync(t); run.PolicyType != contract.Delta || run.Planned.Update != 0 {
		t.Errorf("%+v", run)
	}

	// A preview of another mapping changes nothing, and the next run knows nothing of it.
	patch := command.MappingPatch{Set: []plan.Entry{{Attribute: "info", Expression: `[theme]`, Default: "none"}}}
	preview, err := b.engine.Preview(t.Context(), command.PreviewRequest{Settings: &command.SettingsPatch{Mapping: &patch}}, nil)
	if err != nil || preview.Planned.Update != 2 {
		t.Fatalf("%+v %v", preview, err)
	}
	if run := b.sync(t); run.PolicyType != contract.Delta || run.Planned.Update != 0 {
		t.Errorf("%+v", run)
	}
	b.setMapping(t, patch)
	b.sync(t)
	holds("Blue")
	if got := b.object("two").Attribute("info"); !slices.Equal(got, []string{"none"}) {
		t.Errorf("the default value: %q", got)
	}

	// A value that somebody changed is put right; without a mapping it is nobody's.
	write(b.object("one"), "info", "by hand")
	b.sync(t)
	holds("Blue")
	b.setMapping(t, command.MappingPatch{Remove: []string{"INFO"}})
	write(b.object("one"), "info", "by hand")
	if run := b.sync(t); run.PolicyReason != contract.InitialProjection || run.Planned.Update != 0 {
		t.Errorf("%+v", run)
	}
	holds("by hand")
}

func TestMappingsThatAreRefused(t *testing.T) {
	b := mapped(t)
	for id, patch := range map[string]command.MappingPatch{
		"ExpressionInvalid":  {Set: []plan.Entry{{Attribute: "info", Expression: "Lef([mail], 3)"}}},
		"AttributeProtected": {Set: []plan.Entry{{Attribute: "objectSid", Expression: "[mail]"}}},
		"AttributeUnknown":   {Set: []plan.Entry{{Attribute: "employeeID", Expression: "[mail]"}}},
		"InvalidParameter":   {Remove: []string{"info"}},
	} {
		if _, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{Mapping: &patch}); !contract.HasID(err, id) {
			t.Errorf("%v, want %s", err, id)
		}
	}
	for _, attribute := range []string{"thumbnailPhoto", "nonsense"} {
		patch := command.MappingPatch{Set: []plan.Entry{{Attribute: attribute, Expression: "[mail]"}}}
		if _, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{Mapping: &patch}); !contract.HasID(err, "AttributeUnknown") {
			t.Errorf("%s: %v", attribute, err)
		}
	}
	if settings, err := b.engine.Settings(t.Context()); err != nil || settings.Mapping != nil {
		t.Errorf("%+v %v", settings.Mapping, err)
	}
}

// A group for which an expression fails is written all the same, and each run says so.
func TestAnExpressionThatFails(t *testing.T) {
	b := mapped(t)
	b.setMapping(t, command.MappingPatch{Set: []plan.Entry{{Attribute: "info", Expression: `IIF([displayName] = "one", Error("no"), "x")`}}})
	for range 2 {
		run := b.sync(t)
		if run.Status != contract.RunPartial || run.Planned.Skip != 1 {
			t.Fatalf("%+v", run)
		}
	}
	if got := b.object("two").Attribute("info"); !slices.Equal(got, []string{"x"}) {
		t.Errorf("%q", got)
	}
}

func TestTestMapping(t *testing.T) {
	b := mapped(t)
	b.tenant.groups[guid("group one")].says("theme", "Blue")
	request := command.MappingTestRequest{Group: "one", MappingPatch: command.MappingPatch{Set: []plan.Entry{{Attribute: "info", Expression: `[theme]`}}}}
	result, err := b.engine.TestMapping(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(result.Values, func(v command.MappedValue) bool { return v.Attribute == "info" })
	if at < 0 || result.DN == "" || result.DisplayName != "one" {
		t.Fatalf("%+v", result)
	}
	want := command.MappedValue{Attribute: "info", Expression: "[theme]", Apply: plan.ApplyAlways, Now: []string{}, Then: []string{"Blue"}, Changes: true, Notes: []string{}}
	if diff := cmp.Diff(want, result.Values[at]); diff != "" {
		t.Error(diff)
	}
	for _, v := range result.Values {
		if v.Attribute != "info" && v.Changes {
			t.Errorf("%+v", v)
		}
	}
	if _, err := b.engine.TestMapping(t.Context(), command.MappingTestRequest{Group: "nobody"}); !contract.HasID(err, "GroupNotFound") {
		t.Error(err)
	}
	b.tenant.natures = map[directory.GUID]contract.GroupNature{guid("a list"): contract.NatureDistribution}
	if _, err := b.engine.TestMapping(t.Context(), command.MappingTestRequest{Group: guid("a list").String()}); !contract.HasID(err, "GroupNotWritten") {
		t.Error(err)
	}
	view, err := b.engine.Mapping(t.Context())
	if err != nil || slices.ContainsFunc(view.Rows, func(r command.MappingRow) bool { return r.Attribute == "info" }) || len(view.Rows) != len(plan.Standard) {
		t.Errorf("a test was saved: %+v %v", view.Rows, err)
	}
	if !slices.Contains(view.Functions, "Switch") || !slices.Contains(view.Properties, "mailNickname") {
		t.Error(strings.Join(view.Functions, " "), view.Properties)
	}
}
