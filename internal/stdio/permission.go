package stdio

import (
	"context"

	"groupwriteback/internal/command"
)

type permissionParams struct {
	command.PermissionRequest
	Target *targetParams `json:"target"`
}

// permission makes a method from one of the engine's functions about permissions.
func permission(do func(Engine, context.Context, command.PermissionRequest) (command.PermissionResult, error)) func(context.Context, Engine, permissionParams) (any, error) {
	return func(ctx context.Context, e Engine, p permissionParams) (any, error) {
		if p.UsePropertySet && p.Compatible {
			return nil, invalidParameter("compatible", "Both usePropertySet and compatible are true.", "Choose one form.")
		}
		if p.Target != nil {
			config, err := p.Target.config()
			if err != nil {
				return nil, err
			}
			p.PermissionRequest.Target = config
		}
		return do(e, ctx, p.PermissionRequest)
	}
}
