package engine

import (
	"context"
	"fmt"
	"strings"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// GroupNature is what a group of the tenant is, of those too that are never
// written.
type GroupNature string

// The natures. NoSuchGroup: the tenant does not show a group of this id.
const (
	NatureUnified      GroupNature = "Microsoft 365 group"
	NatureSecurity     GroupNature = "security group"
	NatureMailSecurity GroupNature = "mail-enabled security group"
	NatureDistribution GroupNature = "distribution list"
	NatureSynced       GroupNature = "group that is synchronised from on-premises"
	NatureOther        GroupNature = "group of an unknown kind"
	NoSuchGroup        GroupNature = ""
)

// unwritable says why a group of this nature is not written where only what the
// settings say is.
func (n GroupNature) unwritable() string {
	switch n {
	case NatureSecurity:
		return "A security group is written only with -IncludeSecurityGroup."
	case NatureSynced:
		return "A group that is synchronised from on-premises is not written: it comes from Active Directory."
	case NatureUnified:
		return "The tenant does not give the group among those that can be written now."
	}
	return "A " + string(n) + " is not written."
}

// NamedNature is the nature of a group with its display name.
type NamedNature struct {
	Name   string
	Nature GroupNature
}

// setsScope reports whether the choices say which groups are written.
func (c *Choices) setsScope() bool {
	return c.Scope != "" || c.GroupIDs != nil || c.Filter != nil || c.IncludeSecurityGroups != nil
}

// checkScope looks at the tenant for what a selection or a filter would do, and
// says what an administrator may not have meant: ids that are no groups, or none
// that can be written, and a scope without any group.
func checkScope(ctx context.Context, source Source, s *Scope) ([]string, error) {
	if s.Groups == plan.ScopeAll && s.Filter == "" {
		return nil, nil
	}
	p := progressOf(ctx)
	p.begin("scope", "Looking at the groups in scope")
	var warnings []string
	if s.Groups == plan.ScopeSelected {
		natures, err := source.GroupNatures(ctx, s.GroupIDs)
		if err != nil {
			return nil, fmt.Errorf("looking at the %s that are selected: %w", directory.Count(len(s.GroupIDs), "group"), err)
		}
		warnings = unfit(s, natures)
	}
	selection, scope, err := s.shape()
	if err != nil {
		return nil, err
	}
	if s.Groups == plan.ScopeWritebackEnabled {
		byDefault, err := source.NewGroupDefault(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading whether new groups are written back: %w", err)
		}
		scope.NewGroupDefault = byDefault != No
	}
	in, all := 0, 0
	count := func(groups []directory.SourceGroup) error {
		for i := range groups {
			if all++; scope.Holds(&groups[i]) {
				in++
			}
		}
		p.read(all, "Counting the groups in scope")
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
		warnings = append(warnings, directory.Plural(all, "0 of 1 group is", "0 of %d groups are")+" in scope, so none would be written"+because(s)+".")
	}
	return warnings, nil
}

func because(s *Scope) string {
	if s.Filter != "" {
		return "; the filter is " + s.Filter
	}
	return ""
}

// namedUnfit is how many groups of one kind are named.
const namedUnfit = 10

// unfit names the selected ids that are not written, by kind.
func unfit(s *Scope, natures map[directory.GUID]NamedNature) []string {
	var warnings []string
	for _, kind := range []struct {
		nature GroupNature
		why    string
	}{
		{NoSuchGroup, "the tenant has no such group"},
		{NatureDistribution, "a distribution list is not written"},
		{NatureMailSecurity, "a mail-enabled security group is not written"},
		{NatureOther, "a group of an unknown kind is not written"},
		{NatureSynced, "a group that is synchronised from on-premises is not written"},
		{NatureSecurity, "a security group is written only with -IncludeSecurityGroup"},
	} {
		if kind.nature == NatureSecurity && s.IncludeSecurityGroups {
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

// shape makes of the settings what the tenant is asked for, and which of it is
// written; what the tenant's default for new groups is, is left open.
func (s *Scope) shape() (SourceSelection, plan.Scope, error) {
	selection := SourceSelection{SecurityGroups: s.IncludeSecurityGroups, WritebackConfiguration: s.Groups == plan.ScopeWritebackEnabled}
	filter, err := parseFilter(s.Filter)
	scope := plan.Scope{Mode: s.Groups, IDs: map[directory.GUID]bool{}, Filter: filter, SecurityGroups: s.IncludeSecurityGroups}
	for _, id := range s.GroupIDs {
		scope.IDs[id] = true
	}
	return selection, scope, err
}
