package contract

import "log/slog"

// Secret is a password, key or token. It prints, marshals and logs as "***"; only
// [Secret.Reveal] returns its value.
type Secret struct{ value string }

const masked = "***"

// NewSecret wraps value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal returns the value for the library that signs in.
func (s Secret) Reveal() string { return s.value }

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.value == "" }

// String returns "***".
func (s Secret) String() string { return masked }

// GoString returns "***".
func (s Secret) GoString() string { return masked }

// MarshalText returns "***".
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// LogValue returns "***".
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// UnmarshalText stores the value.
func (s *Secret) UnmarshalText(b []byte) error {
	s.value = string(b)
	return nil
}
