package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"groupwriteback/internal/graph/graphtest"
)

// quiet measures a run in which nothing has changed on either side, for two numbers of
// tracked groups: what the run requests from both sides, and how long it takes once the
// process has started and is connected. It does so with the domain controller in this
// process, whose searches cost next to nothing, and with Samba in the lab.
func quiet(ctx context.Context, r *report) error {
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	own, server, err := inProcess(folder)
	if err != nil {
		return err
	}
	defer server.Close()
	if err := quietOn(ctx, r, "in process", own, filepath.Join(folder, "own")); err != nil {
		return err
	}
	samba, err := labController()
	if err != nil {
		return err
	}
	return quietOn(ctx, r, "Samba", samba, filepath.Join(folder, "samba"))
}

func quietOn(ctx context.Context, r *report, where string, dc controller, folder string) error {
	users, err := makeUsers(&dc, 100)
	if err != nil {
		return err
	}
	var asked []requests
	for n, groups := range []int{scaled(2_000), scaled(20_000)} {
		unit, err := dc.unit(fmt.Sprintf("quiet%d", n))
		if err != nil {
			return err
		}
		seed := graphtest.Seed{Generate: &graphtest.Generation{Groups: groups, Members: 1, RandomSeed: uint64(n)}}
		i, err := install(ctx, filepath.Join(folder, fmt.Sprint(n)), seed, users, dc, unit, fields{"connections": 8})
		if err != nil {
			return err
		}
		defer i.close()
		first, took, err := i.sync(ctx, nil)
		if err != nil {
			return err
		}
		if first.Exported.Create != groups {
			return fmt.Errorf("the first run created %d groups in place of %d", first.Exported.Create, groups)
		}
		name := fmt.Sprintf("%s, %d groups: ", where, groups)
		r.tell(name+"first run", took.Seconds(), "s")
		// The run after an export reads once what the export has written.
		if _, took, err = i.sync(ctx, nil); err != nil {
			return err
		}
		r.tell(name+"the run after it", 1000*took.Seconds(), "ms")

		var times []time.Duration
		for range 11 {
			again, took, err := i.sync(ctx, nil)
			if err != nil {
				return err
			}
			if again.PolicyType != "Delta" || again.writes() != 0 {
				return fmt.Errorf("the run is %s and wrote %d objects", again.PolicyType, again.writes())
			}
			times = append(times, took)
		}
		slices.Sort(times)
		r.atMost(name+"no change, median of 11 runs", milliseconds(times[5]), "ms", 150)
		r.tell(name+"no change, slowest of 11 runs", milliseconds(times[10]), "ms")
		now, err := i.counted(ctx)
		if err != nil {
			return err
		}
		r.tell(name+"requests to Graph", float64(now.graph), "")
		r.tell(name+"LDAP messages", float64(now.ldap.Messages), "")
		r.tell(name+"entries read from AD", float64(now.ldap.Entries), "")
		asked = append(asked, now)
	}
	r.exactly(where+": requests to Graph that more groups cost", float64(asked[1].graph-asked[0].graph), "", 0)
	r.exactly(where+": LDAP messages that more groups cost", float64(asked[1].ldap.Messages-asked[0].ldap.Messages), "", 0)
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// requests counts what a run requested from both sides, without signing in.
type requests struct {
	run   run
	graph int
	units int // resource units of Graph
	ldap  traffic
}

// counted runs a Delta synchronisation through a counting proxy.
func (i *installation) counted(ctx context.Context) (requests, error) {
	q, err := i.count(ctx)
	if err == nil && q.run.PolicyType != "Delta" {
		err = fmt.Errorf("the run is %s", q.run.PolicyType)
	}
	return q, err
}

// count runs a synchronisation through a counting proxy.
func (i *installation) count(ctx context.Context) (requests, error) {
	p, err := newProxy(i.folder, i.dc)
	if err != nil {
		return requests{}, err
	}
	defer p.close()
	through := *i
	through.dc = p.controller
	i.tenant.ClearRequests()
	s, err := through.start(ctx, nil)
	if err != nil {
		return requests{}, err
	}
	defer s.Kill()
	i.tenant.ClearRequests()
	p.take()
	var q requests
	if err := s.Call(ctx, "sync.start", nil, &q.run); err != nil {
		return q, err
	}
	if q.run.Status != "Complete" {
		return q, fmt.Errorf("the run ended as %s %s: %s", q.run.Status, q.run.StopReason, q.run.Message)
	}
	q.ldap, q.graph = p.take(), i.tenant.Count("", "/")
	for _, request := range i.tenant.Requests() {
		q.units += request.Units
	}
	_, err = s.Close()
	return q, err
}
