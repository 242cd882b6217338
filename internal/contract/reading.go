package contract

// Reading the members is what makes a full import expensive: it takes at least one
// request for each group. So the members that were read are kept if the run ends before
// its commit, because Graph or the domain controller was unreachable for longer than the
// patience, because somebody cancelled the run, or because the process died. The next
// full import reads only the rest. It lists the groups again. This is sound because it
// ends, as every full import does, with everything that the deltas report from before the
// first of the members was read.

// Reading is what one full import leaves to the next one.
type Reading struct {
	// Links were taken before the reading began, at the time Taken.
	Links DeltaLinks
	// Scope is the scope of the reading, as in [Watermark].
	Scope string
}
