package directory

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var holdTenant = MustGUID("11111111-2222-3333-4444-555555555555")

func TestHoldValue(t *testing.T) {
	since := time.Date(2026, 12, 1, 9, 30, 0, 0, time.UTC)
	hold := Hold{Reason: HoldSuspended, Comment: "Migration: until Friday", Account: `CONTOSO\anna`, Since: since, Until: since.Add(24 * time.Hour)}
	value := HoldValue(holdTenant, &hold)
	if want := `GroupWriteback:11111111-2222-3333-4444-555555555555:hold:Suspended:20261201T093000Z:20261202T093000Z:CONTOSO\anna:Migration: until Friday`; value != want {
		t.Errorf("the value is %q, want %q", value, want)
	}
	for _, spelt := range []string{value, strings.ToUpper(value), strings.ToLower(value)} { // AD ignores case
		back, ok := ParseHoldValue(spelt, holdTenant)
		if !ok || !strings.EqualFold(back.Comment, hold.Comment) || back.Reason != hold.Reason || !back.Since.Equal(since) || !back.Until.Equal(hold.Until) {
			t.Errorf("%q came back as %+v, %v", spelt, back, ok)
		}
	}
	if _, ok := ParseHoldValue(value, GUID{1}); ok {
		t.Error("another tenant takes the hold for its own")
	}
}

func TestHoldValueRefuses(t *testing.T) {
	prefix := Stamp(holdTenant) + ":hold:"
	for _, s := range []string{"", Stamp(holdTenant), AdoptedStamp(holdTenant), prefix, prefix + "Suspended", prefix + "Suspended:20261201T093000Z:-:a",
		prefix + "Forever:20261201T093000Z:-:a:b", prefix + "Suspended:yesterday:-:a:b", prefix + "Suspended:20261201T093000Z:never:a:b",
		prefix + "Suspended:20261201T093000Z:-:a:" + strings.Repeat("b", 255)} {
		if h, ok := ParseHoldValue(s, holdTenant); ok {
			t.Errorf("%q is taken for the hold %+v", s, h)
		}
	}
}

// TestHoldValueFits checks that every hold has a value that the schema allows, and that
// the value says again what it says.
func TestHoldValueFits(t *testing.T) {
	moment := rapid.Custom(func(t *rapid.T) time.Time { return time.Unix(rapid.Int64Range(0, 1<<34).Draw(t, "seconds"), 0).UTC() })
	rapid.Check(t, func(t *rapid.T) {
		hold := Hold{Reason: rapid.SampledFrom(HoldReasons).Draw(t, "reason"), Comment: rapid.String().Draw(t, "comment"), Account: rapid.String().Draw(t, "account"),
			Since: moment.Draw(t, "since")}
		if rapid.Bool().Draw(t, "ends") {
			hold.Until = moment.Draw(t, "until")
		}
		value := HoldValue(holdTenant, &hold)
		if CutUTF16(value, 255) != value || Clean(value) != value {
			t.Fatalf("the schema does not allow %q", value)
		}
		back, ok := ParseHoldValue(value, holdTenant)
		if !ok || !IsHoldValue(value, holdTenant) {
			t.Fatalf("%q is no hold", value)
		}
		if again := HoldValue(holdTenant, &back); again != value {
			t.Fatalf("%q is written as %q the next time", value, again)
		}
		hold.Comment, hold.Account = back.Comment, back.Account // shortened
		if diff := cmp.Diff(hold, back); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzParseHoldValue(f *testing.F) {
	f.Add(`GroupWriteback:11111111-2222-3333-4444-555555555555:hold:Restored:20261201T093000Z:-::`)
	f.Fuzz(func(t *testing.T, value string) {
		hold, ok := ParseHoldValue(value, holdTenant)
		if !ok {
			return
		}
		again, ok := ParseHoldValue(HoldValue(holdTenant, &hold), holdTenant)
		if !ok || again.Reason != hold.Reason || !again.Since.Equal(hold.Since) || !again.Until.Equal(hold.Until) {
			t.Errorf("%q says %+v, and then %+v", value, hold, again)
		}
	})
}

func TestTheNewestHoldCounts(t *testing.T) {
	since := time.Date(2026, 12, 1, 9, 30, 0, 0, time.UTC)
	older, newer := Hold{Reason: HoldSuspended, Comment: "older", Since: since}, Hold{Reason: HoldRestored, Comment: "newer", Since: since.Add(time.Second)}
	found := FindHold([]string{"another value", HoldValue(holdTenant, &newer), Stamp(holdTenant), HoldValue(holdTenant, &older)}, holdTenant)
	if found == nil || found.Comment != "newer" {
		t.Errorf("found %+v", found)
	}
	if found := FindHold([]string{Stamp(holdTenant)}, holdTenant); found != nil {
		t.Errorf("the stamp holds: %+v", found)
	}
}
