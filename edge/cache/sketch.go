package cache

import "sync/atomic"

// sketch estimates how often keys were asked for of late, also those that are not
// stored: a count-min sketch of four counters of four bits for each key, all within
// 64 bytes, which halves all counters now and then (TinyLFU). Of two keys in one
// place both seem as frequent as both together. Safe for concurrent use; an increment
// that races another may be lost.
type sketch struct{ parts [sketchParts]sketchPart }

// sketchPart counts for a share of the keys, and is halved by itself: a request never
// halves more than a 64th.
type sketchPart struct {
	added atomic.Uint64
	_     [7]uint64 // a line of its own: hits write here
	words []atomic.Uint64
}

const (
	sketchParts = 64
	blockWords  = 8
	rows        = 4
	most        = 15 // what a counter holds
	// ageAfter is how many times as many requests as items a sketch remembers.
	ageAfter = 10
)

func newSketch(items int64) *sketch {
	words := blockWords
	for int64(words)*sketchParts < items {
		words *= 2
	}
	s := &sketch{}
	for i := range s.parts {
		s.parts[i].words = make([]atomic.Uint64, words)
	}
	return s
}

// at returns the part of a key, its block and the hash that picks the counters there.
func (s *sketch) at(hash uint64) (p *sketchPart, block []atomic.Uint64, pick uint64) {
	p = &s.parts[hash%sketchParts]
	from := (hash >> 8) & uint64(len(p.words)-1) &^ (blockWords - 1)
	return p, p.words[from : from+blockWords], (hash ^ hash>>31) * 0x9e3779b97f4a7c15 >> 32
}

func counter(block []atomic.Uint64, pick uint64, row int) (word *atomic.Uint64, shift uint64) {
	pick >>= 8 * row
	return &block[2*row+int(pick&1)], pick >> 1 & 15 * 4
}

// add notes a request. HOT: what is asked for all the time is at the most already,
// and only read.
func (s *sketch) add(hash uint64) {
	p, block, pick := s.at(hash)
	changed := false
	for row := range rows {
		word, shift := counter(block, pick, row)
		if v := word.Load(); v>>shift&most < most {
			changed = word.CompareAndSwap(v, v+1<<shift) || changed
		}
	}
	if changed && p.added.Add(1)%(uint64(len(p.words))*ageAfter) == 0 {
		p.halve()
	}
}

func (p *sketchPart) halve() {
	for i := range p.words {
		for {
			v := p.words[i].Load()
			if p.words[i].CompareAndSwap(v, v>>1&0x7777777777777777) {
				break
			}
		}
	}
}

// estimate is how often a key was asked for, 0 to 15.
func (s *sketch) estimate(hash uint64) uint64 {
	_, block, pick := s.at(hash)
	least := uint64(most)
	for row := range rows {
		word, shift := counter(block, pick, row)
		least = min(least, word.Load()>>shift&most)
	}
	return least
}
