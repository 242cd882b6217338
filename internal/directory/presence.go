package directory

// Presence is what the tenant says about a single group.
type Presence string

// The presences. PresenceUnknown is never taken as an absence. PresenceFound means that a
// list without the group was incomplete.
const (
	PresenceFound       Presence = "Present"
	PresenceOutOfScope  Presence = "OutOfScope" // it exists, but is no longer one to write
	PresenceSoftDeleted Presence = "SoftDeleted"
	PresenceHardDeleted Presence = "HardDeleted"
	PresenceUnknown     Presence = "Unknown"
	// PresenceContradicted replaces an answer that a delta entry within the lag
	// contradicts. No source returns it.
	PresenceContradicted Presence = "Contradicted"
)
