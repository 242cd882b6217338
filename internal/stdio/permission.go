package stdio

import (
	"context"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
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

type graphPermissionParams struct {
	Script   command.ScriptKind `json:"script"`
	ClientID string             `json:"clientId"`
}

func graphPermission(ctx context.Context, e Engine, p graphPermissionParams) (any, error) {
	if err := contract.CheckOneOf("script", p.Script, command.ScriptKinds); err != nil {
		return nil, err
	}
	id, err := guid("clientId", p.ClientID)
	if err != nil {
		return nil, err
	}
	return e.GraphPermission(ctx, command.GraphPermissionRequest{Script: p.Script, ClientID: id})
}
