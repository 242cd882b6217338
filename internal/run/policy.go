package run

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/owner"
	"groupwriteback/internal/plan"
)

// replicaLag is how long a replica of the tenant may continue to show the state before a
// change (rule 11).
const replicaLag = 30 * time.Minute

// linkLifetime is how long Graph accepts a delta link of directory objects.
const linkLifetime = 7 * 24 * time.Hour

// Due returns what the next run must import, as far as that is known before it has asked
// anybody. current is the run of the committed generation.
func Due(settings *contract.Settings, current int64, w *contract.Watermark, projection string, now time.Time) (contract.PolicyType, contract.PolicyReason) {
	age := now.Sub(w.Initial).Abs() // the clock may have been far ahead then
	switch {
	case current == 0 || len(w.Source) == 0:
		return contract.Initial, contract.InitialFirst
	case settings.InitialPending || !strings.HasPrefix(w.Scope, settingsKey(settings)+"\n"):
		return contract.Initial, contract.InitialSettings
	case w.Source[0].Projection != projection:
		return contract.Initial, contract.InitialProjection
	case age >= time.Duration(settings.InitialIntervalDays)*24*time.Hour:
		return contract.Initial, contract.InitialInterval
	case !w.Settled && age >= replicaLag:
		return contract.Initial, contract.InitialSettling
	}
	return contract.Delta, ""
}

// settingsKey returns the settings that determine which groups are read, for comparison.
// It is one line whatever somebody has written to settings.json by hand.
func settingsKey(s *contract.Settings) string {
	scope := s.Scope
	scope.GroupIDs = slices.SortedFunc(slices.Values(scope.GroupIDs), directory.GUID.Compare)
	key, err := json.Marshal(scope)
	if err != nil {
		panic(err) // cannot happen with strings and GUIDs
	}
	return string(key)
}

// choosePolicy decides how much to import.
func (c *course) choosePolicy(ctx context.Context) error {
	r := c.run
	server, err := c.look(ctx)
	if err != nil {
		return err
	}
	policy, reason := Due(&r.settings, r.base, &c.watermark, r.ground.Projection, r.now())
	switch {
	case policy == contract.Initial:
	case r.ground.Initial:
		policy, reason = contract.Initial, contract.InitialRequested
	case server:
		policy, reason = contract.Initial, contract.InitialServer
	case c.renamed():
		// The names of the staged groups are outdated, and renaming a container does not
		// change the uSN of its groups.
		policy, reason = contract.Initial, contract.InitialSettings
	}
	if err := c.readTenant(ctx); err != nil {
		return err
	}
	// The scope includes the tenant's default for new groups and whether hidden members
	// may be read.
	if policy == contract.Delta && c.watermark.Scope != c.scopeKey() {
		policy, reason = contract.Initial, contract.InitialSettings
	}
	if policy == contract.Delta && c.watermark.Source[0].Routing != c.routing {
		policy, reason = contract.Initial, contract.InitialRouting
	}
	return c.begin(ctx, policy, reason)
}

// prepareOne replaces [prepare] in a run of one group. That run is always a Delta run,
// even if an Initial run is due.
func prepareOne(ctx context.Context, r *run) (*course, error) {
	c := newCourse(r)
	if err := c.locate(ctx); err != nil {
		return nil, err
	}
	var err error
	if c.otherServer, err = c.look(ctx); err != nil {
		return nil, err
	}
	if r.base == 0 {
		return nil, &contract.Error{Category: contract.InvalidState, ID: "InitialSyncNeeded", Message: "No sync has completed with this state yet.",
			Advice: "Run Start-GroupWritebackSync without -Group once. After that you can sync single groups."}
	}
	if err := c.readTenant(ctx); err != nil {
		return nil, err
	}
	return c, c.begin(ctx, contract.Delta, "")
}

