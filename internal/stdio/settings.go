package stdio

import (
	"context"

	"groupwriteback/internal/command"
)

// enableParams are the parameters of writeback.enable. Here and in settingsParams,
// GroupIDs shadows the field of command.Choices and holds texts, so that an invalid id
// is refused by name.
type enableParams struct {
	command.EnableRequest
	GroupIDs *[]string `json:"groupIds"`
}

// request returns the engine's request. path is the path of these parameters within
// those of the method.
func (p *enableParams) request(path string) (command.EnableRequest, error) {
	ids, err := guids(path+"groupIds", p.GroupIDs)
	p.EnableRequest.GroupIDs = ids
	return p.EnableRequest, err
}

func enable(ctx context.Context, e Engine, p enableParams) (any, error) {
	request, err := p.request("")
	if err != nil {
		return nil, err
	}
	result, err := e.Enable(ctx, request)
	if result.Warnings == nil {
		result.Warnings = []string{}
	}
	return result, err
}

type settingsParams struct {
	command.SettingsPatch
	GroupIDs *[]string `json:"groupIds"`
}

// patch does for settingsParams what request does for enableParams.
func (p *settingsParams) patch(path string) (command.SettingsPatch, error) {
	ids, err := guids(path+"groupIds", p.GroupIDs)
	p.SettingsPatch.GroupIDs = ids
	return p.SettingsPatch, err
}

func setSettings(ctx context.Context, e Engine, p settingsParams) (any, error) {
	patch, err := p.patch("")
	if err != nil {
		return nil, err
	}
	return e.SetSettings(ctx, patch)
}
