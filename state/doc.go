// Package state stores what one installation remembers between runs, in one
// folder on a local disk:
//
//   - settings.json holds what the administrator chose; it is always replaced
//     as a whole.
//   - state.db is a SQLite database. It holds what can be read again from the
//     tenant and from Active Directory, and the history of runs.
//   - state.lock is the file that a run locks, so that only one runs at a time.
//
// # Failure semantics
//
// A new database is built under another name and then renamed, so state.db is
// never incomplete. A database of an older version is copied before it is
// migrated. A database that is damaged, has a newer version or belongs to
// another program is refused and not written to.
//
// Every method is one short transaction, or several when it removes rows in
// portions that nothing refers to any more. A method that fails changes nothing.
// What a run stages carries the run's id as its generation, and no reader sees
// it until [Generation.Commit] makes that generation current or, if it is an
// overlay, merges it into the current one. A process that dies leaves at most a
// generation that nobody reads. [State.BeginRun] removes it, and a run that
// BeginRun took for dead can no longer commit. Losing the whole database costs a
// full import: every group of ours carries its mark and stamp in Active
// Directory, and the import finds it by them.
//
// Readers use their own connections and never wait for the writer, whether it is
// in this process or in another.
package state
