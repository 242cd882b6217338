package server

import (
	"iter"
	"slices"
	"sort"
)

// sorted holds distinct values, each about an object, in order. They are kept in
// blocks, so that a change moves few other values.
type sorted[T interface {
	compare(T) int
	self() *object
}] struct {
	blocks [][]T // no block is empty
	count  int
}

// blockSize is the number of values at which a block is split.
const blockSize = 512

// place is the position of a value: in a block, or after the last one.
type place struct{ block, at int }

// first returns the place of the first value for which holds is true. holds must also
// be true for all values after it.
func (s *sorted[T]) first(holds func(T) bool) place {
	p := place{block: sort.Search(len(s.blocks), func(i int) bool { return holds(s.blocks[i][len(s.blocks[i])-1]) })}
	if p.block < len(s.blocks) {
		p.at = sort.Search(len(s.blocks[p.block]), func(i int) bool { return holds(s.blocks[p.block][i]) })
	}
	return p
}

func (s *sorted[T]) find(v T) (p place, there bool) {
	p = s.first(func(other T) bool { return other.compare(v) >= 0 })
	return p, p.block < len(s.blocks) && s.blocks[p.block][p.at].compare(v) == 0
}

func (s *sorted[T]) has(v T) bool {
	_, there := s.find(v)
	return there
}

func (s *sorted[T]) put(v T) {
	p, there := s.find(v)
	if there {
		return
	}
	s.count++
	last := p.block == len(s.blocks)
	switch {
	case s.count == 1:
		s.blocks = append(s.blocks, nil)
	case last:
		p = place{p.block - 1, len(s.blocks[p.block-1])}
	}
	block := slices.Insert(s.blocks[p.block], p.at, v)
	s.blocks[p.block] = block
	if len(block) < blockSize {
		return
	}
	half := len(block) / 2
	if last { // values inserted in order leave full blocks behind
		half = len(block) - 1
	}
	s.blocks = slices.Insert(s.blocks, p.block+1, slices.Clone(block[half:]))
	s.blocks[p.block] = block[:half]
}

func (s *sorted[T]) take(v T) {
	p, there := s.find(v)
	if !there {
		return
	}
	s.count--
	s.blocks[p.block] = slices.Delete(s.blocks[p.block], p.at, p.at+1)
	if len(s.blocks[p.block]) == 0 {
		s.blocks = slices.Delete(s.blocks, p.block, p.block+1)
		return
	}
	s.join(p.block)
	s.join(p.block - 1)
}

// join merges a block and the next one if both have few values.
func (s *sorted[T]) join(block int) {
	next := block + 1
	if block < 0 || next == len(s.blocks) || len(s.blocks[block])+len(s.blocks[next]) > blockSize/2 {
		return
	}
	s.blocks[block] = append(s.blocks[block], s.blocks[next]...)
	s.blocks = slices.Delete(s.blocks, next, next+1)
}

// at returns the place with n values before it.
func (s *sorted[T]) at(n int) place {
	for i, block := range s.blocks {
		if n < len(block) {
			return place{i, n}
		}
		n -= len(block)
	}
	return s.end()
}

func (s *sorted[T]) end() place { return place{block: len(s.blocks)} }

// distance returns the number of values from one place to a later one.
func (s *sorted[T]) distance(from, to place) int {
	n := to.at - from.at
	for _, block := range s.blocks[from.block:to.block] {
		n += len(block)
	}
	return n
}

// between chooses the objects from one place to a later one.
func (s *sorted[T]) between(from, to place) *choice {
	return &choice{s.distance(from, to), func(yield func(*object) bool) {
		for at := from; at != to; at.at++ {
			if at.at == len(s.blocks[at.block]) {
				if at = (place{block: at.block + 1}); at == to {
					return
				}
			}
			if !yield(s.blocks[at.block][at.at].self()) {
				return
			}
		}
	}}
}

// from chooses the objects after the first n.
func (s *sorted[T]) from(n int) *choice { return s.between(s.at(n), s.end()) }

// objects yields all objects.
func (s *sorted[T]) objects() iter.Seq[*object] { return s.from(0).objects }
