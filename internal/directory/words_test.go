package directory

import (
	"testing"
	"time"
)

func TestCount(t *testing.T) {
	for _, tt := range []struct {
		n    int
		want string
	}{{0, "0 members"}, {1, "1 member"}, {2, "2 members"}, {1000, "1000 members"}} {
		if got := Count(tt.n, "member"); got != tt.want {
			t.Errorf("Count(%d) = %q, want %q", tt.n, got, tt.want)
		}
	}
	if got := Plural(1, "1 group is", "%d groups are"); got != "1 group is" {
		t.Error(got)
	}
	if got := Plural(3, "is", "are"); got != "are" {
		t.Error(got)
	}
	if got := Plural(3, "1 group is", "%d groups are"); got != "3 groups are" {
		t.Error(got)
	}
}

func TestMomentNamesTheZone(t *testing.T) {
	before := time.Local
	defer func() { time.Local = before }()
	at := time.Date(2026, 7, 1, 22, 30, 0, 0, time.UTC)
	for _, tt := range []struct {
		offset int
		want   string
	}{
		{0, "2026-07-01 22:30:00 +00:00"},
		{2 * 3600, "2026-07-02 00:30:00 +02:00"},
		{-4 * 3600, "2026-07-01 18:30:00 -04:00"},
		{5*3600 + 1800, "2026-07-02 04:00:00 +05:30"},
	} {
		time.Local = time.FixedZone("", tt.offset)
		if got := Moment(at); got != tt.want {
			t.Errorf("Moment = %q, want %q", got, tt.want)
		}
	}
}
