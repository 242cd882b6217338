package expression

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// readDate reads a date in a format as .NET's ParseExact in the invariant
// culture. What the text does not say of the date is 1 January of the year 1;
// .NET takes today's, which would give another result each day.
func readDate(s string, tokens []token, styles style) (date, error) {
	r := dateReader{text: []rune(s), styles: styles}
	for i := range r.fields {
		r.fields[i] = -1
	}
	if styles&leadingWhite != 0 {
		r.white()
		for len(tokens) > 0 && unicode.IsSpace(tokens[0].letter) {
			tokens = tokens[1:]
		}
	}
	if styles&trailingWhite != 0 {
		for len(r.text) > r.at && unicode.IsSpace(r.text[len(r.text)-1]) {
			r.text = r.text[:len(r.text)-1]
		}
		for len(tokens) > 0 && unicode.IsSpace(tokens[len(tokens)-1].letter) {
			tokens = tokens[:len(tokens)-1]
		}
	}
	for i, t := range tokens {
		if styles&innerWhite != 0 {
			r.white()
		}
		if !r.token(t, i+1 < len(tokens) && tokens[i+1].letter == 'F') {
			if r.err == nil {
				r.err = fmt.Errorf("character %d does not fit", r.at+1)
			}
			return date{}, r.err
		}
	}
	if r.at < len(r.text) {
		return date{}, fmt.Errorf("the format ends before character %d", r.at+1)
	}
	return r.date()
}

// field is a part of a date that a format may say once.
type field int

const (
	yearField field = iota
	monthField
	dayField
	weekdayField
	hourField
	hour12Field // an hour of twelve was read
	minuteField
	secondField
	afternoonField // 0 or 1
	fieldCount
)

// dateReader reads a text token by token.
type dateReader struct {
	text     []rune
	at       int
	styles   style
	fields   [fieldCount]int // -1 is not said
	fraction time.Duration
	twoDigit bool
	zone     bool // the text says a zone
	zulu     bool // which is Z
	offset   time.Duration
	err      error
}

func (r *dateReader) white() {
	for r.at < len(r.text) && unicode.IsSpace(r.text[r.at]) {
		r.at++
	}
}

func (r *dateReader) set(f field, n int) bool {
	if r.fields[f] >= 0 && r.fields[f] != n {
		r.err = errors.New("it says two different values of one field")
		return false
	}
	r.fields[f] = n
	return true
}

// match goes past the text, if it comes next.
func (r *dateReader) match(s string, fold bool) bool {
	n := len([]rune(s))
	if r.at+n > len(r.text) {
		return false
	}
	next := string(r.text[r.at : r.at+n])
	if next != s && !(fold && strings.EqualFold(next, s)) {
		return false
	}
	r.at += n
	return true
}

// digits reads exactly n digits; or, for 1, one or two.
func (r *dateReader) digits(n int) (number int, ok bool) {
	least, most := n, n
	if n == 1 {
		most = 2
	}
	return r.between(least, most)
}

func (r *dateReader) between(least, most int) (number int, ok bool) {
	n := 0
	for n < most && n < 9 && r.at < len(r.text) && r.text[r.at] >= '0' && r.text[r.at] <= '9' {
		number = number*10 + int(r.text[r.at]-'0')
		r.at++
		n++
	}
	return number, n >= least && n > 0
}

func (r *dateReader) number(f field, n int) bool {
	number, ok := r.digits(n)
	return ok && r.set(f, number)
}

// name reads the longest name that comes next; short ones are of three letters.
func (r *dateReader) name(f field, first, count int, short bool, name func(i int) string) bool {
	best, length := -1, 0
	for i := first; i < first+count; i++ {
		s, at := name(i), r.at
		if short {
			s = s[:3]
		}
		if r.match(s, true) && len(s) > length {
			best, length = i, len(s)
		}
		r.at = at
	}
	r.at += length
	return best >= 0 && r.set(f, best)
}

// token reads what the token stands for. beforeF: an optional fraction follows,
// which lets a dot be missing.
func (r *dateReader) token(t token, beforeF bool) bool {
	switch t.letter {
	case 0:
		for _, c := range t.text {
			if c == ' ' && r.styles&innerWhite != 0 {
				r.white()
			} else if !r.match(string(c), false) {
				return false
			}
		}
		return true
	case 'y':
		number, ok := r.digits(t.n)
		r.twoDigit = r.twoDigit || t.n <= 2
		return ok && r.set(yearField, number)
	case 'M':
		if t.n > 2 {
			return r.name(monthField, 1, 12, t.n == 3, func(i int) string { return time.Month(i).String() })
		}
		return r.number(monthField, t.n)
	case 'd':
		if t.n > 2 {
			return r.name(weekdayField, 0, 7, t.n == 3, func(i int) string { return time.Weekday(i).String() })
		}
		return r.number(dayField, t.n)
	case 'g':
		return r.match("A.D.", true) || r.match("AD", true)
	case 'h':
		r.fields[hour12Field] = 1
		return r.number(hourField, min(t.n, 2))
	case 'H':
		return r.number(hourField, min(t.n, 2))
	case 'm':
		return r.number(minuteField, min(t.n, 2))
	case 's':
		return r.number(secondField, min(t.n, 2))
	case 'f':
		return r.fractionOf(t.n, t.n)
	case 'F':
		return r.fractionOf(0, t.n)
	case 't':
		for i, s := range []string{"AM", "PM"} {
			if r.match(s[:min(t.n, 2)], t.n > 1) {
				return r.set(afternoonField, i)
			}
		}
		return false
	case 'z':
		return r.zoneOf(t.n)
	case 'K':
		if r.match("Z", false) {
			return r.setZone(0, true)
		}
		if r.at < len(r.text) && (r.text[r.at] == '+' || r.text[r.at] == '-') {
			return r.zoneOf(3)
		}
		return true
	case 'Z':
		return (r.match("GMT", true) || r.match("Z", true)) && r.setZone(0, true)
	case '.':
		return r.match(".", false) || beforeF
	case ' ':
		// A blank of the format may be missing where blanks at the end may.
		return r.styles&innerWhite != 0 || r.match(" ", false) || r.styles&trailingWhite != 0
	}
	return r.match(string(t.letter), false)
}

