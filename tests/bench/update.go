package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"groupwriteback/internal/graph/graphtest"
)

// update adds one member to each of several groups, again and again, and measures how
// long the export takes for each change. BENCH_ENGINES may list several engines,
// separated by commas. They take turns, since a directory and a busy machine change
// with time.
func update(ctx context.Context, r *report) error {
	dc, err := labController()
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	users, err := makeUsers(&dc, 60)
	if err != nil {
		return err
	}
	p, err := newProxy(folder, dc)
	if err != nil {
		return err
	}
	defer p.close()
	number := 0
	for _, network := range []struct {
		name   string
		dc     controller
		delay  time.Duration
		groups int
	}{{"loopback", dc, 0, scaled(250)}, {"1 ms", p.controller, time.Millisecond, scaled(200)}, {"5 ms", p.controller, 5 * time.Millisecond, scaled(120)}} {
		p.delay = network.delay
		for _, connections := range []int{1, 4} {
			name := fmt.Sprintf("%s, connections=%d", network.name, connections)
			number++
			if err := updates(ctx, r, name, folder, users, network.dc, number, network.groups, connections); err != nil {
				return err
			}
		}
	}
	return nil
}

// updates measures this in an installation of its own, for one number of connections.
// number distinguishes its groups from those of other installations, which belong to
// the same account and carry the same stamp.
func updates(ctx context.Context, r *report, name, folder string, users []graphtest.ADUser, dc controller, number, groups, connections int) error {
	unit, err := dc.unit(fmt.Sprint("update", number))
	if err != nil {
		return err
	}
	var seed graphtest.Seed
	for n := range groups {
		g := graphtest.Group{ID: fmt.Sprintf("aaaaaaaa-0000-4000-8%03x-%012d", number, n+1), DisplayName: fmt.Sprint("Group ", n), GroupTypes: []string{"Unified"}}
		for _, u := range users[:20] {
			g.Members = append(g.Members, graphtest.UserID(u.SamAccountName))
		}
		seed.Groups = append(seed.Groups, g)
	}
	i, err := install(ctx, filepath.Join(folder, fmt.Sprint("update", number)), seed, users, dc, unit, fields{"connections": connections})
	if err != nil {
		return err
	}
	defer i.close()
	if _, _, err := i.sync(ctx, nil); err != nil {
		return err
	}
	if _, _, err := i.sync(ctx, nil); err != nil { // reads what the first run has written
		return err
	}
	engines := strings.Split(cmp.Or(os.Getenv("BENCH_ENGINES"), os.Getenv("GROUPWRITEBACK_ENGINE")), ",")
	times := map[string][]float64{}
	user := 20
	for round := range 6 {
		for e, engine := range engines {
			if round%2 == 1 { // so that the order does not matter
				e = len(engines) - 1 - e
				engine = engines[e]
			}
			if err := os.Setenv("GROUPWRITEBACK_ENGINE", engine); err != nil {
				return err
			}
			for n := range groups {
				if err := i.tenant.AddMember(seed.Groups[n].ID, graphtest.UserID(users[user].SamAccountName)); err != nil {
					return err
				}
			}
			user++
			var first, last progress
			run, _, err := i.sync(ctx, func(p progress) {
				if p.Step == "Export" {
					if first.Done == 0 {
						first = p
					}
					last = p
				}
			})
			if err != nil {
				return err
			}
			if run.Exported.UpdateMembers != groups {
				return fmt.Errorf("%d groups were written", run.Exported.UpdateMembers)
			}
			times[engine] = append(times[engine], last.at.Sub(first.at).Seconds()*1000/float64(last.Done-first.Done))
		}
	}
	for _, engine := range engines {
		all := times[engine]
		r.tell(fmt.Sprintf("%s: %s, rounds %.2f", name, filepath.Base(engine), all), slices.Min(all), "ms a change, the least")
	}
	return nil
}
