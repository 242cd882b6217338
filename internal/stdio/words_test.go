package stdio

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// fixedLists maps the types whose values come from a fixed list to these lists.
var fixedLists = map[reflect.Type][]string{}

func fixed[T ~string](list []T) {
	var words []string
	for _, word := range list {
		words = append(words, string(word))
	}
	fixedLists[reflect.TypeFor[T]()] = words
}

func init() {
	fixed(plan.Actions)
	fixed(plan.ScopeModes)
	fixed(plan.OnPremisesGroupTypes)
	fixed(plan.MailRecipients)
	fixed(plan.DisplayTypes)
	fixed(plan.Applies)
	fixed(contract.NameFormats)
	fixed(contract.MovedGroups)
	fixed(contract.FrozenGroups)
	fixed(contract.PolicyTypes)
	fixed(contract.Outcomes)
	fixed(contract.CredentialKinds)
	fixed(contract.AuthKinds)
	fixed(contract.RunKinds)
	fixed(directory.Clouds)
	fixed(logLevels)
	fixed(stateChecks)
}

// params are the parameters of every method that takes any.
var params = []any{
	initializeParams{}, connectParams{}, logParams{}, testParams{}, enableParams{}, command.DisableRequest{}, settingsParams{},
	command.SyncRequest{}, previewParams{}, command.GroupSyncRequest{}, runsParams{}, runParams{}, changesParams{}, changeMembersParams{},
	groupsParams{}, groupMembersParams{}, cancelParams{}, command.MappingTestRequest{}, mappingFileParams{},
}

// wordFields calls found for each field below t, by its name in JSON, that holds a
// value of a named type or a list of such values.
func wordFields(t reflect.Type, path []string, found func(path []string, t reflect.Type, list bool)) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	list := t.Kind() == reflect.Slice
	if list {
		t = t.Elem()
	}
	switch {
	case t.Kind() == reflect.String && t != reflect.TypeFor[string]():
		found(path, t, list)
	case t.Kind() == reflect.Struct && !t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		if list {
			path = append(slices.Clone(path), "[]")
		}
		for i := range t.NumField() {
			f := t.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case f.Anonymous:
				wordFields(f.Type, path, found)
			case name != "":
				wordFields(f.Type, append(slices.Clone(path), name), found)
			}
		}
	}
}

// nested returns {"a": {"b": value}} for the path a, b.
func nested(path []string, value any) json.RawMessage {
	for _, name := range slices.Backward(path) {
		if name == "[]" {
			value = []any{value}
			continue
		}
		value = map[string]any{name: value}
	}
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}

// at returns the field at the path in a struct; of two fields, the one that is embedded
// less deeply.
func at(v reflect.Value, path []string) reflect.Value {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if len(path) > 0 && path[0] == "[]" {
		return at(v.Index(0), path[1:])
	}
	if len(path) == 0 || v.Kind() != reflect.Struct {
		return v
	}
	for i := range v.NumField() {
		if name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); name == path[0] {
			return at(v.Field(i), path[1:])
		}
	}
	for i := range v.NumField() {
		if v.Type().Field(i).Anonymous {
			if found := at(v.Field(i), path); found.IsValid() {
				return found
			}
		}
	}
	return reflect.Value{}
}

func TestFixedListsIgnoreLetterCase(t *testing.T) {
	fields := 0
	for _, p := range params {
		t.Run(fmt.Sprintf("%T", p), func(t *testing.T) {
			wordFields(reflect.TypeOf(p), nil, func(path []string, of reflect.Type, list bool) {
				words := fixedLists[of]
				if words == nil {
					t.Fatalf("%s is of the type %s, of which the test knows no list", strings.Join(path, "."), of)
				}
				fields++
				read := func(written any) (string, error) {
					if list {
						written = []any{written}
					}
					into := reflect.New(reflect.TypeOf(p))
					if err := decode(nested(path, written), into.Interface()); err != nil {
						return "", err
					}
					got := at(into, path)
					if list {
						got = got.Index(0)
					}
					return got.String(), nil
				}
				for _, word := range words {
					for _, written := range []string{word, strings.ToLower(word), strings.ToUpper(word)} {
						if got, err := read(written); err != nil || got != word {
							t.Errorf("%s: %q became %q, not %q (%v)", strings.Join(path, "."), written, got, word, err)
						}
					}
				}
				// A word that is not in the list is kept, for the method to refuse by
				// name.
				if got, err := read("Nonsense"); err != nil || got != "Nonsense" {
					t.Errorf("%s: a word of no list became %q: %v", strings.Join(path, "."), got, err)
				}
				if _, err := read(5); contract.AsError(err).Object != strings.ReplaceAll(strings.Join(path, "."), "[].", "") {
					t.Errorf("%s: a number: %v", strings.Join(path, "."), err)
				}
			})
		})
	}
	if fields < 30 {
		t.Errorf("only %d fields were found", fields)
	}
}

func TestFixedListsHaveOneStyle(t *testing.T) {
	style := regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	for of, words := range fixedLists {
		for _, word := range words {
			if !style.MatchString(word) {
				t.Errorf("%s: %q is not in PascalCase", of, word)
			}
		}
	}
}
