package state

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// maxSettingsSize is the largest size of settings.json. The file takes about 1 KiB,
// and 50 bytes for each group that is selected by its id.
const maxSettingsSize = 8 << 20

// LoadSettings reads settings.json. Missing fields get their default. Errors:
// SettingsTooNew, SettingsUnreadable; the file is left as it is.
func (s *State) LoadSettings(ctx context.Context) (contract.Settings, error) {
	if err := ctx.Err(); err != nil {
		return contract.Settings{}, err
	}
	path := s.settingsPath()
	if there, err := regularFile(path); err != nil {
		return contract.Settings{}, err
	} else if !there {
		return contract.DefaultSettings(), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return contract.Settings{}, unusable(path, "The settings cannot be read.", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSettingsSize+1))
	if err != nil {
		return contract.Settings{}, unusable(path, "The settings cannot be read.", err)
	}
	settings, err := parseSettings(text)
	var version newerVersion
	switch {
	case errors.As(err, &version):
		return contract.Settings{}, &contract.Error{Category: contract.InvalidData, ID: "SettingsTooNew", Object: path,
			Message: fmt.Sprintf("The settings were written by a newer release (version %d; this release supports %d). The file was left unchanged.", version, contract.SettingsVersion),
			Advice:  "Install that release or a newer one. Alternatively, move the file away and run Enable-GroupWriteback again."}
	case err != nil:
		return contract.Settings{}, &contract.Error{Category: contract.InvalidData, ID: "SettingsUnreadable", Object: path, Err: err,
			Message: "The settings are not valid. The file was left unchanged.",
			Advice:  "Correct the error, or move the file away and run Enable-GroupWriteback again."}
	}
	return settings, nil
}

// SaveSettings replaces settings.json as a whole, but never a file that
// [State.LoadSettings] refuses. Error: SettingsInvalid for values that LoadSettings
// would refuse.
func (s *State) SaveSettings(ctx context.Context, settings contract.Settings) error {
	if _, err := s.LoadSettings(ctx); err != nil {
		return err
	}
	settings.Version = contract.SettingsVersion
	fillIn(&settings)
	text, err := json.MarshalIndent(settings, "", "  ")
	if err != nil {
		return s.translate("write the settings", err)
	}
	err = validate(&settings)
	if err == nil && len(text) >= maxSettingsSize {
		err = fmt.Errorf("field \"scope.groupIds\": with %d groups the file would be larger than %d bytes", len(settings.Scope.GroupIDs), maxSettingsSize)
	}
	if err != nil {
		return &contract.Error{Category: contract.InvalidArgument, ID: "SettingsInvalid", Object: s.settingsPath(), Err: err,
			Message: "The settings cannot be saved.", Advice: "Correct the error."}
	}
	// The name is always the same, so that the next call replaces a leftover file.
	making := s.settingsPath() + ".new"
	if err := os.Remove(making); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unusable(making, "A temporary file of an earlier process cannot be removed.", err)
	}
	f, err := os.OpenFile(making, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return unusable(s.folder, "No file can be created in the state folder.", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		return unusable(making, "The settings cannot be written.", err)
	}
	return replaceFile(making, s.settingsPath())
}

func (s *State) settingsPath() string { return filepath.Join(s.folder, settingsName) }

// newerVersion is the version of settings that a newer release wrote, as an error.
type newerVersion int

func (v newerVersion) Error() string { return fmt.Sprintf("version %d is not supported", int(v)) }

// parseSettings parses the text of the file. It parses each field by itself, so that
// an error names the field.
func parseSettings(text []byte) (contract.Settings, error) {
	settings := contract.DefaultSettings()
	if len(text) > maxSettingsSize {
		return settings, fmt.Errorf("it is larger than %d bytes", maxSettingsSize)
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // editors on Windows write a BOM
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return settings, fmt.Errorf("line %d: %w", lineAt(text, syntax.Offset), err)
		}
		return settings, errors.New("it is not a JSON object")
	}
	if fields == nil {
		return settings, errors.New("it is not a JSON object")
	}
	// The version comes first: in a newer version, any other field may mean
	// something else.
	if raw, ok := fields["version"]; ok {
		if err := json.Unmarshal(raw, &settings.Version); err != nil {
			return settings, fieldError(text, "version", err)
		}
		if settings.Version > contract.SettingsVersion {
			return settings, newerVersion(settings.Version)
		}
	}
	if _, ok := fields["adopt"]; ok {
		// Earlier releases kept a standing consent here. It no longer has any effect.
		if err := json.Unmarshal(fields["adopt"], &settings.StandingAdopt); err != nil {
			return settings, fieldError(text, "adopt", err)
		}
		delete(fields, "adopt")
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		one, err := json.Marshal(map[string]json.RawMessage{name: fields[name]})
		if err != nil {
			return settings, fieldError(text, name, err)
		}
		decoder := json.NewDecoder(bytes.NewReader(one))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&settings); err != nil {
			return settings, fieldError(text, name, err)
		}
	}
	fillIn(&settings)
	return settings, validate(&settings)
}

