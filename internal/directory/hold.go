package directory

import (
	"slices"
	"strings"
	"time"
)

// Hold says why, by whom and until when a group is left as it is in Active Directory.
type Hold struct {
	Reason HoldReason `json:"reason"`
	// Comment is what an administrator said about it, and Account who that was.
	Comment string    `json:"comment"`
	Account string    `json:"account"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until,omitzero"` // zero: until somebody ends it
}

// HoldReason is what put a group on hold.
type HoldReason string

// The reasons.
const (
	HoldSuspended HoldReason = "Suspended" // an administrator
	HoldRestored  HoldReason = "Restored"  // a restore that differs from the tenant
)

// HoldReasons are all reasons.
var HoldReasons = []HoldReason{HoldSuspended, HoldRestored}

// UnmarshalText ignores letter case.
func (r *HoldReason) UnmarshalText(text []byte) error { return SetWord(r, text, HoldReasons) }

// Holds reports whether the hold is in effect at that time.
func (h *Hold) Holds(now time.Time) bool { return h.Until.IsZero() || now.Before(h.Until) }

// The form of a hold in AD: a value of extensionName beside the stamp, whose length the
// schema limits to 255 UTF-16 units. The comment comes last and is cut.
const (
	holdSuffix     = ":hold:"
	holdTime       = "20060102T150405Z"
	holdNoEnd      = "-"
	holdFields     = 5
	holdBetween    = ":"
	maxHoldValue   = 255
	maxHoldAccount = 64
)

// HoldValue returns the value of extensionName that keeps the hold in AD, so that it
// survives the loss of the state.
func HoldValue(tenant GUID, h *Hold) string {
	until := holdNoEnd
	if !h.Until.IsZero() {
		until = h.Until.UTC().Format(holdTime)
	}
	account := oneLine(CutUTF16(strings.ReplaceAll(oneLine(h.Account), holdBetween, "_"), maxHoldAccount))
	value := Stamp(tenant) + holdSuffix + strings.Join([]string{string(h.Reason), h.Since.UTC().Format(holdTime), until, account, oneLine(h.Comment)}, holdBetween)
	return oneLine(CutUTF16(value, maxHoldValue))
}

// ParseHoldValue parses a value of extensionName. ok is false if it is no hold of the
// tenant's installation, or is not in the form of [HoldValue].
func ParseHoldValue(value string, tenant GUID) (h Hold, ok bool) {
	if !IsHoldValue(value, tenant) || CutUTF16(value, maxHoldValue) != value {
		return Hold{}, false
	}
	fields := strings.SplitN(value[len(Stamp(tenant)+holdSuffix):], holdBetween, holdFields)
	if len(fields) < holdFields || h.Reason.UnmarshalText([]byte(fields[0])) != nil || !slices.Contains(HoldReasons, h.Reason) {
		return Hold{}, false
	}
	var err error
	if h.Since, err = time.Parse(holdTime, strings.ToUpper(fields[1])); err != nil {
		return Hold{}, false
	}
	if fields[2] != holdNoEnd {
		if h.Until, err = time.Parse(holdTime, strings.ToUpper(fields[2])); err != nil {
			return Hold{}, false
		}
	}
	h.Account, h.Comment = oneLine(fields[3]), oneLine(fields[4])
	return h, true
}

// IsHoldValue reports whether a value of extensionName says, in any form, that the
// tenant's installation holds the group.
func IsHoldValue(value string, tenant GUID) bool {
	prefix := Stamp(tenant) + holdSuffix
	return len(value) >= len(prefix) && strings.EqualFold(value[:len(prefix)], prefix)
}

// FindHold returns the newest hold of the tenant's installation among the values of
// extensionName, or nil.
func FindHold(extensionName []string, tenant GUID) *Hold {
	var newest *Hold
	for _, value := range extensionName {
		if h, ok := ParseHoldValue(value, tenant); ok && (newest == nil || h.Since.After(newest.Since)) {
			newest = &h
		}
	}
	return newest
}

func oneLine(s string) string { return strings.TrimSpace(Clean(s)) }
