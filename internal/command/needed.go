package command

import (
	"context"
	"maps"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/plan"
)

// neededAttributes returns the attributes that the account has to be able to write: those of
// the mapping in use that the forest has. It changes nothing about what the target reads,
// since a run may be using it.
func neededAttributes(ctx context.Context, target contract.TargetReader, id *contract.TargetIdentity, mapping plan.Mapping, s *contract.Settings) ([]string, error) {
	schema := maps.Clone(id.Schema.Attributes)
	var custom []string
	for _, row := range mapping {
		if _, known := schema[row.Attribute]; row.Custom && !known {
			custom = append(custom, row.Attribute)
		}
	}
	if len(custom) > 0 {
		said, err := target.AttributeSchemas(ctx, custom)
		if err != nil {
			return nil, err
		}
		for name, attribute := range said {
			if !attribute.NotOnGroups {
				schema[name] = attribute
			}
		}
	}
	return mapping.Compile(schema, !s.ExcludeMailAttribute).Needed(s.Choice()).Attributes(), nil
}
