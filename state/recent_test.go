package state

import "testing"

// TestRecent: an entry that is read again and again stays, however many others come in
// between, and there are never more entries than the limit.
func TestRecent(t *testing.T) {
	r := recent[int, int]{most: 10}
	r.put(-1, 7)
	for n := range 1000 {
		r.put(n, n)
		if got, ok := r.get(-1); !ok || got != 7 {
			t.Fatalf("after %d more it is gone", n)
		}
		if got, ok := r.get(n); !ok || got != n {
			t.Fatalf("%d is gone at once", n)
		}
		if size := len(r.now) + len(r.older); size > r.most {
			t.Fatalf("%d entries", size)
		}
	}
	if _, ok := r.get(500); ok {
		t.Error("an old one is there")
	}
}