func (r *dateReader) fractionOf(least, most int) bool {
	start := r.at
	number, ok := r.between(least, most)
	if !ok && least > 0 {
		return false
	}
	r.fraction = time.Duration(number)
	for range 9 - (r.at - start) {
		r.fraction *= 10
	}
	return true
}

// zoneOf reads an offset: hours, and minutes for three letters and more.
func (r *dateReader) zoneOf(n int) bool {
	sign := time.Duration(1)
	switch {
	case r.match("+", false):
	case r.match("-", false):
		sign = -1
	default:
		return false
	}
	minutes := 0
	hours, ok := r.digits(min(n, 2))
	if n > 2 && ok {
		if r.match(":", false) {
			minutes, ok = r.digits(1)
		} else {
			minutes, ok = r.digits(2)
		}
	}
	if !ok || minutes > 59 {
		return false
	}
	return r.setZone(sign*(time.Duration(hours)*time.Hour+time.Duration(minutes)*time.Minute), false)
}

func (r *dateReader) setZone(offset time.Duration, zulu bool) bool {
	switch {
	case r.zone:
		r.err = errors.New("it says its zone twice")
		return false
	case offset > 14*time.Hour || offset < -14*time.Hour:
		r.err = errors.New("an offset has 14 hours at most")
		return false
	}
	r.zone, r.zulu, r.offset = true, zulu, offset
	return true
}

// date puts the fields together.
func (r *dateReader) date() (date, error) {
	f := &r.fields
	if r.twoDigit && f[yearField] >= 0 {
		f[yearField] = fourDigits(f[yearField])
	}
	for _, part := range []struct {
		field   field
		missing int
	}{
		{yearField, 1}, {monthField, 1}, {dayField, 1}, {hourField, 0}, {minuteField, 0}, {secondField, 0},
	} {
		if f[part.field] < 0 {
			f[part.field] = part.missing
		}
	}
	switch {
	case f[hour12Field] > 0:
		if f[hourField] > 12 {
			return date{}, errors.New("it has no hour of twelve")
		}
		f[hourField] %= 12
		if f[afternoonField] > 0 {
			f[hourField] += 12
		}
	case f[afternoonField] == 0 && f[hourField] >= 12, f[afternoonField] == 1 && f[hourField] < 12:
		return date{}, errors.New("its hour is of the other half of the day")
	}
	d, err := newDate(f[yearField], f[monthField], f[dayField], f[hourField], f[minuteField], f[secondField], r.fraction)
	if err != nil {
		return date{}, err
	}
	if f[weekdayField] >= 0 && f[weekdayField] != int(d.t.Weekday()) {
		return date{}, fmt.Errorf("it is a %s", d.t.Weekday())
	}
	return r.zoned(d)
}

// zoned moves the date to UTC by what the text and the styles say of its zone.
func (r *dateReader) zoned(d date) (date, error) {
	switch {
	case !r.zone && r.styles&(assumeLocal|assumeUniversal) == 0:
		return d, nil
	case r.styles&toUniversal != 0, r.zulu && r.styles&roundtrip != 0:
		d.kind = utc
	default:
		d.kind = local
	}
	d.t = d.t.Add(-r.offset)
	if !d.inRange() {
		return date{}, errRange
	}
	return d, nil
}

// fourDigits is .NET's since version 8: 00 to 49 are 2000 to 2049.
func fourDigits(year int) int {
	switch {
	case year > 99:
		return year
	case year < 50:
		return 2000 + year
	}
	return 1900 + year
}

func newDate(year, month, day, hour, minute, second int, fraction time.Duration) (date, error) {
	switch {
	case year < 1 || year > 9999:
		return date{}, errRange
	case month < 1 || month > 12:
		return date{}, fmt.Errorf("there is no month %d", month)
	case day < 1 || day > daysIn(year, time.Month(month)):
		return date{}, fmt.Errorf("%s %d has no day %d", time.Month(month), year, day)
	case hour > 23 || minute > 59 || second > 59:
		return date{}, fmt.Errorf("there is no time %02d:%02d:%02d", hour, minute, second)
	}
	return date{t: time.Date(year, time.Month(month), day, hour, minute, second, int(fraction), time.UTC)}, nil
}
