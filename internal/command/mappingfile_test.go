package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/plan"
)

const job = `{
  "id": "Entra2ADGroupProvisioning", "version": "v1.0",
  "synchronizationRules": [{
    "name": "Entra to AD", "priority": 1,
    "objectMappings": [
      {"enabled": true, "sourceObjectName": "User", "targetObjectName": "user", "attributeMappings": [{"targetAttributeName": "cn", "source": {"type": "Attribute", "name": "displayName"}}]},
      {"enabled": true, "flowTypes": "Add,Update,Delete", "sourceObjectName": "Group", "targetObjectName": "group",
       "scope": {"groups": [{"clauses": [{"sourceOperandName": "displayName"}]}]},
       "attributeMappings": [
        {"defaultValue": null, "flowBehavior": "FlowWhenChanged", "flowType": "Always", "matchingPriority": 1, "targetAttributeName": "msDS-ExternalDirectoryObjectId", "source": {"type": "Function", "expression": "Append(\"Group_\",[objectId])"}},
        {"flowType": "Always", "targetAttributeName": "description", "source": {"type": "Function", "name": "Left", "expression": "Left(Trim([description]),448)", "parameters": []}},
        {"flowType": "ObjectAddOnly", "defaultValue": "none", "targetAttributeName": "info", "source": {"type": "Attribute", "name": "mailNickname", "expression": "[mailNickname]"}},
        {"flowType": "Always", "targetAttributeName": "company", "source": {"type": "Constant", "name": "Contoso \"East\""}},
        {"flowType": "MultiValueAddOnly", "targetAttributeName": "url", "source": {"type": "Attribute", "name": "proxyAddresses"}},
        {"flowType": "Always", "targetAttributeName": "department", "source": {"type": "Attribute", "name": "department"}},
        {"flowType": "Always", "targetAttributeName": "street", "source": {"type": "Function", "expression": "IIF(IsNullOrEmpty([theme]),\"x\",[theme])"}},
        {"flowType": "Always", "targetAttributeName": "room", "source": {"type": "Function", "expression": "SingleAppRoleAssignment([appRoleAssignments])"}},
        {"flowType": "Always", "targetAttributeName": "mailNickname", "source": {"type": "Attribute", "name": "mailNickname"}},
        {"flowType": "Always", "targetAttributeName": "parentDistinguishedName", "source": {"type": "Constant", "name": "OU=Groups,DC=contoso,DC=com"}},
        {"flowType": "Always", "targetAttributeName": "cn", "source": {"type": "Function", "expression": "Append(Left(Trim([displayName]),51),Mid([objectId],25,12))"}}
      ]}]}]}`

func TestImportOfACloudSyncJob(t *testing.T) {
	for name, text := range map[string][]byte{"plain": []byte(job), "with a mark": []byte("\xef\xbb\xbf" + job), "UTF-16": utf16le(job), "in a job": []byte(`{"schema":` + job + `}`)} {
		t.Run(name, func(t *testing.T) {
			file, err := parseMappingFile(text, plan.Standard)
			if err != nil {
				t.Fatal(err)
			}
			want := []plan.Entry{
				{Attribute: "description", Expression: "Left(Trim([description]),448)"},
				{Attribute: "info", Expression: "[mailNickname]", Apply: plan.ApplyOnlyAtCreation, Default: "none"},
				{Attribute: "company", Expression: `"Contoso \"East\""`},
				{Attribute: "street", Expression: `IIF(IsNullOrEmpty([theme]),"x",[theme])`},
				{Attribute: "parentDistinguishedName", Expression: `"OU=Groups,DC=contoso,DC=com"`},
				{Attribute: "cn", Expression: "Append(Left(Trim([displayName]),51),Mid([objectId],25,12))"},
			}
			if diff := cmp.Diff(want, file.Entries); diff != "" {
				t.Error(diff)
			}
			refused := map[string]string{"msDS-ExternalDirectoryObjectId": "mark", "url": "MultiValueAddOnly", "department": "department",
				"room": "SingleAppRoleAssignment", "mailNickname": "capture"}
			for _, r := range file.Refused {
				if says := refused[r.Attribute]; says == "" || !strings.Contains(r.Reason, says) {
					t.Errorf("%+v", r)
				}
				delete(refused, r.Attribute)
			}
			if len(refused) > 0 {
				t.Errorf("not refused: %v", refused)
			}
			if notes := strings.Join(file.Notes, "\n"); len(file.Notes) != 3 || !strings.Contains(notes, "scoping filters") || !strings.Contains(notes, "street") || !strings.Contains(notes, "cn: the name is given at creation") {
				t.Errorf("%q", file.Notes)
			}
		})
	}
}

func utf16le(s string) []byte {
	text := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		text = append(text, byte(u), byte(u>>8))
	}
	return text
}

func TestImportOfWhatWasExported(t *testing.T) {
	want := []plan.Entry{{Attribute: "info", Expression: `Append("a", [mail])`, Apply: plan.ApplyOnlyAtCreation, Default: "x"}, {Attribute: "url", Expression: "[proxyAddresses]"}}
	text, err := json.Marshal(map[string]any{"groupWritebackMapping": 1, "attributes": want})
	if err != nil {
		t.Fatal(err)
	}
	file, err := parseMappingFile(text, plan.Standard)
	if err != nil || len(file.Refused)+len(file.Notes) > 0 {
		t.Fatalf("%+v %v", file, err)
	}
	if diff := cmp.Diff(want, file.Entries); diff != "" {
		t.Error(diff)
	}
}

func TestFilesThatAreNoMappings(t *testing.T) {
	e := New(Config{})
	for name, c := range map[string]struct{ text, id, says string }{
		"empty": {"", "MappingFileInvalid", "not JSON"}, "text": {"hello", "MappingFileInvalid", "line 1"}, "a list": {"[]", "MappingFileInvalid", "not what is expected"},
		"another object": {`{"value": 1}`, "MappingFileInvalid", "no synchronization rule"}, "users alone": {strings.ReplaceAll(job, `"group"`, `"user"`), "MappingFileInvalid", "maps groups"},
		"newer": {`{"groupWritebackMapping": 2}`, "MappingFileInvalid", "newer release"}, "cut off": {job[:len(job)-10], "MappingFileInvalid", "line"},
	} {
		path := filepath.Join(t.TempDir(), "file.json")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := e.ReadMappingFile(t.Context(), path); !contract.HasID(err, c.id) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := e.ReadMappingFile(t.Context(), filepath.Join(t.TempDir(), "none.json")); !contract.HasID(err, "MappingFileUnreadable") {
		t.Error(err)
	}
}

// Whatever the file is, what is taken over can be set, and nothing is lost.
func FuzzImport(f *testing.F) {
	f.Add([]byte(job))
	f.Add([]byte(`{"groupWritebackMapping":1,"attributes":[{"attribute":"info","expression":"[mail]"}]}`))
	f.Add(utf16le(`{"synchronizationRules":[{"objectMappings":[{"sourceObjectName":"Group","targetObjectName":"group","attributeMappings":[{}]}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := parseMappingFile(text, plan.Standard)
		if err != nil {
			return
		}
		if _, err := plan.Standard.With(file.Entries); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		for _, r := range file.Refused {
			if r.Reason == "" {
				t.Errorf("%q: %+v", text, r)
			}
		}
	})
}
