package graphtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// unifiedTemplate is the id of the template Group.Unified, which is the same in every
// tenant (api-reference/beta/resources/directorysetting.md).
const unifiedTemplate = "62375ab9-6b52-47ed-826b-58e47e0e304b"

// unifiedDefaults are the values of the template. A tenant that never changed one has
// no settings object.
var unifiedDefaults = map[string]string{
	"AllowGuestsToAccessGroups":       "true",
	"AllowGuestsToBeGroupOwner":       "false",
	"AllowToAddGuests":                "true",
	"ClassificationDescriptions":      "",
	"ClassificationList":              "",
	"CustomBlockedWordsList":          "",
	"DefaultClassification":           "",
	"EnableGroupCreation":             "true",
	"EnableMIPLabels":                 "false",
	"EnableMSStandardBlockedWords":    "false",
	"GroupCreationAllowedGroupId":     "",
	"GuestUsageGuidelinesUrl":         "",
	"NewUnifiedGroupWritebackDefault": "true",
	"PrefixSuffixNamingRequirement":   "",
	"UsageGuidelinesUrl":              "",
}

type directorySetting struct {
	ID          string          `json:"id" graph:"default"`
	DisplayName string          `json:"displayName" graph:"default"`
	TemplateID  string          `json:"templateId" graph:"default"`
	Values      json.RawMessage `json:"values" graph:"default"`
}

// settingReaders are the application permissions of group-list-settings.md.
var settingReaders = []string{"GroupSettings.Read.All", "GroupSettings.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}

var settingSchema = newSchema("directorySetting", "settings", directorySetting{}, nil, settingReaders...)

func checkGroupSettings(values map[string]string) error {
	for name := range values {
		if _, ok := unifiedDefaults[name]; !ok {
			return fmt.Errorf("group settings: the template Group.Unified has no value %q", name)
		}
	}
	return nil
}

// SetGroupSettings sets TenantInfo.GroupSettings; nil removes the settings.
func (t *Tenant) SetGroupSettings(values map[string]string) error {
	if err := checkGroupSettings(values); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tenant.GroupSettings = maps.Clone(values)
	return nil
}

// groupSettings serves /beta/settings and /v1.0/groupSettings.
func (rq *request) groupSettings() (*reply, *graphError) {
	if rq.tenant.GroupSettings != nil {
		return rq.singleton(settingSchema, rq.unifiedSettings())
	}
	if !rq.token.hasAny(settingReaders) {
		return nil, denied()
	}
	q, err := rq.parse(optSelect)
	if err != nil {
		return nil, err
	}
	return rq.newPage(settingSchema.set, q).reply(""), nil
}

func (rq *request) unifiedSettings() *directorySetting {
	type value struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	var values []value
	for _, name := range slices.Sorted(maps.Keys(unifiedDefaults)) {
		v := value{name, unifiedDefaults[name]}
		if set, ok := rq.tenant.GroupSettings[name]; ok {
			v.Value = set
		}
		values = append(values, v)
	}
	data, _ := json.Marshal(values)
	return &directorySetting{
		ID: derivedGUID("directorySetting", rq.tenant.ID).String(), DisplayName: "Group.Unified",
		TemplateID: unifiedTemplate, Values: data,
	}
}
