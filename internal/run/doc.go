// Package run runs group writeback: a run imports both sides, plans, checks
// the limits, exports and confirms. [Engine.Sync] is the recipe.
//
// # What happens when a run fails half-way
//
// Nothing is lost, nothing is doubled, and the next run heals what is left.
// A change is never applied because an event said so: each run compares what
// the tenant has with what Active Directory has, and writes the difference.
// A run that is repeated therefore finds what is done already, and does the
// rest.
//
//   - A run stages what it reads under its own generation, which nobody else
//     sees. The watermark, the pending set and the generation move together, in
//     one transaction, when everything is exported and confirmed. A run that
//     ends before leaves the state as it was, but for the links of the objects
//     that it created, which are stored with the outcome of each change; the
//     next run begins where the last committed one began.
//   - A group is created with its mark, our stamp and its first members in one
//     operation; the objectGUIDs are looked up for up to 20 groups at once. If
//     the process dies before the links are stored, the next run finds mark and
//     stamp and links the objects again.
//   - What failed, was refused or could not be decided is pending: the next
//     delta run plans it again, whether anything of it changes or not.
//   - An answer that was lost is an unknown outcome. The next run looks.
//   - A read that was cut off, came back empty or was cancelled is an error that
//     ends the run before it plans. It is never taken for "no groups" or "no
//     members"; a group that a list lacks is asked for singly, and a member that
//     is not known for certain holds removals back.
//   - A delta run misses what leaves no trace: a value that went with a deleted
//     account, an edit between our own write and its echo, a change that a
//     replica showed later than its delta. An Initial run finds it, and one is
//     due at least every InitialIntervalDays.
//   - A process that slept finds out before its next write whether its run is
//     still the one that is running, and stops if it is not.
//   - Losing the state costs an Initial run. AD carries mark and stamp, so that
//     no group is made twice and none gets another SID.
package run
