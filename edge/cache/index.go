package cache

import (
	"sync"
	"sync/atomic"

	"github.com/letteros/letteredge/edge"
)

// index is a hash table that is read without locks: chains of immutable nodes
// under atomic heads. Writers of a shard take turns.
type index struct{ shards [shardCount]shard }

const (
	shardCount = 256
	shardBits  = 8
	minBuckets = 16
)

type shard struct {
	mu      sync.Mutex // held by writers
	buckets atomic.Pointer[[]atomic.Pointer[node]]
	count   int // guarded by mu
}

// node is immutable: a removal copies the chain before it.
type node struct {
	hash  uint64
	entry *edge.Entry
	next  *node
}

// The shard is taken from the high bits and the bucket from the low ones.
func (ix *index) shard(hash uint64) *shard { return &ix.shards[hash>>(64-shardBits)] }

// get returns the entry under text, nil if there is none.
func (ix *index) get(hash uint64, text string) *edge.Entry {
	table := ix.shard(hash).buckets.Load()
	if table == nil {
		return nil
	}
	for n := (*table)[hash&uint64(len(*table)-1)].Load(); n != nil; n = n.next {
		if n.hash == hash && n.entry.Text() == text {
			return n.entry
		}
	}
	return nil
}

// getOrAdd returns the entry under text, made new if there is none; text is
// kept then.
func (ix *index) getOrAdd(hash uint64, text string) (e *edge.Entry, added bool) {
	sh := ix.shard(hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if e := ix.get(hash, text); e != nil {
		return e, false
	}
	sh.grow()
	e = edge.NewEntry(text)
	table := *sh.buckets.Load()
	head := &table[hash&uint64(len(table)-1)]
	head.Store(&node{hash: hash, entry: e, next: head.Load()})
	sh.count++
	return e, true
}

// remove takes exactly e out and reports whether it was there.
func (ix *index) remove(hash uint64, e *edge.Entry) bool {
	sh := ix.shard(hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	p := sh.buckets.Load()
	if p == nil {
		return false
	}
	head := &(*p)[hash&uint64(len(*p)-1)]
	var before []*node
	for n := head.Load(); n != nil; n = n.next {
		if n.entry != e {
			before = append(before, n)
			continue
		}
		rest := n.next
		for i := len(before) - 1; i >= 0; i-- {
			rest = &node{hash: before[i].hash, entry: before[i].entry, next: rest}
		}
		head.Store(rest)
		sh.count--
		return true
	}
	return false
}

// grow doubles the buckets before the chains get long. Readers go on in the old
// table, which is complete as of now.
func (sh *shard) grow() {
	p := sh.buckets.Load()
	if p != nil && sh.count < len(*p) {
		return
	}
	size := minBuckets
	if p != nil {
		size = 2 * len(*p)
	}
	table := make([]atomic.Pointer[node], size)
	if p != nil {
		for i := range *p {
			for n := (*p)[i].Load(); n != nil; n = n.next {
				head := &table[n.hash&uint64(size-1)]
				head.Store(&node{hash: n.hash, entry: n.entry, next: head.Load()})
			}
		}
	}
	sh.buckets.Store(&table)
}

// each calls yield with the entries of one shard after the other, as they are
// while it passes, until yield returns false.
func (ix *index) each(yield func(hash uint64, e *edge.Entry) bool) {
	for i := range ix.shards {
		if !ix.shards[i].each(yield) {
			return
		}
	}
}

func (sh *shard) each(yield func(hash uint64, e *edge.Entry) bool) bool {
	p := sh.buckets.Load()
	if p == nil {
		return true
	}
	for i := range *p {
		for n := (*p)[i].Load(); n != nil; n = n.next {
			if !yield(n.hash, n.entry) {
				return false
			}
		}
	}
	return true
}
