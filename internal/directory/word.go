package directory

import "strings"

// SetWord sets a value of a fixed list from a text. If the list contains the text in
// any letter case, the value is spelt as in the list. Any other text is kept as it is,
// so that a later check can refuse it by name. The types of such values call SetWord
// from UnmarshalText, so parameters, settings.json and filters all follow the same
// rule.
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
