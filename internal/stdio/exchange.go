package stdio

import (
	"context"
	"fmt"

	"groupwriteback/internal/command"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
)

func exchangeSteps(ctx context.Context, e Engine, _ none) (any, error) {
	steps, err := e.ExchangeSteps(ctx)
	if steps == nil {
		steps = []exchange.Step{}
	}
	return map[string]any{"steps": steps}, err
}

func listRecipientSteps(ctx context.Context, e Engine, p Paging) (any, error) {
	return list[command.RecipientStep, directory.GUID]{
		name: "steps", parse: directory.ParseGUID, text: directory.GUID.String,
		fetch: func(after directory.GUID, n int) ([]command.RecipientStep, error) {
			return e.RecipientSteps(ctx, after, n)
		},
		key:  func(s command.RecipientStep) directory.GUID { return s.Key },
		show: func(s command.RecipientStep) (any, bool, error) { return s.Step, s.Step.Kind != "", nil },
	}.page(p)
}

// maxCleared is how many steps one request clears.
const maxCleared = 1000

type clearParams struct {
	Steps []struct {
		TargetGUID string `json:"targetGuid"`
		RunID      int64  `json:"runId"`
	} `json:"steps"`
}

func clearExchangeSteps(ctx context.Context, e Engine, p clearParams) (any, error) {
	if len(p.Steps) > maxCleared {
		return nil, invalidParameter("steps", fmt.Sprintf("A list of %d is too long.", len(p.Steps)), fmt.Sprintf("Give at most %d at a time.", maxCleared))
	}
	seen := map[directory.GUID]int64{}
	for _, s := range p.Steps {
		id, err := guid("targetGuid", s.TargetGUID)
		if err != nil {
			return nil, err
		}
		if id.IsZero() {
			return nil, missing("targetGuid")
		}
		seen[id] = max(seen[id], s.RunID)
	}
	cleared, err := e.ClearExchangeSteps(ctx, seen)
	return map[string]any{"cleared": cleared}, err
}
