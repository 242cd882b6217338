package run

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/owner"
	"groupwriteback/internal/plan"
)

// MappingTest is what a mapping makes of one group.
type MappingTest struct {
	ID          directory.GUID `json:"id"`
	DisplayName string         `json:"displayName"`
	// DN is the object that stands for the group; empty if the state knows none.
	DN     string        `json:"dn,omitempty"`
	Values []MappedValue `json:"values"`
}

// MappedValue is one attribute of the test.
type MappedValue struct {
	Attribute  string     `json:"attribute"`
	Expression string     `json:"expression,omitempty"`
	Apply      plan.Apply `json:"apply"`
	// Now is what the object has, and Then what it would have after the next sync.
	Now     []string `json:"now"`
	Then    []string `json:"then"`
	Changes bool     `json:"changes"`
	// Notes say why values are cut, left out or kept.
	Notes []string `json:"notes"`
}

// TestMapping reads the group that text names, and its object, and applies the mapping of
// the ground to them. Errors: those of finding the group, and GroupNotWritten for one of a
// kind that is never written.
func TestMapping(ctx context.Context, g *Ground, text string) (MappingTest, error) {
	r := newRun(ctx, g, contract.PreviewRun)
	id, err := r.find(ctx, text)
	if err != nil {
		return MappingTest{}, err
	}
	c := newCourse(r)
	if err := c.locate(ctx); err != nil {
		return MappingTest{}, err
	}
	if err := c.chooseScope(ctx); err != nil {
		return MappingTest{}, err
	}
	c.selection.SecurityGroups = true // whatever the scope is
	groups, err := r.source.GroupsByID(ctx, c.selection, []directory.GUID{id})
	if err != nil {
		return MappingTest{}, fmt.Errorf("reading the group %s: %w", id, err)
	}
	if len(groups) == 0 {
		return MappingTest{}, &contract.Error{Category: contract.InvalidArgument, ID: "GroupNotWritten", Object: text,
			Message: "The tenant does not show the group, or it is of a kind that is never written.", Advice: "Name a Microsoft 365 group, or a security group without mail."}
	}
	object, err := c.standing(ctx, id)
	if err != nil {
		return MappingTest{}, err
	}
	owners, err := c.ownersNow(ctx, &groups[0])
	if err != nil {
		return MappingTest{}, err
	}
	return c.testMapping(&groups[0], owners, object), nil
}

// ownersNow reads the owners of the group, if they are written, and resolves them.
func (c *course) ownersNow(ctx context.Context, g *directory.SourceGroup) ([]plan.Owner, error) {
	if !c.run.settings.UpdateManagedBy {
		return nil, nil
	}
	said, err := c.run.source.Owners(ctx, []directory.GUID{g.ID})
	members, read := said[g.ID]
	if err != nil || !read {
		return nil, err
	}
	slices.SortFunc(members, func(a, b directory.SourceMember) int { return a.ID.Compare(b.ID) })
	found, err := c.run.target.Resolve(ctx, members)
	if err != nil {
		return nil, resolving(err)
	}
	g.Owners = []directory.GUID{}
	var owners []plan.Owner
	for i := range found {
		answer := found[i]
		if answer.Reason == directory.ReasonUnresolved {
			rest, err := c.run.target.ResolveRest(ctx, members[i:i+1])
			if err != nil {
				return nil, resolving(err)
			}
			answer = rest[0]
		}
		g.Owners = append(g.Owners, answer.MemberID)
		owners = append(owners, plan.Owner{ID: answer.MemberID, Object: answer.Ref, Reason: answer.Reason})
	}
	return owners, nil
}

// standing reads the object that is linked to the group, or returns nil.
func (c *course) standing(ctx context.Context, id directory.GUID) (*plan.Candidate, error) {
	links, err := c.run.state.LinksOf(ctx, []directory.GUID{id})
	if err != nil || len(links) == 0 {
		return nil, err
	}
	found, err := owner.Headers(ctx, c.run.target, []directory.GUID{links[0].TargetGUID})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	staged, err := owner.WithLinks(ctx, c.run.state, found)
	if err != nil {
		return nil, err
	}
	candidate := c.judge.Unowned(&staged[0])
	return &candidate, nil
}

func (c *course) testMapping(g *directory.SourceGroup, owners []plan.Owner, object *plan.Candidate) MappingTest {
	rules := &c.judge.Rules
	result := MappingTest{ID: g.ID, DisplayName: g.DisplayName()}
	if object != nil {
		result.DN = object.DN
	}
	compiled := map[string]*plan.Row{}
	for i := range rules.Mapping {
		compiled[rules.Mapping[i].Attribute] = &rules.Mapping[i]
	}
	for _, row := range c.run.ground.Mapping {
		value := MappedValue{Attribute: row.Attribute, Expression: row.Expression, Apply: cmp.Or(row.Apply, plan.ApplyAlways)}
		if object != nil {
			value.Now = object.Attribute(row.Attribute)
		}
		if then, notes, names := plan.TryName(g, object, rules, row.Attribute); names {
			value.Now, value.Then, value.Notes = object.Named(row.Attribute), then, notes
			value.Changes = !slices.Equal(value.Now, value.Then)
		} else if in := compiled[row.Attribute]; in == nil {
			value.Then = value.Now
			value.Notes = []string{"It is not written: the forest's schema does not allow it on groups, or mail is excluded."}
		} else {
			value.Then, value.Changes, value.Notes = in.Try(g, owners, object, rules)
		}
		value.Now, value.Then = directory.PlainNames(value.Now), directory.PlainNames(value.Then)
		result.Values = append(result.Values, value.listed())
	}
	return result
}

// listed has empty lists in place of none.
func (v MappedValue) listed() MappedValue {
	for _, list := range []*[]string{&v.Now, &v.Then, &v.Notes} {
		if *list == nil {
			*list = []string{}
		}
	}
	return v
}
