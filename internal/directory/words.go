package directory

import (
	"strconv"
	"strings"
	"time"
)

// Plural returns one for 1, and many for any other number; %d in it stands for
// the number.
func Plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return strings.Replace(many, "%d", strconv.Itoa(n), 1)
}

// Count returns the number with its noun: 1 member, 2 members.
func Count(n int, noun string) string { return Plural(n, "1 "+noun, "%d "+noun+"s") }

// Moment returns a time as messages name it: in the zone of this computer, and
// with its distance from UTC, since a message may be read elsewhere.
func Moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 -07:00") }
