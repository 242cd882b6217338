package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// replicaLag is for how long a replica of the tenant may go on showing what
// was before a change (rule 11).
const replicaLag = 30 * time.Minute

// linkLifetime is for how long Graph takes a delta link of directory objects.
const linkLifetime = 7 * 24 * time.Hour

// due tells what the next run has to import, as far as that is known before it
// has asked anybody. current is the committed generation.
func due(settings *Settings, current int64, w *Watermark, projection string, now time.Time) (PolicyType, PolicyReason) {
	age := now.Sub(w.Initial).Abs() // the clock may have been far ahead then
	switch {
	case current == 0 || len(w.Source) == 0:
		return Initial, InitialFirst
	case settings.InitialPending || !strings.HasPrefix(w.Scope, settings.scopeKey()+"\n"):
		return Initial, InitialSettings
	case w.Source[0].Projection != projection:
		return Initial, InitialProjection
	case age >= time.Duration(settings.InitialIntervalDays)*24*time.Hour:
		return Initial, InitialInterval
	case !w.Settled && age >= replicaLag:
		return Initial, InitialSettling
	}
	return Delta, ""
}

// scopeKey is what of the settings decides which groups are read, in a form for
// comparing, on one line: settings.json may have been edited by hand.
func (s *Settings) scopeKey() string {
	scope := s.Scope
	scope.GroupIDs = slices.SortedFunc(slices.Values(scope.GroupIDs), directory.GUID.Compare)
	key, err := json.Marshal(scope)
	if err != nil {
		panic(err) // strings and GUIDs
	}
	return string(key)
}

// choosePolicy settles how much is imported, and makes sure that the domain
// controller knows what was written on the one before (rule 12).
func (r *run) choosePolicy(ctx context.Context) error {
	var err error
	if r.base, err = r.state.Current(ctx); err != nil {
		return err
	}
	if r.watermark, err = r.state.Watermark(ctx); err != nil {
		return err
	}
	// Read before anything is searched: what changes meanwhile is found again.
	if r.targetID, err = r.target.Identify(ctx); err != nil {
		return err
	}
	r.record.Server = r.targetID.Server
	server, err := r.checkServer(ctx)
	if err != nil {
		return err
	}
	policy, reason := due(&r.settings, r.base, &r.watermark, r.projection, r.now())
	switch {
	case r.single:
		if r.base == 0 {
			return &Error{Category: InvalidState, ID: "InitialSyncNeeded", Message: "Nothing was synced with this state yet.",
				Advice: "Run Start-GroupWritebackSync once; after it single groups can be synced."}
		}
		policy, reason, r.otherServer = Delta, "", server
	case r.record.PolicyType == Initial && policy == Delta:
		policy, reason = Initial, InitialRequested
	case server && policy == Delta:
		policy, reason = Initial, InitialServer
	case policy == Delta && r.renamed():
		// What is staged of the groups there has names of before, and a group
		// whose container gets another name gets no new uSN.
		policy, reason = Initial, InitialSettings
	}
	if err := r.readToken(ctx); err != nil {
		return err
	}
	if err := r.chooseScope(ctx); err != nil {
		return err
	}
	// The tenant's default for new groups is a part of the scope too, and whether
	// hidden members may be read.
	if policy == Delta && r.watermark.Scope != r.scopeKey() && !r.single {
		policy, reason = Initial, InitialSettings
	}
	r.record.PolicyType, r.record.PolicyReason = policy, reason
	r.log.Info("what is imported", "run", r.record.ID, "policyType", policy, "policyReason", reason, "server", r.record.Server)
	if policy == Initial {
		return nil
	}
	return r.state.Overlay(ctx, r.record.ID)
}

// renamed reports whether a container has another name than at the last full
// import, because it or one above it was renamed or moved.
func (r *run) renamed() bool {
	for _, configured := range append([]Container{r.settings.Container}, r.settings.FormerContainers...) {
		for _, now := range r.containers {
			if now.GUID == configured.GUID && now.DN != configured.DN {
				return true
			}
		}
	}
	return false
}

// scopeKey is the scope of this run in the form that is stored.
func (r *run) scopeKey() string {
	hidden := ""
	if r.readsHidden() { // what changed while it lacked them no delta tells
		hidden = "\nwith hidden members"
	}
	return r.settings.scopeKey() + hidden + newGroups(r.scope.NewGroupDefault)
}

func newGroups(byDefault bool) string { return fmt.Sprintf("\nnew groups by default: %t", byDefault) }

