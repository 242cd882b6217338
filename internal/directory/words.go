package directory

import (
	"strconv"
	"strings"
	"time"
)

// Plural returns one if n is 1, and otherwise many, with %d in it replaced by the
// number.
func Plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return strings.Replace(many, "%d", strconv.Itoa(n), 1)
}

// Count returns the number with its noun: 1 member, 2 members.
func Count(n int, noun string) string { return Plural(n, "1 "+noun, "%d "+noun+"s") }

// Moment returns a time as messages show it: in this computer's time zone and with the
// offset from UTC, because a message may be read elsewhere.
func Moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 -07:00") }
