package run

import (
	"context"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/plan"
)

// agree loads the consent to the named plan, if any (rule 28).
func (r *run) agree(ctx context.Context, planID string) error {
	if planID == "" {
		return nil
	}
	consent, err := loadConsent(ctx, r.state, planID)
	if err != nil {
		return err
	}
	r.consent, r.consentTo = consent, planID
	return r.state.CheckPlan(ctx, planID)
}

// loadConsent reads what the named plan lists.
func loadConsent(ctx context.Context, state contract.State, planID string) (*plan.Consent, error) {
	agreed, err := state.RunByPlan(ctx, planID)
	if err != nil {
		return nil, err
	}
	consent := &plan.Consent{Empty: agreed.Status == contract.RunStopped && agreed.StopReason == contract.StopSourceShrunk}
	if agreed.Held == (plan.Totals{}) && !consent.Empty {
		return nil, &contract.Error{Category: contract.InvalidArgument, ID: "PlanNotStopped", Object: planID,
			Message: "The run with this plan held nothing back, so no consent is needed.",
			Advice:  "Run the sync without -AllowOnce, or specify the plan id of a run that held something back."}
	}
	for changes, err := range spooled(ctx, state.Generation(agreed.ID), 0, 0) {
		if err != nil {
			return nil, err
		}
		for i := range changes {
			if changes[i].Outcome == contract.OutcomeHeld || consent.Empty {
				consent.Agree(&changes[i].Change)
			}
		}
	}
	return consent, nil
}

// saysConsent says how to consent to the run's plan, as the end of a sentence.
func (r *run) saysConsent() string {
	again := "run the sync again with -AllowOnce " + r.record.PlanID + "."
	if of := r.ground.OfSettings; of != "" {
		again = "make the change first (" + of + "), then run the sync with -AllowOnce " + r.record.PlanID + "."
	}
	return again
}
