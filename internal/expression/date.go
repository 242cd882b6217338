package expression

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// date is a moment of the years 1 to 9999, in steps of 100 ns. Local time is UTC
// here, so the kind changes only what is written of the zone.
type date struct {
	t    time.Time // in UTC
	kind dateKind
}

type dateKind int

const (
	unspecified dateKind = iota
	utc
	local
)

// ownFormat is the one in which dates are passed between functions.
const ownFormat = "M/d/yyyy h:mm:ss tt"

var ownTokens, _ = scanFormat(ownFormat)

func (d date) String() string {
	d.kind = utc
	return writeDate(d, ownTokens)
}

func (d date) value() value { return one(d.String()) }

const (
	tick           = 100 * time.Nanosecond
	ticksPerSecond = int64(time.Second / tick)
	// fileTimeZero is 1601-01-01 in seconds before 1970.
	fileTimeZero = 11644473600
)

// ticks counts the steps since 1601, the beginning of Windows' file times.
func (d date) ticks() int64 {
	return (d.t.Unix()+fileTimeZero)*ticksPerSecond + int64(d.t.Nanosecond())/int64(tick)
}

func fromTicks(n int64) date {
	seconds := n / ticksPerSecond
	rest := n % ticksPerSecond
	return date{t: time.Unix(seconds-fileTimeZero, rest*int64(tick)).UTC(), kind: utc}
}

var (
	firstDate = date{t: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)}
	lastDate  = date{t: time.Date(9999, 12, 31, 23, 59, 59, 999999900, time.UTC)}
)

func (d date) inRange() bool { return !d.t.Before(firstDate.t) && !d.t.After(lastDate.t) }

var errRange = errors.New("it lies outside the years 1 to 9999")

func cDate(a *arguments) value {
	if a.absent(0) {
		return value{}
	}
	return a.date(0).value()
}

var intervals = []string{"yyyy", "q", "m", "y", "d", "w", "ww", "h", "n", "s"}

func wrongInterval(s string) string {
	for _, i := range intervals {
		if i == s {
			return ""
		}
	}
	return "is " + shown(s) + `: write "yyyy" for years, "q" quarters, "m" months, "ww" weeks, "d" days, "h" hours, "n" minutes, "s" seconds`
}

func (a *arguments) interval() string {
	s := a.text(0)
	if problem := wrongInterval(s); problem != "" {
		a.fail(0, "interval "+problem, "")
	}
	return s
}

// dateAdd adds as Visual Basic's DateAdd: a month later is the same day, or the
// last one where the month has none; y and w are days.
func dateAdd(a *arguments) value {
	interval := a.interval()
	if a.absent(2) {
		return value{}
	}
	n, d := a.whole(1), a.date(2)
	if a.stopped() {
		return value{}
	}
	// So many of the smallest intervals leave the calendar from any date.
	const most = 400_000_000_000
	if n > most || n < -most {
		a.fail(1, "the sum leaves the calendar: "+errRange.Error(), "")
		return value{}
	}
	seconds, ok := int64(0), true
	switch interval {
	case "yyyy":
		d, ok = d.addMonths(12 * n)
	case "q":
		d, ok = d.addMonths(3 * n)
	case "m":
		d, ok = d.addMonths(n)
	case "ww":
		seconds = 7 * 86400
	case "d", "y", "w":
		seconds = 86400
	case "h":
		seconds = 3600
	case "n":
		seconds = 60
	case "s":
		seconds = 1
	}
	if seconds > 0 {
		d.t = time.Unix(d.t.Unix()+n*seconds, int64(d.t.Nanosecond())).UTC()
	}
	if !ok || !d.inRange() {
		a.fail(1, "the sum leaves the calendar: "+errRange.Error(), "")
		return value{}
	}
	return d.value()
}

// addMonths returns false when the sum leaves the calendar.
func (d date) addMonths(n int64) (date, bool) {
	year, month, day := d.t.Date()
	months := int64(year)*12 + int64(month) - 1 + n
	if months < 12 || months >= 10000*12 {
		return date{}, false
	}
	year, month = int(months/12), time.Month(months%12+1)
	day = min(day, daysIn(year, month))
	h, m, s := d.t.Clock()
	d.t = time.Date(year, month, day, h, m, s, d.t.Nanosecond(), time.UTC)
	return d, true
}

