package contract

// Of a full import it is the members that cost: at least a request for each group.
// So those that were read stay when the run ends before its commit, because Graph or
// the domain controller was gone for longer than the patience, somebody cancelled it
// or the process died; the next full import reads the others. The groups it lists
// anew. That is sound since it ends with everything that the deltas tell from before
// the first of the members was read on, as every full import does.

// Reading is what one full import leaves to the next.
type Reading struct {
	// Links were taken before it began; Taken is that time.
	Links DeltaLinks
	// Scope is what was read, as in [Watermark].
	Scope string
}
