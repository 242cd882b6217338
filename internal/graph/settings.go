package graph

import (
	"context"
	"strings"

	"groupwriteback/internal/contract"
)

// groupTemplate is the id of the settings template for Microsoft 365 groups, which is
// the same in every tenant.
const groupTemplate = "62375ab9-6b52-47ed-826b-58e47e0e304b"

// NewGroupDefault implements [contract.Source].
func (s *source) NewGroupDefault(ctx context.Context) (contract.Tristate, error) {
	type setting struct {
		TemplateID string `json:"templateId"`
		Values     []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"values"`
	}
	read := call{doing: "reading the group settings", object: string(s.beta) + "/settings", permission: "GroupSettings.Read.All or Directory.Read.All"}
	first, err := get(read.object)
	if err != nil {
		return contract.Unknown, read.failed(err)
	}
	result := contract.Yes
	_, err = list(ctx, s, read, first, func(items []*setting, _ bool) error {
		for _, item := range items {
			if item == nil || !strings.EqualFold(item.TemplateID, groupTemplate) {
				continue
			}
			for _, v := range item.Values {
				if v.Name == "NewUnifiedGroupWritebackDefault" && strings.EqualFold(strings.TrimSpace(v.Value), "false") {
					result = contract.No
				}
			}
		}
		return nil
	})
	if contract.HasID(err, "PermissionMissing") || contract.HasID(err, "GraphObjectNotFound") {
		return contract.Unknown, nil
	}
	if err != nil {
		return contract.Unknown, err
	}
	return result, nil
}
