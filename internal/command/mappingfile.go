package command

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf16"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/expression"
	"groupwriteback/internal/plan"
)

// MappingFile is what a file of mappings comes to.
type MappingFile struct {
	// Entries can be set as they are, as far as that can be told without a schema.
	Entries []plan.Entry `json:"entries"`
	// Refused are the mappings that cannot be taken over, each with the reason.
	Refused []RefusedMapping `json:"refused"`
	// Notes are sentences about what was taken over and may behave in another way, and
	// about what the file says besides.
	Notes []string `json:"notes"`
}

// RefusedMapping is a mapping that cannot be taken over.
type RefusedMapping struct {
	Attribute  string `json:"attribute"`
	Expression string `json:"expression"`
	Reason     string `json:"reason"`
}

// maxMappingFile bounds a file of mappings, in bytes. The schema of a job has a few
// hundred thousand.
const maxMappingFile = 16 << 20

// ReadMappingFile reads the synchronization schema of a Cloud Sync job in JSON, as Graph
// returns it, or what Export-GroupWritebackMapping wrote. Errors: MappingFileUnreadable,
// MappingFileInvalid.
//
// If the directory is connected, attributes that its schema does not take are refused,
// too.
func (e *Engine) ReadMappingFile(ctx context.Context, path string) (MappingFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return MappingFile{}, unreadable(path, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxMappingFile+1))
	if err != nil {
		return MappingFile{}, unreadable(path, err)
	}
	file, err := parseMappingFile(text, e.config.Mapping)
	if err != nil {
		return MappingFile{}, &contract.Error{Category: contract.InvalidData, ID: "MappingFileInvalid", Object: path, Message: "The file cannot be taken over: " + err.Error() + ".",
			Advice: "Give the synchronization schema of a Cloud Sync job in JSON, as GET …/synchronization/jobs/{id}/schema returns it, or a file of Export-GroupWritebackMapping."}
	}
	c, done, err := e.use(noSide)
	if err != nil || c.target == nil {
		return file, err
	}
	defer done()
	return file, e.fitFile(ctx, &c, &file)
}

// fitFile refuses the entries that the schema of the directory does not take.
func (e *Engine) fitFile(ctx context.Context, c *connection, file *MappingFile) error {
	fit := []plan.Entry{}
	for _, entry := range file.Entries {
		one := []plan.Entry{entry}
		err := e.fitSchema(ctx, c, one)
		if err == nil && strings.EqualFold(entry.Attribute, plan.AttrContainer) {
			err = e.chooseFurther(ctx, c, &contract.Settings{Mapping: one})
		}
		var wrong *contract.Error
		switch {
		case err == nil:
			fit = append(fit, one[0])
		case errors.As(err, &wrong) && slices.Contains([]contract.Category{contract.InvalidArgument, contract.ObjectNotFound, contract.PermissionDenied}, wrong.Category):
			file.Refused = append(file.Refused, RefusedMapping{Attribute: entry.Attribute, Expression: entry.Expression, Reason: wrong.Message})
		default:
			return err
		}
	}
	file.Entries = fit
	return nil
}

func unreadable(path string, err error) error {
	return &contract.Error{Category: contract.ObjectNotFound, ID: "MappingFileUnreadable", Object: path, Message: "The file cannot be read.",
		Advice: "Check the path and the rights.", Err: err}
}

// attributeMapping is one of a synchronization schema, as Graph documents it.
type attributeMapping struct {
	Target       string `json:"targetAttributeName"`
	FlowType     string `json:"flowType"`
	DefaultValue string `json:"defaultValue"`
	Source       struct {
		Type       string `json:"type"`
		Name       string `json:"name"`
		Expression string `json:"expression"`
	} `json:"source"`
}

type objectMapping struct {
	Enabled *bool              `json:"enabled"`
	Source  string             `json:"sourceObjectName"`
	Target  string             `json:"targetObjectName"`
	Scope   json.RawMessage    `json:"scope"`
	Mapping []attributeMapping `json:"attributeMappings"`
}

type synchronizationSchema struct {
	Rules []struct {
		Name    string          `json:"name"`
		Objects []objectMapping `json:"objectMappings"`
	} `json:"synchronizationRules"`
}

// parseMappingFile parses the text of a file.
func parseMappingFile(text []byte, standard plan.Mapping) (MappingFile, error) {
	if len(text) > maxMappingFile {
		return MappingFile{}, fmt.Errorf("it is larger than %d bytes", maxMappingFile)
	}
	var file struct {
		synchronizationSchema
		Schema  *synchronizationSchema `json:"schema"` // of a job or template read with its schema
		Version int                    `json:"groupWritebackMapping"`
		Entries []plan.Entry           `json:"attributes"`
	}
	if err := json.Unmarshal(utf8Of(text), &file); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return MappingFile{}, fmt.Errorf("it is not JSON (line %d: %w)", 1+bytes.Count(utf8Of(text)[:syntax.Offset], []byte("\n")), err)
		}
		return MappingFile{}, fmt.Errorf("it is not what is expected (%w)", err)
	}
	imported := importer{standard: standard, file: MappingFile{Entries: []plan.Entry{}, Refused: []RefusedMapping{}, Notes: []string{}}}
	switch {
	case file.Version > 1:
		return MappingFile{}, fmt.Errorf("it is of version %d, which a newer release wrote", file.Version)
	case file.Version == 1:
		for _, entry := range file.Entries[:min(len(file.Entries), maxFileMappings)] {
			imported.take(entry)
		}
		return imported.file, nil
	case file.Schema != nil:
		file.synchronizationSchema = *file.Schema
	}
	found := false
	for _, rule := range file.Rules {
		for _, object := range rule.Objects {
			if !found && strings.EqualFold(object.Target, "group") && strings.EqualFold(object.Source, "group") {
				found = true
				imported.object(&object)
			}
		}
	}
	if !found {
		return MappingFile{}, errors.New("it has no synchronization rule that maps groups to groups")
	}
	return imported.file, nil
}

