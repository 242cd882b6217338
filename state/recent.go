package state

// recent is a map with at most most entries. When it is full, it drops only the entries
// that were not read or written for a while.
type recent[K comparable, V any] struct {
	most       int
	now, older map[K]V
}

func (r *recent[K, V]) get(key K) (value V, ok bool) {
	if value, ok = r.now[key]; ok {
		return value, true
	}
	if value, ok = r.older[key]; ok {
		r.put(key, value)
	}
	return value, ok
}

func (r *recent[K, V]) put(key K, value V) {
	if r.now == nil || len(r.now) >= r.most/2 {
		r.now, r.older = map[K]V{}, r.now
	}
	r.now[key] = value
}
