package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// optional is a property of an entity: left out, null, or with a value. A delta leaves
// out what has not changed, which is not the same as null.
type optional[T any] struct {
	Present bool
	Value   *T // nil if null
}

// UnmarshalJSON implements [json.Unmarshaler]. It is not called for a property that was
// left out.
func (o *optional[T]) UnmarshalJSON(data []byte) error {
	o.Present = true
	if into, ok := any(&o.Value).(**string); ok {
		if plain, ok := plainString(data); ok {
			*into = &plain
			return nil
		}
	}
	return json.Unmarshal(data, &o.Value)
}

// plainString returns the string that data is, if it is one without escapes. Most are,
// and a page of members has thousands.
func plainString(data []byte) (string, bool) {
	if len(data) < 2 || data[0] != '"' || bytes.IndexByte(data, '\\') >= 0 || !utf8.Valid(data) {
		return "", false
	}
	return string(data[1 : len(data)-1]), true
}

// or returns the value, or none if the property was left out or is null.
func (o optional[T]) or(none T) T {
	if o.Value == nil {
		return none
	}
	return *o.Value
}

// change returns the value, the zero value for null, or nil if the property was left
// out.
func (o optional[T]) change() *T {
	if !o.Present {
		return nil
	}
	var none T
	value := o.or(none)
	return &value
}

// removed is the @removed object of a delta.
type removed struct {
	Reason string `json:"reason"`
}

// groupEntity is a group as Graph writes it, without the properties that only flow into
// attributes.
type groupEntity struct {
	ID                    directory.GUID     `json:"id"`
	DisplayName           optional[string]   `json:"displayName"`
	Visibility            optional[string]   `json:"visibility"`
	GroupTypes            optional[[]string] `json:"groupTypes"`
	SecurityEnabled       optional[bool]     `json:"securityEnabled"`
	MailEnabled           optional[bool]     `json:"mailEnabled"`
	OnPremisesSyncEnabled optional[bool]     `json:"onPremisesSyncEnabled"`
	OnPremisesSID         optional[string]   `json:"onPremisesSecurityIdentifier"`
	Writeback             *struct {
		IsEnabled           *bool   `json:"isEnabled"`
		OnPremisesGroupType *string `json:"onPremisesGroupType"`
	} `json:"writebackConfiguration"`

	Removed *removed       `json:"@removed"`
	Members []memberChange `json:"members@delta"`
	Owners  []memberChange `json:"owners@delta"`
}

// memberChange is an entry of members@delta.
type memberChange struct {
	Type    string         `json:"@odata.type"`
	ID      directory.GUID `json:"id"`
	Removed *removed       `json:"@removed"`
}

// groupProperties are the properties of a groupEntity. Attributes are made from other
// properties.
var groupProperties = []string{
	"id", "displayName", "visibility", "groupTypes", "securityEnabled", "mailEnabled",
	"onPremisesSyncEnabled", "onPremisesSecurityIdentifier",
}

var (
	errNoID = errors.New("it has no id")
	errNull = errors.New("it is null")
)

// check returns an error unless g is a group. An item that is null is nil.
func (g *groupEntity) check() error {
	switch {
	case g == nil:
		return errNull
	case g.ID.IsZero():
		return errNoID
	}
	return nil
}

// kind returns the kind of the group, or "" for a group that is never written.
// Microsoft 365 groups, and security groups without mail, are written unless they are
// synced from on-premises. A property that was left out counts as null.
func (g *groupEntity) kind() directory.GroupKind {
	switch {
	case g.OnPremisesSyncEnabled.or(false):
		return ""
	case g.unified():
		return directory.UnifiedGroup
	case g.SecurityEnabled.or(false) && !g.MailEnabled.or(false):
		return directory.SecurityGroup
	}
	return ""
}

// nature returns what the group is, also for groups that are never written.
func (g *groupEntity) nature() contract.GroupNature {
	switch {
	case g.OnPremisesSyncEnabled.or(false):
		return contract.NatureSynced
	case g.unified():
		return contract.NatureUnified
	case g.SecurityEnabled.or(false) && g.MailEnabled.or(false):
		return contract.NatureMailSecurity
	case g.SecurityEnabled.or(false):
		return contract.NatureSecurity
	case g.MailEnabled.or(false):
		return contract.NatureDistribution
	}
	return contract.NatureOther
}

// tellsKind reports whether the entry is enough to know the kind. For a group that was
// never synced, no entry says so, because the property was never set.
func (g *groupEntity) tellsKind() bool {
	switch {
	case g.OnPremisesSyncEnabled.or(false):
		return true
	case g.GroupTypes.Value == nil:
		return false
	}
	return g.unified() || g.MailEnabled.or(false) || !g.SecurityEnabled.or(true) ||
		g.SecurityEnabled.Value != nil && g.MailEnabled.Value != nil
}

func (g *groupEntity) unified() bool { return slices.Contains(g.GroupTypes.or(nil), "Unified") }

func (g *groupEntity) sid() (directory.SID, error) {
	value := g.OnPremisesSID.or("")
	if value == "" {
		return "", nil
	}
	sid, err := directory.ParseSID(value)
	if err != nil {
		// Without the SID the group would look like one that never existed in AD.
		return "", fmt.Errorf("group %s: %w", g.ID, err)
	}
	return sid, nil
}