// utf8Of returns the text in UTF-8 without a byte order mark. Windows PowerShell writes
// UTF-16 by default.
func utf8Of(text []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(text, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(text, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	}
	var units []uint16
	for text = text[2:]; len(text) > 1; text = text[2:] {
		units = append(units, order.Uint16(text))
	}
	return []byte(string(utf16.Decode(units)))
}

// importer collects what can be taken over.
type importer struct {
	standard plan.Mapping
	file     MappingFile
}

func (i *importer) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(i.file.Notes, text) {
		i.file.Notes = append(i.file.Notes, text)
	}
}

func (i *importer) refuse(entry plan.Entry, reason string) {
	i.file.Refused = append(i.file.Refused, RefusedMapping{Attribute: entry.Attribute, Expression: entry.Expression, Reason: reason})
}

// whole are the values of scope that mean no filter.
var whole = []string{"", "null", "{}"}

func (i *importer) object(o *objectMapping) {
	if o.Enabled != nil && !*o.Enabled {
		i.note("The mapping of groups is disabled in the job.")
	}
	if !slices.Contains(whole, strings.TrimSpace(string(o.Scope))) {
		i.note("The job's scoping filters are not taken over: say with Set-GroupWriteback -Scope and -Filter which groups are written.")
	}
	for n, m := range o.Mapping {
		if n == maxFileMappings {
			i.note("The mappings after the first %d are left out.", maxFileMappings)
			break
		}
		i.attribute(&m)
	}
}

// own are the attributes of a Cloud Sync job, in lower case, that are written anyway or
// that the schema of the directory does not have, each with what stands for it here.
var own = map[string]string{
	"adminDescription": "this is the mark, which is written anyway", "msDS-ExternalDirectoryObjectId": "this is the mark, which is written anyway",
	"member": "members are written anyway", "objectGUID": "the domain controller gives it",
	"isSecurityGroup": "the type follows from the group and from Set-GroupWriteback -OnPremisesGroupType",
	"UniversalScope":  "groups are always universal",
	"msDS-ObjectSoa":  "see Set-GroupWriteback -MarkCloudAuthority",
}

// maxFileMappings bounds the mappings of a file. Cloud Sync's own has some twenty.
const maxFileMappings = 1_000

func (i *importer) attribute(m *attributeMapping) {
	entry := plan.Entry{Attribute: strings.TrimSpace(m.Target), Default: m.DefaultValue}
	switch text := strings.TrimSpace(m.Source.Expression); {
	case text != "":
		entry.Expression = text
	case strings.EqualFold(m.Source.Type, "Attribute"):
		entry.Expression = "[" + m.Source.Name + "]"
	case strings.EqualFold(m.Source.Type, "Constant"):
		entry.Expression = expression.Quote(m.Source.Name)
	}
	for name, why := range own {
		if strings.EqualFold(name, entry.Attribute) {
			i.refuse(entry, "It is not needed: "+why+".")
			return
		}
	}
	switch flow := cmp.Or(m.FlowType, "Always"); {
	case strings.EqualFold(flow, "Always"):
		if _, names := plan.NamingAttribute(entry.Attribute); names && !strings.EqualFold(entry.Attribute, plan.AttrContainer) {
			i.note("%s: the name is given at creation alone, and not followed later.", entry.Attribute)
		}
	case strings.EqualFold(flow, "ObjectAddOnly"):
		entry.Apply = plan.ApplyOnlyAtCreation
	default:
		i.refuse(entry, "Its flow type is "+flow+", and there are only Always and ObjectAddOnly (OnlyAtCreation) here.")
		return
	}
	i.take(entry)
}

// take takes an entry over if nothing is wrong with it.
func (i *importer) take(entry plan.Entry) {
	_, err := i.standard.With(append(slices.Clone(i.file.Entries), entry))
	var wrong *plan.EntryError
	switch {
	case errors.As(err, &wrong):
		i.refuse(entry, strings.TrimSpace(wrong.Problem+" "+wrong.Advice))
		return
	case err != nil:
		i.refuse(entry, err.Error())
		return
	}
	i.file.Entries = append(i.file.Entries, entry)
	if x, err := expression.Compile(entry.Expression, nil); err == nil {
		for _, d := range x.Differences() {
			i.note("%s: Microsoft's service may evaluate the expression in another way, %s.", entry.Attribute, d.Error())
		}
	}
}
