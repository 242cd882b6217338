package command

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/expression"
	"groupwriteback/internal/plan"
	"groupwriteback/internal/run"
)

// Mapping returns the mapping in effect. It needs no connection.
func (e *Engine) Mapping(ctx context.Context) (MappingView, error) {
	settings, err := e.Settings(ctx)
	if err != nil {
		return MappingView{}, err
	}
	mapping, err := e.mapping(&settings)
	if err != nil {
		return MappingView{}, err
	}
	view := MappingView{Properties: plan.PropertyNames(), Functions: expression.Functions()}
	for i := range mapping {
		row := &mapping[i]
		view.Rows = append(view.Rows, MappingRow{Attribute: row.Attribute, Expression: row.Expression, Function: row.Function,
			Apply: cmp.Or(row.Apply, plan.ApplyAlways), Default: row.Default, On: row.When, MaxLength: row.Max, Custom: row.Custom, ReadOnly: !row.Open()})
	}
	return view, nil
}

// TestMapping reads one group on both sides and returns what the mapping makes of it. It
// changes nothing.
func (e *Engine) TestMapping(ctx context.Context, request MappingTestRequest) (MappingTest, error) {
	state, unlock, err := lockState(ctx, e.State)
	if err != nil {
		return MappingTest{}, err
	}
	defer unlock()
	c, done, err := e.use(sourceSide | targetSide)
	if err != nil {
		return MappingTest{}, err
	}
	defer done()
	settings, err := state.LoadSettings(ctx)
	if err != nil {
		return MappingTest{}, err
	}
	if settings.Tenant.ID.IsZero() {
		return MappingTest{}, contract.ErrNotConfigured()
	}
	if err := checkRun(ctx, state, &settings, &c); err != nil {
		return MappingTest{}, err
	}
	if err := e.patchMapping(ctx, &c, &request.MappingPatch, &settings); err != nil {
		return MappingTest{}, err
	}
	ground, err := e.ground(ctx, state, &c, settings)
	if err != nil {
		return MappingTest{}, err
	}
	return run.TestMapping(ctx, ground, request.Group)
}

// patchMapping changes the entries in the settings. What is set is checked against the
// schema of the forest. Errors: ExpressionInvalid, AttributeProtected, AttributeUnknown.
func (e *Engine) patchMapping(ctx context.Context, c *connection, patch *MappingPatch, s *contract.Settings) error {
	if patch == nil || len(patch.Set)+len(patch.Remove) == 0 {
		return nil
	}
	entries := slices.Clone(s.Mapping)
	without := func(attribute string) int {
		before := len(entries)
		entries = slices.DeleteFunc(entries, func(e plan.Entry) bool { return strings.EqualFold(e.Attribute, attribute) })
		return before - len(entries)
	}
	for _, attribute := range patch.Remove {
		if without(strings.TrimSpace(attribute)) == 0 {
			return contract.InvalidParameter("mapping.remove", attribute, "an attribute whose mapping is set, as Get-GroupWritebackMapping shows it")
		}
	}
	for _, entry := range patch.Set {
		without(strings.TrimSpace(entry.Attribute))
	}
	for _, entry := range patch.Set {
		entry.Attribute, _ = plan.NamingAttribute(strings.TrimSpace(entry.Attribute))
		entries = append(entries, entry)
	}
	if _, err := e.config.Mapping.With(entries); err != nil {
		return entryError(err)
	}
	if len(patch.Set) > 0 {
		if err := e.fitSchema(ctx, c, entries); err != nil {
			return err
		}
	}
	slices.SortFunc(entries, func(a, b plan.Entry) int {
		return cmp.Compare(strings.ToLower(a.Attribute), strings.ToLower(b.Attribute))
	})
	s.Mapping = entries
	return nil
}

// fitSchema checks the entries against the schema and gives the attributes its spelling.
func (e *Engine) fitSchema(ctx context.Context, c *connection, entries []plan.Entry) error {
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Attribute
	}
	said, err := c.target.AttributeSchemas(ctx, names)
	if err != nil {
		return err
	}
	schema := plan.Schema{}
	for i := range entries {
		if of, known := said[entries[i].Attribute]; known {
			entries[i].Attribute = cmp.Or(of.Name, entries[i].Attribute)
			schema[entries[i].Attribute] = of
		}
	}
	mapping, err := e.config.Mapping.With(entries)
	if err == nil {
		err = mapping.Check(schema)
	}
	return entryError(err)
}