// wholeGroup is a group with the properties from which attributes are made.
type wholeGroup struct {
	groupEntity
	told map[string]json.RawMessage // every property, as Graph wrote it
}

// entityFields are the JSON names of the fields of a groupEntity.
var entityFields = func() []string {
	entity := reflect.TypeFor[groupEntity]()
	names := make([]string, entity.NumField())
	for i := range names {
		names[i] = entity.Field(i).Tag.Get("json")
	}
	return names
}()

// UnmarshalJSON implements [json.Unmarshaler]. It splits the group into its properties
// once, and parses the entity's fields from those.
func (g *wholeGroup) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &g.told); err != nil {
		return err
	}
	entity := reflect.ValueOf(&g.groupEntity).Elem()
	for i, name := range entityFields {
		raw, told := g.told[name]
		if !told {
			continue
		}
		if err := unmarshal(raw, entity.Field(i).Addr().Interface()); err != nil {
			return fmt.Errorf("the property %s: %w", name, err)
		}
	}
	return nil
}

// unmarshal is [json.Unmarshal] for input that is known to be valid JSON.
func unmarshal(raw json.RawMessage, into any) error {
	if own, ok := into.(json.Unmarshaler); ok {
		return own.UnmarshalJSON(raw)
	}
	return json.Unmarshal(raw, into)
}

// properties returns those of the named properties that are present. A property that is
// null has no values.
func (g *wholeGroup) properties(names []string) (directory.Values, error) {
	values := directory.Values{}
	for _, name := range names {
		raw, told := g.told[name]
		if !told {
			continue
		}
		var err error
		if values[name], err = valuesOf(raw); err != nil {
			return nil, fmt.Errorf("group %s: the property %s: %w", g.ID, name, err)
		}
	}
	return values, nil
}

// valuesOf parses a property with one value or a list of values. An empty string is no
// value.
func valuesOf(raw json.RawMessage) ([]string, error) {
	var one optional[scalar]
	if err := json.Unmarshal(raw, &one); err == nil {
		if text := one.or(""); text != "" {
			return []string{string(text)}, nil
		}
		return nil, nil
	}
	var list []scalar
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	var values []string
	for _, text := range list {
		if text != "" {
			values = append(values, string(text))
		}
	}
	return values, nil
}

// scalar is the text of a string, a number or a boolean.
type scalar string

// UnmarshalJSON implements [json.Unmarshaler].
func (s *scalar) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case '"':
		return json.Unmarshal(data, (*string)(s))
	case '{', '[':
		return errors.New("it is not a single value")
	case 'n':
		return nil // null
	}
	*s = scalar(data)
	return nil
}

// source converts a group of a listing, and reports whether the selection includes it.
func (g *wholeGroup) source(selection contract.SourceSelection, properties []string) (group directory.SourceGroup, wanted bool, err error) {
	if g == nil {
		return group, false, errNull
	}
	if err := g.check(); err != nil {
		return group, false, err
	}
	if g.GroupTypes.Value == nil {
		return group, false, fmt.Errorf("group %s: it has no group types", g.ID)
	}
	kind := g.kind()
	if kind == "" || kind == directory.SecurityGroup && !selection.SecurityGroups {
		return group, false, nil
	}
	group = directory.SourceGroup{ID: g.ID, Kind: kind, Visibility: g.Visibility.or("")}
	told, err := g.properties(properties)
	if err != nil {
		return group, false, err
	}
	for name, values := range told {
		group.Properties = group.Properties.With(name, values...)
	}
	if w := g.Writeback; w != nil {
		group.WritebackEnabled, group.OnPremisesGroupType = w.IsEnabled, text(w.OnPremisesGroupType)
	}
	group.OnPremisesSID, err = g.sid()
	return group, err == nil, err
}

// change converts an entry of a delta.
func (g *wholeGroup) change(properties []string) (contract.GroupChange, error) {
	if g == nil {
		return contract.GroupChange{}, errNull
	}
	if err := g.check(); err != nil {
		return contract.GroupChange{}, err
	}
	change := contract.GroupChange{ID: g.ID, Visibility: g.Visibility.change(), Owners: len(g.Owners) > 0}
	told, err := g.properties(properties)
	if err != nil {
		return change, err
	}
	if len(told) > 0 {
		change.Properties = told
	}
	if g.Removed != nil {
		// An unknown reason is treated as the one that claims less.
		change.Removed = contract.RemovedChanged
		if strings.EqualFold(g.Removed.Reason, "deleted") {
			change.Removed = contract.RemovedDeleted
		}
	}
	if g.tellsKind() {
		kind := g.kind()
		change.Kind = &kind
	} else {
		change.Retyped = g.OnPremisesSyncEnabled.Present || g.GroupTypes.Present || g.SecurityEnabled.Present || g.MailEnabled.Present
	}
	if g.OnPremisesSID.Present {
		sid, err := g.sid()
		if err != nil {
			return change, err
		}
		change.OnPremisesSID = &sid
	}
	for _, m := range g.Members {
		if m.ID.IsZero() {
			return change, fmt.Errorf("group %s: a member: %w", g.ID, errNoID)
		}
		change.Members = append(change.Members, contract.MemberChange{ID: m.ID, Kind: memberKind(m.Type), Removed: m.Removed != nil})
	}
	return change, nil
}
