package ad

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// rangeOption is the option of an attribute that is read in parts (MS-ADTS
// 3.1.1.3.1.3.3): member;range=0-1499, and for the last part member;range=1500-*.
type rangeOption struct {
	low, high int
	last      bool // high is "*"
}

// parseRange splits an attribute description; ok is false if it has no range option. A
// malformed range is an error, so that it is never taken for the last part.
func parseRange(description string) (attribute string, r rangeOption, ok bool, err error) {
	attribute, options, _ := strings.Cut(description, ";")
	for option := range strings.SplitSeq(options, ";") {
		value, found := cutPrefixFold(option, "range=")
		if !found {
			continue
		}
		low, high, split := strings.Cut(value, "-")
		r.low, err = strconv.Atoi(low)
		if err == nil && high != "*" {
			r.high, err = strconv.Atoi(high)
		}
		r.last = high == "*"
		if err != nil || !split || r.low < 0 || !r.last && r.high < r.low {
			return "", rangeOption{}, false, fmt.Errorf("the server returned the malformed range %q", description)
		}
		return attribute, r, true, nil
	}
	return attribute, rangeOption{}, false, nil
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// rangedValues returns the values of attribute that the entry holds, starting at value
// number start, and the number of the next value, or -1 after the last. If the entry
// lacks the attribute, there are no more values.
func rangedValues(entry *ldap.Entry, attribute string, start int) (values []string, next int, err error) {
	next = -1
	for _, a := range entry.Attributes {
		name, r, ranged, err := parseRange(a.Name)
		if err != nil {
			return nil, 0, err
		}
		if !strings.EqualFold(name, attribute) {
			continue
		}
		if !ranged {
			// Besides the first part, Windows lists the attribute once more without
			// values. If it has values, they are all of them.
			if len(a.Values) > 0 {
				if start != 0 {
					return nil, 0, fmt.Errorf("the server returned all values of %s although those from %d were requested", attribute, start)
				}
				return a.Values, -1, nil
			}
			continue
		}
		if r.low != start || !r.last && r.high-r.low+1 != len(a.Values) {
			return nil, 0, fmt.Errorf("for the values of %s from %d, the server returned %q with %d values", attribute, start, a.Name, len(a.Values))
		}
		values = a.Values
		if !r.last {
			next = r.high + 1
		}
	}
	return values, next, nil
}
