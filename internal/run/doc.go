// Package run runs group writeback: a run imports both sides, plans, checks the limits,
// exports and confirms. [Sync] is the recipe.
//
// # What happens when a run fails half-way
//
// Nothing is lost or done twice, and the next run completes the rest. No change is
// applied because of an event. Each run compares the tenant with Active Directory and
// writes the difference, so a repeated run finds what is already done and does the rest.
//
//   - A run stages what it reads in its own generation, which nobody else sees. The
//     watermark, the pending set and the generation move together, in one transaction,
//     after everything is exported and confirmed. A run that ends earlier leaves the
//     state unchanged, except for the links of the objects that it created: they are
//     stored with the outcome of each change. The next run begins where the last
//     committed one began.
//   - A group is created with its mark, our stamp and its first members in one
//     operation. The objectGUIDs are then looked up for up to 20 groups at once. If
//     the process dies before the links are stored, the next run finds mark and stamp
//     and links the objects again.
//   - Whatever failed, was refused or could not be decided is pending: the next Delta
//     run plans the group again, even if nothing has changed.
//   - A lost answer is an unknown outcome. The next run looks.
//   - A read that was cut off, came back empty or was cancelled is an error that ends
//     the run before it plans. It is never taken for "no groups" or "no members". A
//     group that a list lacks is asked for singly, and a member that is not known for
//     certain holds removals back.
//   - A Delta run misses what leaves no trace: a value that disappeared with a deleted
//     account, an edit between our own write and its echo, a change that a replica
//     showed later than its delta. An Initial run finds these changes; one is due at
//     least every InitialIntervalDays.
//   - After the process was suspended, its run finds out before the next write
//     whether it is still the current one, and stops if it is not.
//   - Losing the state costs an Initial run. AD carries mark and stamp, so no group is
//     created twice and none gets another SID.
package run
