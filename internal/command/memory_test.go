package command_test

import (
	"fmt"
	"testing"

	"groupwriteback/internal/contract"
)

// Only a few changes wait for their names if they are large, so the memory of a plan does
// not grow with the number of large groups.
func TestLargeGroupsDoNotWaitTogether(t *testing.T) {
	b := newBench(t)
	members := names("user", 6_000)
	for i := range 12 {
		b.tenant.put(fmt.Sprint("group ", i), members...)
	}
	b.enable(t)
	if run := b.sync(t); run.Status != contract.RunComplete || run.Exported.Create != 12 {
		t.Fatalf("%+v", run)
	}
	asked := 0
	for _, operation := range b.directory.seen {
		if operation == "holders" {
			asked++
		}
	}
	if asked < 3 {
		t.Errorf("the names of 12 groups with 72,000 members were asked for in %d batches", asked)
	}
}
