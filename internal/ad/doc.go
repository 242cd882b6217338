// Package ad is the connector to Active Directory. It implements contract.Target over
// LDAPS or StartTLS, and uses the same writable domain controller from Open to Close.
//
// It guarantees the following when something goes wrong:
//
//   - A read is complete or returns an error. A search is complete only if the
//     server reported success, returned no referral, and ended the pages with an
//     empty cookie on a connection that is still sound. A membership is complete
//     only if its last range was read. Anything else is IncompleteRead. A listing
//     that breaks off starts over, within limits, and hands on each object once.
//   - When the answer to a write is lost, the package looks at the object on a new
//     connection to the same domain controller. If that does not settle the matter,
//     because the server stays away or the context ended, the error is
//     OutcomeUnknown.
//   - Failures that pass by themselves (busy, unavailable, a broken connection) are
//     retried with growing pauses, within limits. Refused credentials are never
//     retried on any connection, because repeated failures lock the account.
//   - Every error that leaves the package is a contract.Error; see errors.go.
//
// Requests name objects by their objectGUID, so a group, member or container is found
// even if somebody else has renamed it in the meantime.
package ad