func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// dateDiff counts as Visual Basic's DateDiff: years, quarters and months that
// begin in between, whole days, hours, minutes and seconds that go by. w is whole
// weeks; ww too, after both dates were moved back to the Sunday of their week.
func dateDiff(a *arguments) value {
	interval := a.interval()
	if a.absent(1) || a.absent(2) {
		return value{}
	}
	from, to := a.date(1), a.date(2)
	if a.stopped() {
		return value{}
	}
	day := 86400 * ticksPerSecond
	passed := to.ticks() - from.ticks()
	years := int64(to.t.Year() - from.t.Year())
	switch interval {
	case "yyyy":
		return whole(years)
	case "q":
		return whole(years*4 + int64(to.t.Month()-1)/3 - int64(from.t.Month()-1)/3)
	case "m":
		return whole(years*12 + int64(to.t.Month()-from.t.Month()))
	case "ww":
		return whole((passed - int64(to.t.Weekday()-from.t.Weekday())*day) / (7 * day))
	case "w":
		return whole(passed / (7 * day))
	case "d", "y":
		return whole(passed / day)
	case "h":
		return whole(passed / (3600 * ticksPerSecond))
	case "n":
		return whole(passed / (60 * ticksPerSecond))
	}
	return whole(passed / ticksPerSecond)
}

func dateFromNum(a *arguments) value {
	if a.absent(0) {
		return value{}
	}
	n := a.whole(0)
	if n < 0 || n > lastDate.ticks() {
		a.fail(0, a.shown(strconv.FormatInt(n, 10))+" is no file time", fmt.Sprintf("one counts 100 ns since 1601, and is 0 to %d", lastDate.ticks()))
		return value{}
	}
	return fromTicks(n).value()
}

func numFromDate(a *arguments) value {
	if a.absent(0) {
		return value{}
	}
	d := a.date(0)
	if d.ticks() < 0 {
		a.fail(0, a.shown(a.text(0))+" is before 1601", "file times begin there")
	}
	return whole(d.ticks())
}

func formatDateTime(a *arguments) value {
	if a.absent(0) {
		return value{}
	}
	styles := defaultStyles
	if a.given(1) {
		var problem string
		if styles, problem = parseStyles(a.text(1)); problem != "" {
			a.fail(1, "dateTimeStyles "+problem, "")
		}
	}
	in, out := a.format(2), a.format(3)
	s := a.text(0)
	if a.stopped() {
		return value{}
	}
	d, err := readDate(s, in, styles)
	if err != nil {
		a.fail(0, a.shown(s)+" is not in the input format "+shown(a.text(2))+a.because(err), "")
		return value{}
	}
	return one(writeDate(d, out))
}

// format returns an argument that has to be a date format: as it was prepared,
// when it is constant.
func (a *arguments) format(i int) []token {
	if tokens := a.prepared.formats[i-2]; tokens != nil {
		return tokens
	}
	tokens, problem := scanFormat(a.text(i))
	if problem != "" {
		a.fail(i, a.function.parameters[i].name+" "+problem, "")
	}
	return tokens
}

func prepareFormatDateTime(_ *checker, n *call) {
	for i := range n.prepared.formats {
		if format, ok := n.args[i+2].(*literal); ok {
			n.prepared.formats[i], _ = scanFormat(format.text)
		}
	}
}

// style is one of .NET's DateTimeStyles.
type style int

const (
	leadingWhite style = 1 << iota
	trailingWhite
	innerWhite
	noCurrentDate // always so: a date that is not there is 1 January of the year 1
	toUniversal
	assumeLocal
	assumeUniversal
	roundtrip
)

const defaultStyles = roundtrip | leadingWhite | trailingWhite

var styleNames = map[string]style{
	"None": 0, "AllowLeadingWhite": leadingWhite, "AllowTrailingWhite": trailingWhite, "AllowInnerWhite": innerWhite,
	"AllowWhiteSpaces": leadingWhite | trailingWhite | innerWhite, "NoCurrentDateDefault": noCurrentDate,
	"AdjustToUniversal": toUniversal, "AssumeLocal": assumeLocal, "AssumeUniversal": assumeUniversal, "RoundtripKind": roundtrip,
}

// parseStyles takes one or several names, with commas between them.
func parseStyles(s string) (styles style, problem string) {
	for name := range strings.SplitSeq(s, ",") {
		one, ok := styleNames[strings.TrimPrefix(strings.TrimSpace(name), "DateTimeStyles.")]
		if !ok {
			return 0, "has " + shown(strings.TrimSpace(name)) + ": write the names of .NET, such as AssumeUniversal"
		}
		styles |= one
	}
	switch {
	case styles&assumeLocal != 0 && styles&assumeUniversal != 0:
		return 0, "assumes two zones: write AssumeLocal or AssumeUniversal"
	case styles&roundtrip != 0 && styles&(assumeLocal|assumeUniversal|toUniversal) != 0:
		return 0, "has RoundtripKind and another zone: write one of them"
	}
	return styles, ""
}

func wrongStyles(s string) string {
	_, problem := parseStyles(s)
	return problem
}

func wrongFormat(s string) string {
	_, problem := scanFormat(s)
	return problem
}
