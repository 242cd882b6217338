package contract

import (
	"strings"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// ParseFilter parses a filter. It returns nil for an empty text. Error FilterInvalid.
func ParseFilter(text string) (*plan.Filter, error) {
	if text == "" {
		return nil, nil
	}
	filter, err := plan.ParseFilter(text)
	if err != nil {
		names := plan.FilterAttributes()
		last := len(names) - 1
		return nil, &Error{Category: InvalidArgument, ID: "FilterInvalid", Object: text, Message: "The" + strings.TrimPrefix(err.Error(), "the"), // in sentences
			Advice: "Write it like this: displayName -like 'HR-*' -and visibility -eq 'Private'. The attributes are " + strings.Join(names[:last], ", ") + " and " + names[last] + "."}
	}
	return filter, nil
}

// Shape returns what the settings ask the tenant for and which groups of that are
// written. It leaves open the tenant's default for new groups.
func (s *Scope) Shape() (SourceSelection, plan.Scope, error) {
	selection := SourceSelection{SecurityGroups: s.IncludeSecurityGroups, WritebackConfiguration: s.Groups == plan.ScopeWritebackEnabled}
	filter, err := ParseFilter(s.Filter)
	scope := plan.Scope{Mode: s.Groups, IDs: map[directory.GUID]bool{}, Filter: filter, SecurityGroups: s.IncludeSecurityGroups}
	for _, id := range s.GroupIDs {
		scope.IDs[id] = true
	}
	return selection, scope, err
}
