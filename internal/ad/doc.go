// Package ad is the connector to Active Directory: the engine's Target, over
// LDAPS or StartTLS, on one writable domain controller from opening to closing.
//
// What it promises when things go wrong:
//
//   - A read is complete or an error. A search counts as complete only when the
//     server said success, referred to no other server, and ended the pages with
//     an empty cookie on a connection that is still sound; a membership only
//     when its last range was read. Everything else is IncompleteRead. A listing
//     that breaks before its first result is begun anew, later it is an error.
//   - A write whose answer was lost is settled by looking, on a new connection
//     to the same domain controller. What cannot be settled, because the server
//     stays away or the context ended, is OutcomeUnknown.
//   - What passes by itself (busy, unavailable, a broken connection) is tried
//     again with growing pauses, within limits. Refused credentials are never
//     tried again, on no connection: repeated failures lock the account.
//   - Every error that leaves the package is an contract.Error; see errors.go.
//
// Objects are named by their objectGUID in requests, so that a group, member or
// container renamed by somebody else in the meantime is still found.
package ad
