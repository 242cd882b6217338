package stdio

import (
	"context"

	"groupwriteback/internal/command"
)

// enableParams are those of writeback.enable. GroupIDs stands over the field of
// command.Choices, here and below: as texts, so that one that is no id is refused
// by name.
type enableParams struct {
	command.EnableRequest
	GroupIDs *[]string `json:"groupIds"`
}

// request returns the engine's request; path is where the params stand in those
// of the method.
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

// patch is request of enableParams for these.
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
