package graph

import (
	"testing"
	"time"

	"groupwriteback/internal/graph/graphtest"
)

// BenchmarkInitialImport reads groups with 20 members each, over HTTPS and in real
// time, from a tenant that answers after 200 ms and throttles as Microsoft does for
// more than 500 users. Its metric ratio is the elapsed time divided by the time that
// the resource units take at the rate of the limit.
func BenchmarkInitialImport(b *testing.B) {
	const groups, members, unitsEach, rate = 4000, 20, 2, 800.0
	for b.Loop() {
		b.StopTimer()
		tenant := graphtest.New(graphtest.Generate(groups, members, 1), graphtest.Options{})
		if err := tenant.SetThrottle(graphtest.Throttle{Size: "L"}); err != nil {
			b.Fatal(err)
		}
		tenant.SetLatency(200 * time.Millisecond)
		l := serveLab(b, tenant)
		s, err := Open(b.Context(), l.config)
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		start := time.Now()
		n, m, err := readAll(b.Context(), s)
		elapsed := time.Since(start)
		b.StopTimer()
		if err != nil || n != groups || m != groups*members {
			b.Fatalf("%d groups, %d members, %v", n, m, err)
		}
		throttled := 0
		for _, r := range l.Requests() {
			if r.Status == 429 {
				throttled++
			}
		}
		b.ReportMetric(elapsed.Seconds()/(groups*unitsEach/rate), "ratio")
		b.ReportMetric(float64(throttled), "throttled")
		if err := s.Close(); err != nil {
			b.Error(err)
		}
		b.StartTimer()
	}
}
