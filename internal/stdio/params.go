package stdio

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"groupwriteback/internal/directory"
)

// parameterName returns the path of a parameter as the client wrote it. encoding/json
// also reports the names of embedded structs, which begin with a capital letter and do
// not appear in the JSON.
func parameterName(path string) string {
	parts := strings.Split(path, ".")
	parts = slices.DeleteFunc(parts, func(part string) bool { return part != "" && part[0] >= 'A' && part[0] <= 'Z' })
	return strings.Join(parts, ".")
}

// decode parses params into the struct that into points to. It refuses, by name, fields
// that the struct does not have and values of the wrong type. No message quotes a
// value, because it may be a secret.
func decode(params json.RawMessage, into any) error {
	if len(params) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(params))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && wrong.Field == "":
		return invalidParameter("params", "params is not an object.", "Send the parameters by name.")
	case errors.As(err, &wrong):
		name := parameterName(wrong.Field)
		return invalidParameter(name, fmt.Sprintf("The value of %s has the wrong type.", name), "Specify "+typeName(wrong.Type)+".")
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		if plain, err := strconv.Unquote(name); err == nil {
			name = plain
		}
		return invalidParameter(name, fmt.Sprintf("The method has no parameter %q.", clip(name)), "Omit it, or correct its name.")
	}
	return invalidParameter("params", "params cannot be parsed.", "docs/protocol.md lists the parameters.")
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

func typeName(t reflect.Type) string {
	if t.Implements(textUnmarshaler) || reflect.PointerTo(t).Implements(textUnmarshaler) {
		return "text"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Slice:
		return "a list"
	}
	return "an object"
}

// guid parses a GUID; an empty text is the zero GUID.
func guid(name, value string) (directory.GUID, error) {
	if value == "" {
		return directory.GUID{}, nil
	}
	g, err := directory.ParseGUID(value)
	if err != nil {
		return g, invalidParameter(name, fmt.Sprintf("The value %q of %s is not a GUID.", clip(value), name),
			"Specify it in the form 00000000-0000-0000-0000-000000000000.")
	}
	return g, nil
}

// guids parses a list of GUIDs, none of them empty; nil stays nil.
func guids(name string, values *[]string) (*[]directory.GUID, error) {
	if values == nil {
		return nil, nil
	}
	out := make([]directory.GUID, len(*values))
	for i, value := range *values {
		var err error
		if out[i], err = guid(name, value); err != nil {
			return nil, err
		}
		if out[i].IsZero() {
			return nil, invalidParameter(name, fmt.Sprintf("Item %d of %s is empty.", i+1, name), "Omit it, or specify an object id.")
		}
	}
	return &out, nil
}
