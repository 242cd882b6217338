package directory

// Presence is what the tenant says about a single group.
type Presence string

// The presences. PresenceUnknown is never taken for an absence, and
// PresenceFound says that a list which lacked the group was not whole.
const (
	PresenceFound       Presence = "Present"
	PresenceOutOfScope  Presence = "OutOfScope" // there, but no longer one that is written
	PresenceSoftDeleted Presence = "SoftDeleted"
	PresenceHardDeleted Presence = "HardDeleted"
	PresenceUnknown     Presence = "Unknown"
	// PresenceContradicted is what is made of an answer that a delta within the lag
	// contradicts. No source says it.
	PresenceContradicted Presence = "Contradicted"
)
