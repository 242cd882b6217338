package directory

import "strings"

// SetWord sets a value of a fixed list from a text: whatever its letter case, the
// value is spelt as in the list. Another text stays as it is, for whoever checks
// it to refuse by name. The types of such values call it as their UnmarshalText,
// so that params, settings.json and filters are all read by one rule.
func SetWord[T ~string](to *T, text []byte, list []T) error {
	*to = T(text)
	for _, word := range list {
		if strings.EqualFold(string(word), string(text)) {
			*to = word
			return nil
		}
	}
	return nil
}