// look finds out how far earlier runs have come and whether this is another domain
// controller than theirs. It makes sure that this one has received what was written there
// (rule 12).
func (c *course) look(ctx context.Context) (otherServer bool, err error) {
	r := c.run
	if r.base, err = r.state.Current(ctx); err != nil {
		return false, err
	}
	r.before = r.state.Generation(r.base)
	if c.watermark, err = r.state.Watermark(ctx); err != nil {
		return false, err
	}
	r.holds.lost = map[directory.GUID]*directory.Hold{}
	if r.holds.now, r.holds.over, err = owner.Held(ctx, r.state, r.now()); err != nil {
		return false, err
	}
	for id := range r.ground.Compare {
		delete(r.holds.now, id)
	}
	if r.tries, err = readTries(ctx, r.state, r.settings.QuarantineAfter); err != nil {
		return false, err
	}
	// Identify before any search: changes made in the meantime are then found again.
	if c.targetID, err = r.target.Identify(ctx); err != nil {
		return false, err
	}
	r.record.Server = c.targetID.Server
	return c.checkServer(ctx)
}

// readTenant finds out what the token allows, what to read from the tenant, and where mail
// leaves for it.
func (c *course) readTenant(ctx context.Context) error {
	if err := c.readToken(ctx); err != nil {
		return err
	}
	before := ""
	if len(c.watermark.Source) > 0 {
		before = c.watermark.Source[0].Routing
	}
	var err error
	if c.routing, err = readExchange(ctx, c.run, &c.judge.Rules, before); err != nil {
		return err
	}
	return c.chooseScope(ctx)
}

// begin records how much is imported and why. A Delta run stages an overlay.
func (c *course) begin(ctx context.Context, policy contract.PolicyType, reason contract.PolicyReason) error {
	r := c.run
	r.record.PolicyType, r.record.PolicyReason = policy, reason
	r.log.Info("import policy chosen", "run", r.record.ID, "policyType", policy, "policyReason", reason, "server", r.record.Server)
	if policy == contract.Initial {
		return nil
	}
	return r.gen.Overlay(ctx)
}

// renamed reports whether a container has another DN than at the last full import,
// because it or one of its parents was renamed or moved.
func (r *course) renamed() bool {
	for _, configured := range append(r.run.settings.Containers(), r.run.settings.FormerContainers...) {
		for _, now := range r.judge.All() {
			if now.GUID == configured.GUID && now.DN != configured.DN {
				return true
			}
		}
	}
	return false
}

// scopeKey returns the scope of this run in the form in which it is stored.
func (r *course) scopeKey() string {
	hidden := ""
	if r.readsHidden() { // no delta reports what changed while the permission was missing
		hidden = "\nwith hidden members"
	}
	return settingsKey(&r.run.settings) + hidden + newGroups(r.scope.NewGroupDefault)
}

func newGroups(byDefault bool) string { return fmt.Sprintf("\nnew groups by default: %t", byDefault) }

// checkServer reports whether this is another domain controller than that of the last
// run, or one that was restored to an earlier state. It ends the run if the changes of
// the other one have not arrived here yet.
func (r *course) checkServer(ctx context.Context) (changed bool, err error) {
	w, now := &r.watermark, &r.targetID
	unfinished, err := Unfinished(ctx, r.run.state)
	if err != nil {
		return false, err
	}
	for _, u := range unfinished {
		// Nobody has read up to which USN that run wrote. The same domain controller may
		// have been named differently.
		same := strings.EqualFold(u.Server, now.Server) || u.Server == w.Server && w.DSServiceName == now.DSServiceName
		if !same && !r.run.ground.SkipReplicationCheck {
			did := "was interrupted while it wrote to"
			if u.Kind == contract.RestoreRun {
				did = "restored groups on"
			}
			return false, &stop{contract.StopTargetNotUpToDate, fmt.Sprintf(
				"Run %d %s the domain controller %s. It is not known whether %s has received these changes. Specify %s with -Server. If that domain controller is permanently lost, run the sync with -SkipReplicationCheck.",
				u.ID, did, u.Server, now.Server, u.Server)}
		}
	}
	if r.run.base == 0 || w.InvocationID == now.InvocationID && w.DSServiceName == now.DSServiceName {
		// A restored snapshot has its old USNs again.
		return now.HighestUSN < w.HighestUSN || w.SearchedUSN == neverSearched, nil
	}
	received, known, err := r.run.target.ReplicatedUSN(ctx, w.InvocationID)
	switch {
	case err != nil:
		return false, fmt.Errorf("reading what %s has received from %s: %w", now.Server, w.Server, err)
	case known && received >= w.HighestUSN || r.run.ground.SkipReplicationCheck:
		return true, nil
	}
	has := "has received nothing"
	if known {
		has = fmt.Sprintf("has received the changes up to USN %d of %d", received, w.HighestUSN)
	}
	return false, &stop{contract.StopTargetNotUpToDate, fmt.Sprintf(
		"The last run used the domain controller %s, and %s %s from it. Wait for the replication, or specify %s with -Server. If that domain controller is permanently lost, run the sync with -SkipReplicationCheck.",
		w.Server, now.Server, has, w.Server)}
}

