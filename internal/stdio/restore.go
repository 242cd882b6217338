package stdio

import (
	"context"

	"groupwriteback/internal/command"
)

type restoreParams struct {
	command.RestoreRequest
	Target *targetParams `json:"target"`
}

func restore(ctx context.Context, e Engine, p restoreParams) (any, error) {
	if p.Target != nil {
		config, err := p.Target.config()
		if err != nil {
			return nil, err
		}
		p.RestoreRequest.Target = config
	}
	result, err := e.Restore(ctx, p.RestoreRequest)
	if result.Groups == nil {
		result.Groups = []command.RestoredGroup{}
	}
	return result, err
}
