// Package state keeps what one installation knows between runs, in one folder
// of a local disk:
//
//   - settings.json, what the administrator chose, replaced as a whole;
//   - state.db, a SQLite database of what can be read again from the tenant
//     and from Active Directory, and of what runs did;
//   - state.lock, on which the operating system's lock keeps runs apart.
//
// # Failure semantics
//
// A new database is built beside its place and renamed into it, so state.db is
// never half made. An older one is copied before it is migrated; a newer one,
// one of another program and a damaged one are refused and not written to.
//
// Every method is one short transaction, or a few where it removes in portions
// what nothing refers to any more. A method that failed has changed nothing.
// What a run stages carries the run's id as its generation, and no reader looks
// at it until [State.Commit] has made that generation current, or has merged it
// into the current one when it is an overlay; a process that dies leaves at most
// a generation that nobody sees, which [State.BeginRun] clears away, and a run
// that it took for dead cannot commit any more. Losing the whole database costs
// a full import: every group of ours carries mark and stamp in Active Directory
// and is found again by them.
//
// Readers have connections of their own and never wait for the writer, in this
// process or another.
package state
