package command_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
)

// TestEachStepIsReportedBeforeItIsDone: a user who waits for a tenant or a domain controller
// that does not answer already knows what is being asked.
func TestEachStepIsReportedBeforeItIsDone(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a", "b")
	b.enable(t)
	var mu sync.Mutex
	var told []contract.Progress
	report := func(p contract.Progress) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, p)
	}
	unreported := func(ctx context.Context, operation string) {
		mu.Lock()
		defer mu.Unlock()
		if len(told) == 0 || told[len(told)-1].Message == "" || told[len(told)-1].Step == "" {
			t.Errorf("%s was asked for without a word: %+v", operation, told)
		}
	}
	b.tenant.waits, b.directory.waits = unreported, unreported
	for _, method := range []struct {
		name string
		do   func(ctx context.Context) error
	}{
		{"connect", func(ctx context.Context) error {
			_, err := b.engine.Connect(ctx, &contract.SourceConfig{}, &contract.TargetConfig{Server: "dc1"})
			return err
		}},
		{"test", func(ctx context.Context) error { _, err := b.engine.Test(ctx, ""); return err }},
		{"enable", func(ctx context.Context) error {
			_, err := b.engine.Enable(ctx, command.EnableRequest{Choices: command.Choices{TargetContainer: containerDN}, Adoption: command.Adoption{Adopt: new(true)}})
			return err
		}},
		{"set", func(ctx context.Context) error {
			_, err := b.engine.SetSettings(ctx, command.SettingsPatch{Choices: command.Choices{TargetContainer: containerDN, Filter: new("displayName -like '*'")}})
			return err
		}},
		{"sync", func(ctx context.Context) error { _, err := b.engine.Sync(ctx, command.SyncRequest{}, nil); return err }},
		{"delta", func(ctx context.Context) error { _, err := b.engine.Sync(ctx, command.SyncRequest{}, nil); return err }},
		{"preview", func(ctx context.Context) error {
			_, err := b.engine.Preview(ctx, command.PreviewRequest{}, nil)
			return err
		}},
		{"group", func(ctx context.Context) error {
			_, err := b.engine.SyncGroup(ctx, command.GroupSyncRequest{Group: "one"}, nil)
			return err
		}},
		{"disable", func(ctx context.Context) error { _, err := b.engine.Disable(ctx, command.DisableRequest{}); return err }},
		{"deletion", func(ctx context.Context) error { _, err := b.engine.Sync(ctx, command.SyncRequest{}, nil); return err }},
	} {
		mu.Lock()
		told = nil
		mu.Unlock()
		if err := method.do(contract.WithReport(t.Context(), report)); err != nil {
			t.Fatalf("%s: %v", method.name, err)
		}
		// Each step comes once, with consecutive numbers and a name of its own.
		number, names := 0, []string(nil)
		for _, p := range told {
			switch {
			case p.StepNumber == number+1:
				number++
				if slices.Contains(names, p.Step) {
					t.Errorf("%s: %s comes twice: %+v", method.name, p.Step, told)
				}
				names = append(names, p.Step)
			case p.StepNumber != number || p.Step != names[number-1]:
				t.Errorf("%s: step %d, %s, after %d: %+v", method.name, p.StepNumber, p.Step, number, told)
			}
			if p.StepNumber > p.StepCount || p.Total != 0 && p.Done > p.Total {
				t.Errorf("%s: %+v", method.name, p)
			}
		}
		if last := told[len(told)-1]; last.StepNumber != last.StepCount {
			t.Errorf("%s: the last of %d steps has the number %d", method.name, last.StepCount, last.StepNumber)
		}
	}
}

// TestASilentServerIsNamed: a request without an answer is reported, with the time since
// when, until somebody answers.
func TestASilentServerIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told contract.Progress
		reports := 0
		ctx := contract.WithReport(t.Context(), func(p contract.Progress) {
			mu.Lock()
			defer mu.Unlock()
			told, reports = p, reports+1
		})
		last := func() contract.Progress {
			mu.Lock()
			defer mu.Unlock()
			return told
		}
		since := time.Now()
		answered := contract.Asking(ctx, "dc1.contoso.test")
		second := contract.Asking(ctx, "graph.example")
		time.Sleep(time.Minute)
		synctest.Wait()
		if last().Waiting == nil || last().Waiting.For != "dc1.contoso.test" || !last().Waiting.Since.Equal(since) || !last().Waiting.Next.IsZero() {
			t.Fatalf("%+v", last())
		}
		if want := fmt.Sprintf("Waiting for dc1.contoso.test since %s: it has not responded yet.", since.Local().Format("15:04:05")); last().Message != want {
			t.Errorf("%q", last().Message)
		}
		answered()
		if last().Waiting != nil {
			t.Errorf("it has answered: %+v", last())
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if last().Waiting == nil || last().Waiting.For != "graph.example" {
			t.Errorf("%+v", last())
		}
		second()

		// Answers that keep coming are no silence, however long it takes.
		mu.Lock()
		reports = 0
		mu.Unlock()
		for range 100 {
			answered := contract.Asking(ctx, "dc1")
			time.Sleep(time.Second)
			answered()
		}
		synctest.Wait()
		mu.Lock()
		if reports > 0 {
			t.Errorf("%d reports of a server that answers", reports)
		}
		mu.Unlock()

		// A pause is reported until it is over, and no longer.
		now := time.Now()
		contract.TellWaiting(ctx, contract.Waiting{For: "graph.example", Why: "it answered with status 429", Since: now, Next: now.Add(5 * time.Second), Brief: true})
		if last().Waiting == nil || !strings.Contains(last().Message, "429") || !strings.Contains(last().Message, "The next attempt is at") {
			t.Errorf("%+v", last())
		}
		time.Sleep(5 * time.Second)
		contract.Asking(ctx, "graph.example")()
		if last().Waiting != nil {
			t.Errorf("%+v", last())
		}
	})
}
