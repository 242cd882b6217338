package graph

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/graph/graphtest"
)

// usersOf returns a page with users as Graph writes them, numbered from first.
func usersOf(first, n int) string {
	users := make([]string, n)
	for i := range users {
		users[i] = fmt.Sprintf(`{"@odata.type":"#microsoft.graph.user","id":"00000000-0000-4000-8000-%012x","displayName":"Björn Ødegård %[1]d",`+
			`"userPrincipalName":"gen%07[1]d@contoso.onmicrosoft.com","userType":"Member","onPremisesSyncEnabled":true,`+
			`"onPremisesSecurityIdentifier":"S-1-5-21-1004336348-1177238915-682003330-%[1]d","onPremisesImmutableId":"AAAAAAAAAAAAAAAAAAAAAQ=="}`, first+i)
	}
	return `{"@odata.context":"https://graph.example/v1.0/$metadata#directoryObjects","value":[` + strings.Join(users, ",") + `]}`
}

// BenchmarkMemberPage reads a full page of members.
func BenchmarkMemberPage(b *testing.B) {
	page := usersOf(0, int(pageSize))
	s := inMemory(b, func(*http.Request) (*http.Response, error) { return reply(200, page), nil })
	group := []directory.GUID{directory.MustGUID(groupA)}
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		read := 0
		if err := s.Members(b.Context(), group, func(p contract.MemberPage) error { read += len(p.Members); return p.Err }); err != nil || read != int(pageSize) {
			b.Fatal(read, err)
		}
	}
}

// BenchmarkMemberBatch reads 300 members by id, in one batch of twenty requests.
func BenchmarkMemberBatch(b *testing.B) {
	parts := make([]string, batchSize)
	members := make([]directory.SourceMember, batchSize*maxAlternatives)
	for i := range parts {
		parts[i] = fmt.Sprintf(`{"id":"%d","status":200,"headers":{"Content-Type":"application/json"},"body":%s}`, i, usersOf(i*maxAlternatives, maxAlternatives))
	}
	for i := range members {
		members[i] = directory.SourceMember{ID: directory.MustGUID(fmt.Sprintf("00000000-0000-4000-8000-%012x", i)), Kind: directory.KindUser}
	}
	answer := `{"responses":[` + strings.Join(parts, ",") + `]}`
	s := inMemory(b, func(*http.Request) (*http.Response, error) { return reply(200, answer), nil })
	b.SetBytes(int64(len(answer)))
	b.ReportAllocs()
	for b.Loop() {
		if found, err := s.MembersByID(b.Context(), members); err != nil || len(found) != len(members) {
			b.Fatal(len(found), err)
		}
	}
}

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
