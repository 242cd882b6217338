package graph

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// A string is read as encoding/json reads it, by whichever way.
func TestOptionalStrings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(`"` + rapid.SampledFrom([]string{"", "é☺", `\n`, `\"`, `\ud800`, "\xff", `\\`, "a"}).Draw(t, "begin") + rapid.StringMatching(`[ -!#-\[\]-~äß]*`).Draw(t, "text") + `"`)
		var want string
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		var got optional[string]
		if err := json.Unmarshal(text, &got); err != nil || !got.Present || got.Value == nil || *got.Value != want {
			t.Fatalf("%s: %+v, want %q, %v", text, got, want, err)
		}
	})
	var null optional[string]
	if err := json.Unmarshal([]byte("null"), &null); err != nil || !null.Present || null.Value != nil {
		t.Errorf("null: %+v, %v", null, err)
	}
}