// neverSearched is the SearchedUSN of a domain controller on which only an on-demand run
// has run.
const neverSearched = -1

// Unfinished lists the runs since the last committed one that may have written, newest
// first.
func Unfinished(ctx context.Context, state contract.State) ([]contract.Run, error) {
	last, _, err := state.LastComplete(ctx)
	if err != nil {
		return nil, err
	}
	var wrote []contract.Run
	for run, err := range Newest(ctx, state, 0) {
		if err != nil {
			return nil, err
		}
		if run.ID <= last.ID {
			break
		}
		if run.Kind != contract.DisableRun && run.Wrote() {
			wrote = append(wrote, run)
		}
	}
	return wrote, nil
}

// Newest lists the runs before one, the newest first; before 0 means all of them.
func Newest(ctx context.Context, state contract.RunStore, before int64) iter.Seq2[contract.Run, error] {
	return batch.Items(ctx, batch.ListBatch, func(ctx context.Context, last int64, limit int) ([]contract.Run, error) {
		return state.Runs(ctx, cmp.Or(last, before), limit)
	}, runID)
}

// readToken finds out what the token allows. It may differ from the token at connection
// time, and without a permission members look as if they had no account or did not exist
// (rule 7).
func (r *course) readToken(ctx context.Context) error {
	identity, err := r.run.source.Identify(ctx)
	if err != nil {
		return fmt.Errorf("reading the token's permissions: %w", err)
	}
	r.sourceID = identity
	return identity.RequirePermissions()
}

// chooseScope derives from the settings what to ask the tenant for and which groups to
// write.
func (r *course) chooseScope(ctx context.Context) error {
	var err error
	if r.selection, r.scope, err = r.run.settings.Scope.Shape(); err != nil || r.scope.Mode != plan.ScopeWritebackEnabled {
		return err
	}
	switch byDefault, err := r.run.source.NewGroupDefault(ctx); {
	case err != nil:
		return fmt.Errorf("reading whether the tenant writes new groups back by default: %w", err)
	case byDefault == contract.Unknown:
		// If the token may no longer read it, nothing changes: the answer of the last run
		// stays, or Microsoft's own default if there was none.
		r.scope.NewGroupDefault = !strings.HasSuffix(r.watermark.Scope, newGroups(false))
		r.run.warn("cannot read whether the tenant writes new groups back by default", "run", r.run.record.ID, "taken", r.scope.NewGroupDefault)
	default:
		r.scope.NewGroupDefault = byDefault == contract.Yes
	}
	return nil
}

// becomeInitial turns a Delta run whose link has expired into one that imports
// everything.
func (c *course) becomeInitial(ctx context.Context, expired error) error {
	r := c.run
	r.warn("the delta link has expired; importing everything", "run", r.record.ID, "error", expired)
	r.record.PolicyType, r.record.PolicyReason = contract.Initial, contract.InitialLinkExpired
	return r.gen.Discard(ctx)
}
