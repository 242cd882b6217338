package command_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// held is a directory in which the first change of members waits for all the others.
type held struct {
	contract.Target
	begun  atomic.Bool
	others chan struct{}
	most   int
}

func (h *held) Writer(lease contract.Lease) contract.TargetWriter {
	return &heldWriter{h.Target.Writer(lease), h}
}

type heldWriter struct {
	contract.TargetWriter
	held *held
}

func (w *heldWriter) ChangeMembers(ctx context.Context, group directory.GUID, add, remove []directory.MemberRef) ([]contract.Refusal, error) {
	if w.held.begun.Swap(true) {
		defer func() { w.held.others <- struct{}{} }()
		return w.TargetWriter.ChangeMembers(ctx, group, add, remove)
	}
	for range w.held.most {
		select {
		case <-w.held.others:
		case <-time.After(5 * time.Minute): // far longer than they take
			return nil, errors.New("the others wait, too")
		}
	}
	return w.TargetWriter.ChangeMembers(ctx, group, add, remove)
}

// A change that takes long does not keep the others waiting, however many there are.
func TestALongChangeDoesNotHoldTheOthersUp(t *testing.T) {
	const groups = 70
	members := map[string][]string{}
	for i := range groups {
		members[fmt.Sprint("group ", i)] = []string{"a"}
	}
	b := settled(t, members)
	for name := range members {
		b.tenant.put(name, "a", "b")
	}
	h := &held{Target: b.directory, others: make(chan struct{}, groups), most: groups - 1}
	b.around = func(contract.Target) contract.Target { return h }
	b.start(t)
	if run := b.sync(t); run.Exported.UpdateMembers != groups || run.Status != contract.RunComplete {
		t.Errorf("%+v\n%v", run, b.outcomes(t, run))
	}
}
