package expression

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const dateAdvice = "write it as 2020-03-16T07:00:00Z or 3/16/2020 7:00:00 AM, or read it by FormatDateTime"

// parseDate reads a date of no given format, as .NET's DateTimeOffset.Parse does
// the common ones in the invariant culture: ISO 8601, numbers as month/day/year,
// or the English name of a month; then a time; then Z, GMT or an offset. Without
// a zone it is UTC. A text without a year, which .NET takes from today's date, is
// an error.
func parseDate(s string) (date, error) {
	p := dateParser{text: s}
	for p.space(); p.text != ""; p.space() {
		if err := p.part(); err != nil {
			return date{}, err
		}
	}
	return p.date()
}

// dateParser takes a text apart.
type dateParser struct {
	text    string
	numbers []dateNumber
	month   int // by its name; 0 is none
	// nameAt is how many numbers stand before the month's name.
	nameAt   int
	weekday  time.Weekday
	weekdays int
	time     [3]int // hour, minute, second
	timed    bool
	fraction time.Duration
	half     string // AM or PM
	offset   time.Duration
	zoned    bool
	iso      bool // separated by hyphens, which an offset may follow
}

type dateNumber struct{ value, digits int }

var errDate = errors.New("it has no form of a date")

func (p *dateParser) space() { p.text = strings.TrimLeftFunc(p.text, unicode.IsSpace) }

func (p *dateParser) take(s string) bool {
	rest, ok := strings.CutPrefix(p.text, s)
	if ok {
		p.text = rest
	}
	return ok
}

func (p *dateParser) number() (dateNumber, bool) {
	n := 0
	for n < len(p.text) && isDigit(p.text[n]) {
		n++
	}
	value, err := strconv.Atoi(p.text[:n])
	if n > 8 || err != nil {
		return dateNumber{}, false
	}
	p.text = p.text[n:]
	return dateNumber{value, n}, true
}

// part reads what comes next: a number of the date, a time, a name or a zone.
func (p *dateParser) part() error {
	switch c := p.text[0]; {
	case isDigit(c):
		n, ok := p.number()
		switch {
		case !ok || p.zoned:
			return errDate
		case strings.HasPrefix(p.text, ":"):
			return p.clock(n)
		case p.timed || len(p.numbers) == 3:
			return errDate
		}
		p.numbers = append(p.numbers, n)
		// Nothing but a number follows a separator.
		if len(p.numbers) < 3 && p.month == 0 && len(p.text) > 1 && strings.IndexByte("/-.", p.text[0]) >= 0 && isDigit(p.text[1]) {
			p.iso = p.text[0] == '-'
			p.text = p.text[1:]
		} else if len(p.text) > 1 && p.text[0] == '-' && p.text[1]|0x20 >= 'a' && p.text[1]|0x20 <= 'z' {
			p.text = p.text[1:] // 16-Mar-2020
		}
		return nil
	case c == ',':
		p.text = p.text[1:]
		return nil
	case c == '+', c == '-':
		return p.zone()
	}
	return p.name()
}

// clock reads a time from behind its hour.
func (p *dateParser) clock(hour dateNumber) error {
	if p.timed || hour.digits > 2 {
		return errDate
	}
	p.timed, p.time[0] = true, hour.value
	for i := 1; i < 3 && p.take(":"); i++ {
		n, ok := p.number()
		if !ok || n.digits > 2 {
			return errDate
		}
		p.time[i] = n.value
		if i == 2 && p.take(".") {
			return p.fractionOf()
		}
	}
	return nil
}

func (p *dateParser) fractionOf() error {
	n := 0
	for n < len(p.text) && isDigit(p.text[n]) {
		n++
	}
	f, err := strconv.ParseFloat("0."+p.text[:n], 64)
	if n == 0 || err != nil {
		return errDate
	}
	p.fraction = time.Duration(math.Round(f*float64(ticksPerSecond))) * tick
	p.text = p.text[n:]
	return nil
}