// checkServer reports whether this is another domain controller than the one of
// the last run, or one that was set back; it ends the run when that one's
// changes have not arrived here yet.
func (r *run) checkServer(ctx context.Context) (changed bool, err error) {
	w, now := &r.watermark, &r.targetID
	unfinished, err := unfinished(ctx, r.state)
	if err != nil {
		return false, err
	}
	for _, u := range unfinished {
		// Up to which USN it wrote there nobody has read. The same domain controller
		// may have been named in another way.
		same := strings.EqualFold(u.Server, now.Server) || u.Server == w.Server && w.DSServiceName == now.DSServiceName
		if !same && !r.skipReplicationCheck {
			return false, &stop{StopTargetNotUpToDate, fmt.Sprintf(
				"Run %d was broken off while it wrote to the domain controller %s, and it is not known whether %s has received that. Name %s with -Server. If that one is lost for good, run the sync with -SkipReplicationCheck.",
				u.ID, u.Server, now.Server, u.Server)}
		}
	}
	if r.base == 0 || w.InvocationID == now.InvocationID && w.DSServiceName == now.DSServiceName {
		// A snapshot that was put back has its old USNs again.
		return now.HighestUSN < w.HighestUSN || w.SearchedUSN == neverSearched, nil
	}
	received, known, err := r.target.ReplicatedUSN(ctx, w.InvocationID)
	switch {
	case err != nil:
		return false, fmt.Errorf("asking %s what it has received from %s: %w", now.Server, w.Server, err)
	case known && received >= w.HighestUSN || r.skipReplicationCheck:
		return true, nil
	}
	has := "has received nothing"
	if known {
		has = fmt.Sprintf("has received the changes up to USN %d of %d", received, w.HighestUSN)
	}
	return false, &stop{StopTargetNotUpToDate, fmt.Sprintf(
		"The last run used the domain controller %s, and %s %s from it. Wait for the replication, or name %s with -Server. If that one is lost for good, run the sync with -SkipReplicationCheck.",
		w.Server, now.Server, has, w.Server)}
}

// neverSearched is the SearchedUSN of a domain controller on which only a group
// on demand was synced.
const neverSearched = -1

// unfinished lists the runs since the last committed one that may have written,
// the newest first.
func unfinished(ctx context.Context, state State) ([]Run, error) {
	last, _, err := state.LastComplete(ctx)
	var wrote []Run
	for before := int64(0); err == nil; {
		var runs []Run
		if runs, err = state.Runs(ctx, before, listBatch); err != nil {
			break
		}
		for i := range runs {
			if before = runs[i].ID; before <= last.ID {
				return wrote, nil
			}
			if runs[i].Kind != DisableRun && runs[i].wrote() {
				wrote = append(wrote, runs[i])
			}
		}
		if len(runs) < listBatch {
			return wrote, nil
		}
	}
	return nil, err
}

// readToken finds out what the token allows: it may be another than when the
// connection was made, and without a permission members look as if they had no
// account, or as if there were none (rule 7).
func (r *run) readToken(ctx context.Context) error {
	identity, err := r.source.Identify(ctx)
	if err != nil {
		return fmt.Errorf("reading what the token allows: %w", err)
	}
	r.sourceID = identity
	return identity.requirePermissions()
}

// chooseScope makes of the settings what the tenant is asked for, and which of
// it is written.
func (r *run) chooseScope(ctx context.Context) error {
	var err error
	if r.selection, r.scope, err = r.settings.Scope.shape(); err != nil || r.scope.Mode != plan.ScopeWritebackEnabled {
		return err
	}
	switch byDefault, err := r.source.NewGroupDefault(ctx); {
	case err != nil:
		return fmt.Errorf("reading whether new groups are written back: %w", err)
	case byDefault == Unknown:
		// A token that may not read it any more changes nothing: the answer of
		// the last run stays, and Microsoft's own default where there was none.
		r.scope.NewGroupDefault = !strings.HasSuffix(r.watermark.Scope, newGroups(false))
		r.warn("whether new groups are written back by default could not be read", "run", r.record.ID, "taken", r.scope.NewGroupDefault)
	default:
		r.scope.NewGroupDefault = byDefault == Yes
	}
	return nil
}

func parseFilter(text string) (*plan.Filter, error) {
	if text == "" {
		return nil, nil
	}
	filter, err := plan.ParseFilter(text)
	if err != nil {
		names := plan.FilterAttributes()
		last := len(names) - 1
		return nil, &Error{Category: InvalidArgument, ID: "FilterInvalid", Object: text, Message: "The" + strings.TrimPrefix(err.Error(), "the"), // in sentences
			Advice: "Give it as in displayName -like 'HR-*' -and visibility -eq 'Private'; the attributes are " + strings.Join(names[:last], ", ") + " and " + names[last] + "."}
	}
	return filter, nil
}

// becomeInitial turns a delta run into one that imports everything.
func (r *run) becomeInitial(ctx context.Context, why PolicyReason) error {
	r.record.PolicyType, r.record.PolicyReason = Initial, why
	r.touched = map[directory.GUID]touch{}
	clear(r.unseen)
	clear(r.toldOut)
	r.deletedUsers = nil
	clear(r.reread)
	return r.state.Discard(ctx, r.record.ID)
}