// fillIn sets the default of each field that is not set: releases that did not know
// a field left it out or wrote zero.
func fillIn(s *contract.Settings) {
	d := contract.DefaultSettings()
	s.MailRecipient = cmp.Or(s.MailRecipient, d.MailRecipient)
	s.RecipientDisplayType = cmp.Or(s.RecipientDisplayType, d.RecipientDisplayType)
	s.Scope.Groups = cmp.Or(s.Scope.Groups, d.Scope.Groups)
	s.OnPremisesGroupType = cmp.Or(s.OnPremisesGroupType, d.OnPremisesGroupType)
	s.MaxMemberCount = cmp.Or(s.MaxMemberCount, d.MaxMemberCount)
	s.InitialIntervalDays = cmp.Or(s.InitialIntervalDays, d.InitialIntervalDays)
	s.Connections = cmp.Or(s.Connections, d.Connections)
}

func fieldError(text []byte, field string, err error) error {
	quoted, marshalErr := json.Marshal(field)
	if at := bytes.Index(text, quoted); marshalErr == nil && at >= 0 {
		return fmt.Errorf("line %d, field %q: %w", lineAt(text, int64(at)), field, err)
	}
	return fmt.Errorf("field %q: %w", field, err)
}

func lineAt(text []byte, offset int64) int {
	return 1 + bytes.Count(text[:min(int(offset), len(text))], []byte("\n"))
}

func oneOf[T ~string](field string, value T, list []T) error {
	if !slices.Contains(list, value) {
		return fmt.Errorf("field %q: %q is not one of %q", field, value, list)
	}
	return nil
}

// validate refuses values that no release writes.
func validate(s *contract.Settings) error {
	if s.Version < 1 {
		return fmt.Errorf("field \"version\": %d is not a version", s.Version)
	}
	err := cmp.Or(
		oneOf("nameFormat", s.NameFormat, contract.NameFormats),
		oneOf("samAccountNameFormat", s.SAMAccountNameFormat, contract.NameFormats),
		oneOf("mailRecipient", s.MailRecipient, []plan.MailRecipient{plan.MailRecipientRemote, plan.MailRecipientMailOnly}),
		oneOf("recipientDisplayType", s.RecipientDisplayType, plan.DisplayTypes),
		oneOf("movedGroup", s.MovedGroup, contract.MovedGroups),
		oneOf("softDeletedGroup", s.SoftDeletedGroup, contract.FrozenGroups),
		oneOf("outOfScopeGroup", s.OutOfScopeGroup, contract.FrozenGroups),
		oneOf("scope.groups", s.Scope.Groups, plan.ScopeModes),
		oneOf("onPremisesGroupType", s.OnPremisesGroupType, plan.OnPremisesGroupTypes),
	)
	if err != nil {
		return err
	}
	for _, r := range contract.Ranges {
		if value := *r.Of(s); value < r.Least || value > r.Most {
			return fmt.Errorf("field %q: %d is not between %d and %d", r.Name, value, r.Least, r.Most)
		}
	}
	for _, owner := range s.TrustedOwners {
		if sid, err := directory.ParseSID(string(owner.SID)); err != nil || sid != owner.SID {
			return fmt.Errorf("field \"trustedOwners\": %q is not a SID of the form S-1-5-21-…", owner.SID)
		}
	}
	if _, err := plan.Standard.With(s.Mapping); err != nil {
		return fmt.Errorf("field \"mapping\": %w", err)
	}
	if _, err := plan.ParseFilter(s.Scope.Filter); err != nil {
		return fmt.Errorf("field \"scope.filter\": %w", err)
	}
	for _, c := range s.FurtherContainers {
		if _, err := directory.ParseDN(c.Name); err != nil || c.GUID.IsZero() {
			return fmt.Errorf("field \"furtherContainers\": %q is not the distinguished name of a container with its GUID", c.Name)
		}
	}
	for _, f := range s.ContainerFilters {
		if _, err := directory.ParseDN(f.Container); err != nil {
			return fmt.Errorf("field \"containerFilters\": %w", err)
		}
		if filter, err := plan.ParseFilter(f.Filter); err != nil || filter == nil {
			return fmt.Errorf("field \"containerFilters\": the filter of %q: %w", f.Container, cmp.Or(err, errors.New("it is empty")))
		}
	}
	if !s.Enabled {
		return nil
	}
	for _, f := range []struct {
		name    string
		missing bool
	}{
		{"tenant.id", s.Tenant.ID.IsZero()},
		{"domain.guid", s.Domain.GUID.IsZero()},
		{"container.guid", s.Container.GUID.IsZero()},
	} {
		if f.missing {
			return fmt.Errorf("field %q: it must be set while \"enabled\" is true", f.name)
		}
	}
	return nil
}