func (p *dateParser) zone() error {
	sign := time.Duration(1)
	if p.text[0] == '-' {
		sign = -1
	}
	p.text = p.text[1:]
	hours, ok := p.number()
	minutes := dateNumber{}
	switch {
	case !ok || p.zoned || len(p.numbers) == 0 || !p.timed && !p.iso:
		return errDate
	case p.take(":"):
		if minutes, ok = p.number(); !ok || minutes.digits > 2 || hours.digits > 2 {
			return errDate
		}
	case hours.digits > 2 && hours.digits <= 4:
		hours, minutes = dateNumber{value: hours.value / 100}, dateNumber{value: hours.value % 100}
	case hours.digits > 4:
		return errDate
	}
	p.zoned = true
	p.offset = sign * (time.Duration(hours.value)*time.Hour + time.Duration(minutes.value)*time.Minute)
	if minutes.value > 59 || p.offset > 14*time.Hour || p.offset < -14*time.Hour {
		return errors.New("an offset has 14 hours at most")
	}
	return nil
}

func (p *dateParser) name() error {
	n := 0
	for n < len(p.text) && (p.text[n]|0x20) >= 'a' && (p.text[n]|0x20) <= 'z' {
		n++
	}
	name := strings.ToUpper(p.text[:n])
	p.text = p.text[n:]
	switch name {
	case "":
		return errDate
	case "T":
		if len(p.numbers) == 3 && p.text != "" && isDigit(p.text[0]) {
			return nil
		}
		return errDate
	case "Z", "GMT":
		if p.zoned || len(p.numbers) == 0 && p.month == 0 {
			return errDate
		}
		p.zoned = true
		return nil
	case "AM", "PM", "A", "P":
		if !p.timed || p.half != "" {
			return errDate
		}
		p.half = name[:1]
		return nil
	}
	for m := time.January; m <= time.December; m++ {
		if full := strings.ToUpper(m.String()); (name == full || name == full[:3]) && p.month == 0 && !p.timed && len(p.numbers) < 3 {
			p.month, p.nameAt = int(m), len(p.numbers)
			p.takeSeparator()
			return nil
		}
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		if full := strings.ToUpper(d.String()); (name == full || name == full[:3]) && p.weekdays == 0 {
			p.weekday = d
			p.weekdays++
			return nil
		}
	}
	return errDate
}

// takeSeparator goes past the hyphen of 16-Mar-2020.
func (p *dateParser) takeSeparator() {
	if len(p.text) > 1 && p.text[0] == '-' && isDigit(p.text[1]) && len(p.numbers) > 0 {
		p.text = p.text[1:]
	}
}

// date decides which number is which.
func (p *dateParser) date() (date, error) {
	var year, day dateNumber
	month := p.month
	n := p.numbers
	switch {
	case month > 0 && len(n) == 2:
		year, day = n[1], n[0]
		if n[0].digits > 2 {
			year, day = n[0], n[1]
		}
	case month > 0 && len(n) == 1 && n[0].digits > 2:
		year, day = n[0], dateNumber{1, 1}
	case month == 0 && len(n) == 3 && n[0].digits > 2:
		year, month, day = n[0], n[1].value, n[2]
	case month == 0 && len(n) == 3:
		month, day, year = n[0].value, n[1], n[2]
	case month == 0 && len(n) == 2 && n[0].digits > 2:
		year, month, day = n[0], n[1].value, dateNumber{1, 1}
	case month == 0 && len(n) == 2 && n[1].digits > 2:
		month, year, day = n[0].value, n[1], dateNumber{1, 1}
	case len(n) == 0 && month == 0 && !p.timed:
		return date{}, errDate
	default:
		return date{}, errors.New("it does not say day, month and year")
	}
	if year.digits < 3 {
		year.value = fourDigits(year.value)
	}
	if day.digits > 2 || year.digits > 4 {
		return date{}, errDate
	}
	hour := p.time[0]
	if p.half != "" {
		if hour > 12 {
			return date{}, errors.New("it has no hour of twelve")
		}
		hour %= 12
		if p.half == "P" {
			hour += 12
		}
	}
	d, err := newDate(year.value, month, day.value, hour, p.time[1], p.time[2], 0)
	if err != nil {
		return date{}, err
	}
	if p.weekdays > 0 && d.t.Weekday() != p.weekday {
		return date{}, fmt.Errorf("it is a %s", d.t.Weekday())
	}
	d.t, d.kind = d.t.Add(p.fraction-p.offset), utc
	if !d.inRange() {
		return date{}, errRange
	}
	return d, nil
}
