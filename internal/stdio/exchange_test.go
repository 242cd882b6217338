package stdio

import (
	"encoding/json"
	"testing"

	"groupwriteback/internal/command"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
)

func TestExchangeSteps(t *testing.T) {
	first, second := directory.MustGUID("00000000-0000-0000-0000-000000000001"), directory.MustGUID("00000000-0000-0000-0000-000000000002")
	engine := &fakeEngine{recipients: []command.RecipientStep{
		{Key: first}, // nothing is due
		{Key: second, Step: exchange.Step{Kind: exchange.StepUpdate, Object: "CN=x", TargetGUID: &second, RunID: 7}},
	}}
	p := startInitialized(t, engine)
	p.call(1, "exchange.steps", nil)
	if got := string(p.wantResult("1")); got != `{"steps":[]}` {
		t.Errorf("%s", got)
	}
	var listed []exchange.Step
	pages(p, "exchange.recipients", "steps", map[string]any{}, func(item json.RawMessage) {
		var step exchange.Step
		if err := json.Unmarshal(item, &step); err != nil {
			t.Error(err)
		}
		listed = append(listed, step)
	})
	if len(listed) != 1 || listed[0].RunID != 7 || *listed[0].TargetGUID != second || listed[0].GroupID != nil {
		t.Errorf("%+v", listed)
	}
	p.call(2, "exchange.clear", map[string]any{"steps": []any{
		map[string]any{"targetGuid": second.String(), "runId": 3}, map[string]any{"targetGuid": second.String(), "runId": 7}, map[string]any{"targetGuid": first.String()},
	}})
	if got := string(p.wantResult("2")); got != `{"cleared":2}` || engine.cleared[second] != 7 || engine.cleared[first] != 0 {
		t.Errorf("%s, %v", got, engine.cleared)
	}
}
