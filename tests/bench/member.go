package main

import (
	"context"
	"fmt"
	"os"

	"groupwriteback/internal/graph/graphtest"
)

// member changes one member of a large group, and counts what the engine then reads and
// writes in that run and in the next. It uses the domain controller in this process,
// which returns 1,500 values of an attribute at a time, as Windows does, so that every
// read of members is counted.
func member(ctx context.Context, r *report) error {
	for _, size := range []int{scaled(50_000), scaled(250_000)} {
		if err := memberOf(ctx, r, size); err != nil {
			return err
		}
	}
	return nil
}

func memberOf(ctx context.Context, r *report, size int) error {
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	dc, server, err := inProcess(folder)
	if err != nil {
		return err
	}
	defer server.Close()
	users, err := makeUsers(&dc, size+1)
	if err != nil {
		return err
	}
	group := graphtest.Group{ID: "aaaaaaaa-0000-4000-8000-000000000001", DisplayName: "Everybody", GroupTypes: []string{"Unified"}}
	for _, u := range users[:size] {
		group.Members = append(group.Members, graphtest.UserID(u.SamAccountName)) // a name would be searched among all users
	}
	newcomer := graphtest.UserID(users[size].SamAccountName)
	i, err := install(ctx, folder, graphtest.Seed{Groups: []graphtest.Group{group}}, users, dc, dc.container, fields{"maxMemberCount": 2*size + 10})
	if err != nil {
		return err
	}
	defer i.close()
	first, took, err := i.sync(ctx, nil)
	if err != nil {
		return err
	}
	if first.Exported.MembersAdded != size {
		return fmt.Errorf("the first run added %d members in place of %d", first.Exported.MembersAdded, size)
	}
	of := fmt.Sprintf("%d members", size)
	r.tell(of+": first run", took.Seconds(), "s")
	r.tell(of+": peak of memory in it", i.peak, "MiB")
	if _, err := i.counted(ctx); err != nil { // reads once what the first run has written
		return err
	}
	nothing, err := i.counted(ctx)
	if err != nil {
		return err
	}
	r.tell(of+", nothing changed: LDAP messages", float64(nothing.ldap.Messages), "")
	r.tell(of+", nothing changed: requests to Graph", float64(nothing.graph), "")

	for _, step := range []struct {
		name           string
		change         func() error
		added, removed int
	}{
		{of + ", one added", func() error { return i.tenant.AddMember(group.ID, newcomer) }, 1, 0},
		{of + ", one removed", func() error { return i.tenant.RemoveMember(group.ID, group.Members[0]) }, 0, 1},
	} {
		if err := step.change(); err != nil {
			return err
		}
		during, err := i.counted(ctx)
		if err != nil {
			return err
		}
		if e := during.run.Exported; e.MembersAdded != step.added || e.MembersRemoved != step.removed {
			return fmt.Errorf("%s: the run added %d and removed %d members", step.name, e.MembersAdded, e.MembersRemoved)
		}
		after, err := i.counted(ctx)
		if err != nil {
			return err
		}
		r.exactly(step.name+": LDAP writes", float64(during.ldap.Writes), "", 1)
		r.exactly(step.name+": values of member written", float64(during.ldap.ValuesWritten), "", 1)
		r.exactly(step.name+": values of member read", float64(during.ldap.ValuesRead), "", 0)
		r.tell(step.name+": LDAP messages", float64(during.ldap.Messages), "")
		r.tell(step.name+": requests to Graph", float64(during.graph), "")
		r.exactly(step.name+", the run after it: LDAP writes", float64(after.ldap.Writes), "", 0)
		r.exactly(step.name+", the run after it: values of member read", float64(after.ldap.ValuesRead), "", 0)
		r.tell(step.name+", the run after it: LDAP messages", float64(after.ldap.Messages), "")
		r.tell(step.name+", the run after it: requests to Graph", float64(after.graph), "")
	}
	return nil
}
