package contract

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"groupwriteback/internal/plan"
)

// untold are fields of the settings that no administrator sets, and the mapping, which is
// told by attribute.
var untold = []string{"version", "initialPending", "container.canCreate", "mapping"}

// Difference lists what differs between settings, by the names of settings.json, in their
// alphabetical order: single values with the old and the new one, of lists each element
// that went or came. Values are JSON, texts without quotes. mapping has the entries of
// attributes.
func (s *Settings) Difference(after *Settings) (settings, mapping []AuditChange) {
	old, now := s.values(), after.values()
	for _, name := range slices.Sorted(maps.Keys(union(old, now))) {
		settings = append(settings, differing(name, old[name], now[name])...)
	}
	was, is := entryTexts(s.Mapping), entryTexts(after.Mapping)
	for _, attribute := range slices.Sorted(maps.Keys(union(was, is))) {
		if was[attribute] != is[attribute] {
			mapping = append(mapping, AuditChange{Name: attribute, Old: was[attribute], New: is[attribute]})
		}
	}
	return settings, mapping
}

// values returns the fields of the settings as JSON, those of objects by their path.
func (s *Settings) values() map[string]json.RawMessage {
	values := map[string]json.RawMessage{}
	flatten(values, "", jsonText(s))
	for _, name := range untold {
		delete(values, name)
	}
	return values
}

func flatten(into map[string]json.RawMessage, name string, value json.RawMessage) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(value, &fields) != nil || fields == nil {
		into[name] = value
		return
	}
	for field, value := range fields {
		flatten(into, strings.TrimPrefix(name+"."+field, "."), value)
	}
}

// differing compares two values of a field, either of which may be missing.
func differing(name string, old, now json.RawMessage) []AuditChange {
	was, is := elements(old), elements(now)
	if was == nil && is == nil {
		if bytes.Equal(old, now) {
			return nil
		}
		return []AuditChange{{Name: name, Old: valueText(old), New: valueText(now)}}
	}
	var changes []AuditChange
	for _, value := range slices.Sorted(maps.Keys(was)) {
		if !is[value] {
			changes = append(changes, AuditChange{Name: name, Old: value})
		}
	}
	for _, value := range slices.Sorted(maps.Keys(is)) {
		if !was[value] {
			changes = append(changes, AuditChange{Name: name, New: value})
		}
	}
	return changes
}

// elements returns the elements of a list as texts; nil if the value is none.
func elements(value json.RawMessage) map[string]bool {
	var list []json.RawMessage
	if json.Unmarshal(value, &list) != nil || list == nil {
		return nil
	}
	texts := map[string]bool{}
	for _, element := range list {
		texts[valueText(element)] = true
	}
	return texts
}

func valueText(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

func entryTexts(entries []plan.Entry) map[string]string {
	texts := map[string]string{}
	for i := range entries {
		texts[entries[i].Attribute] = string(jsonText(&entries[i]))
	}
	return texts
}

// jsonText returns the value as JSON that people read: without the escapes of HTML.
func jsonText(value any) json.RawMessage {
	var text bytes.Buffer
	encode := json.NewEncoder(&text)
	encode.SetEscapeHTML(false)
	if encode.Encode(value) != nil {
		return nil
	}
	return bytes.TrimSpace(text.Bytes())
}

func union[V any](a, b map[string]V) map[string]bool {
	keys := map[string]bool{}
	for key := range a {
		keys[key] = true
	}
	for key := range b {
		keys[key] = true
	}
	return keys
}
