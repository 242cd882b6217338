package descriptor

import "slices"

// rank returns the place of an entry in the canonical order: what denies before what
// allows, and what is set here before what is inherited (MS-DTYP 2.4.5, MS-ADTS 6.1.3.1).
// ordered is false for entries that neither allow nor deny, which may be anywhere.
//
// Inherited entries are not compared with each other: those of a nearer container come
// first, whatever they do.
func (e ACE) rank() (rank int, ordered bool) {
	switch {
	case !e.Allows() && !e.Denies():
		return 0, false
	case !e.Explicit():
		return 2, true
	case e.Denies():
		return 0, true
	}
	return 1, true
}

// OutOfOrder returns the index of the first entry of a DACL that stands behind one that
// has to follow it, or -1.
func OutOfOrder(entries []ACE) int {
	highest := 0
	for i, e := range entries {
		rank, ordered := e.rank()
		if ordered && rank < highest {
			return i
		}
		if ordered {
			highest = rank
		}
	}
	return -1
}

// Add returns the entries with one more that is set here, where the canonical order has
// it: behind the last entry that must not follow it. An entry that is there already is not
// added once more. The other entries stay as they are, and in their order.
func Add(entries []ACE, e ACE) []ACE {
	if slices.ContainsFunc(entries, e.Equal) {
		return entries
	}
	at, own := 0, 0
	own, _ = e.rank()
	for i, other := range entries {
		if rank, ordered := other.rank(); ordered && rank <= own {
			at = i + 1
		}
	}
	return slices.Insert(slices.Clone(entries), at, e)
}

// Remove returns the entries without those with the same bytes as e.
func Remove(entries []ACE, e ACE) []ACE {
	return slices.DeleteFunc(slices.Clone(entries), e.Equal)
}

// Difference returns which entries are only among the first, and which only among the
// second ones, each as often as it is there more often.
func Difference(before, after []ACE) (removed, added []ACE) {
	added = slices.Clone(after)
	for _, e := range before {
		if i := slices.IndexFunc(added, e.Equal); i >= 0 {
			added = slices.Delete(added, i, i+1)
		} else {
			removed = append(removed, e)
		}
	}
	return removed, added
}
