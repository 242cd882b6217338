package main

import (
	"context"
	"os"
	"strconv"
	"time"

	"groupwriteback/internal/graph/graphtest"
)

// initial reads a whole tenant that answers after 200 ms and throttles like Microsoft
// throttles an application in a tenant of more than 500 users: 8,000 resource units in
// 10 seconds. The time comes from the tenant's own log of requests. It is compared with
// the shortest time that the throttle allows for the units that were used: the first
// 8,000 at once, the others at 800 per second. At full scale it reads 2 million
// memberships.
func initial(ctx context.Context, r *report) error {
	const burst, rate = 8000.0, 800.0
	groups, members := scaled(100_000), 20
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
	seed := graphtest.Seed{Generate: &graphtest.Generation{Groups: groups, Members: members, Users: max(members, groups)}}
	i, err := install(ctx, folder, seed, nil, dc, dc.container, nil)
	if err != nil {
		return err
	}
	defer i.close()
	i.tenant.SetLatency(200 * time.Millisecond)
	if err := i.tenant.SetThrottle(graphtest.Throttle{Size: "L"}); err != nil {
		return err
	}
	s, err := i.start(ctx, nil)
	if err != nil {
		return err
	}
	defer s.Kill()
	i.tenant.ClearRequests()
	if err := s.Call(ctx, "sync.preview", nil, nil); err != nil {
		return err
	}
	peak := peakOf(strconv.Itoa(s.PID()))
	log := i.tenant.Requests()
	first, last := log[0].Time, log[0].Time
	units, throttled := 0, 0
	for _, q := range log {
		if q.Time.Before(first) {
			first = q.Time
		}
		if q.Time.After(last) {
			last = q.Time
		}
		if q.Status == 429 {
			throttled++
		} else {
			units += q.Units
		}
	}
	elapsed := last.Sub(first).Seconds() + 0.2 // a request is logged when it arrives
	allowed := (float64(units) - burst) / rate
	r.tell("groups", float64(groups), "of 20 members")
	r.tell("requests", float64(len(log)), "")
	r.tell("requests that were throttled", float64(throttled), "")
	r.tell("resource units used", float64(units), "")
	r.tell("reading took", elapsed, "s")
	r.tell("the throttle allows it in", allowed, "s")
	r.atMost("reading / what the throttle allows", elapsed/allowed, "", 1.2)
	r.atMost("peak of memory of the engine", peak, "MiB", 300)
	_, err = s.Close()
	return err
}
