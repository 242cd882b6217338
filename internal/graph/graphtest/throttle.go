package graphtest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Throttle configures the token bucket of resource units that Graph keeps for each
// application in a tenant (concepts/throttling-limits.md). The zero value does not
// throttle.
type Throttle struct {
	// Size is S, M or L: 3,500, 5,000 or 8,000 units in 10 seconds.
	Size string `json:"size,omitempty"`
	// Units in Seconds replace Size.
	Units   int     `json:"units,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
}

func (th Throttle) resolve() (Throttle, error) {
	switch th.Size {
	case "":
	case "S":
		th.Units, th.Seconds = 3500, 10
	case "M":
		th.Units, th.Seconds = 5000, 10
	case "L":
		th.Units, th.Seconds = 8000, 10
	default:
		return th, fmt.Errorf("throttle: size %q, want S, M or L", th.Size)
	}
	if th.Units < 0 || th.Seconds < 0 || th.Units > 0 && th.Seconds == 0 {
		return th, fmt.Errorf("throttle: %d units in %v seconds", th.Units, th.Seconds)
	}
	return th, nil
}

// bucket fills with the cost of requests and leaks evenly.
type bucket struct {
	Throttle
	level float64
	last  time.Time
}

// overdraft is how far above the limit the bucket can fill. Throttled requests are
// charged too, so a client that does not wait sinks deeper, up to the 1.8 times the
// limit that Graph reports.
const overdraft = 1.8

// charge returns how full the bucket is, 1 being the limit, and for a throttled request
// the number of seconds until there is room for it.
func (b *bucket) charge(cost int, now time.Time) (full float64, retryAfter int) {
	if b.Units == 0 {
		return 0, 0
	}
	limit := float64(b.Units)
	rate := limit / b.Seconds
	b.level = max(0, b.level-now.Sub(b.last).Seconds()*rate)
	b.last = now
	room := b.level+float64(cost) <= limit
	b.level = min(b.level+float64(cost), limit*overdraft)
	if !room {
		retryAfter = max(1, int(math.Ceil((b.level-limit)/rate)))
	}
	return b.level / limit, retryAfter
}

// cost returns the resource units of a request, from the table and the factors in
// concepts/throttling-limits.md. Segments are in lower case.
func cost(method string, segments []string, rawQuery string) int {
	units := 1
	switch {
	case method != "GET":
	case len(segments) >= 3 && segments[0] == "groups" && segments[2] == "members":
		units = 3
	case len(segments) == 1 && segments[0] == "users":
		units = 2
	}
	lower := strings.ToLower(strings.ReplaceAll(rawQuery, "%24", "$"))
	for _, pair := range strings.Split(lower, "&") {
		name, value, _ := strings.Cut(pair, "=")
		top, err := strconv.Atoi(value)
		if name == "$select" || name == "$top" && err == nil && top < 20 {
			units--
		}
	}
	return max(units, 1)
}
