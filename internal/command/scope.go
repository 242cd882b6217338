package command

import (
	"context"
	"fmt"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// setsScope reports whether the choices change which groups are written.
func (c *Choices) setsScope() bool {
	return c.Scope != "" || c.GroupIDs != nil || c.Filter != nil || c.IncludeSecurityGroups != nil
}

// checkScope looks up in the tenant what a selection or a filter would do, and warns of
// what an administrator may not intend: ids that are not groups, groups that cannot be
// written, and a scope without any group.
func checkScope(ctx context.Context, source contract.Source, s *contract.Scope) ([]string, error) {
	if s.Groups == plan.ScopeAll && s.Filter == "" {
		return nil, nil
	}
	p := contract.ProgressOf(ctx)
	p.Begin("Scope", "Checking the groups in scope")
	var warnings []string
	if s.Groups == plan.ScopeSelected {
		natures, err := source.GroupNatures(ctx, s.GroupIDs)
		if err != nil {
			return nil, fmt.Errorf("checking the %s in the selection: %w", directory.Count(len(s.GroupIDs), "group"), err)
		}
		warnings = unfit(s, natures)
	}
	selection, scope, err := s.Shape()
	if err != nil {
		return nil, err
	}
	if s.Groups == plan.ScopeWritebackEnabled {
		byDefault, err := source.NewGroupDefault(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading whether the tenant writes new groups back by default: %w", err)
		}
		scope.NewGroupDefault = byDefault != contract.No
	}
	in, all := 0, 0
	count := func(groups []directory.SourceGroup) error {
		for i := range groups {
			if all++; scope.Holds(&groups[i]) {
				in++
			}
		}
		p.Read(all, "Counting the groups in scope")
		return nil
	}
	if s.Groups == plan.ScopeSelected {
		var groups []directory.SourceGroup
		if groups, err = source.GroupsByID(ctx, selection, s.GroupIDs); err == nil {
			err = count(groups)
		}
		all = len(s.GroupIDs)
	} else {
		err = source.Groups(ctx, selection, count)
	}
	if err != nil {
		return nil, fmt.Errorf("counting the groups in scope: %w", err)
	}
	if in == 0 {
		warnings = append(warnings, directory.Plural(all, "0 of 1 group is", "0 of %d groups are")+" in scope, so no group would be written"+because(s)+".")
	}
	return warnings, nil
}

func because(s *contract.Scope) string {
	if s.Filter != "" {
		return "; the filter is " + s.Filter
	}
	return ""
}

// namedUnfit is how many groups of one kind a warning names.
const namedUnfit = 10

// unfit names, by kind, the selected ids that are not written.
func unfit(s *contract.Scope, natures map[directory.GUID]contract.NamedNature) []string {
	var warnings []string
	for _, kind := range []struct {
		nature contract.GroupNature
		why    string
	}{
		{contract.NoSuchGroup, "the tenant does not have these"},
		{contract.NatureDistribution, "these are distribution lists, which are not written"},
		{contract.NatureMailSecurity, "these are mail-enabled security groups, which are not written"},
		{contract.NatureOther, "these are of an unknown kind and are not written"},
		{contract.NatureSynced, "these are synchronised from on-premises and are not written"},
		{contract.NatureSecurity, "these are security groups, which are written only with -IncludeSecurityGroup"},
	} {
		if kind.nature == contract.NatureSecurity && s.IncludeSecurityGroups {
			continue
		}
		var names []string
		for _, id := range s.GroupIDs {
			if of := natures[id]; of.Nature == kind.nature {
				names = append(names, strings.TrimSpace(of.Name+" "+id.String()))
			}
		}
		if names == nil {
			continue
		}
		more := ""
		if len(names) > namedUnfit {
			more = fmt.Sprintf(" and %d more", len(names)-namedUnfit)
			names = names[:namedUnfit]
		}
		warnings = append(warnings, fmt.Sprintf("Of the selected groups, %s: %s%s.", kind.why, strings.Join(names, ", "), more))
	}
	return warnings
}
