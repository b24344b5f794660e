package cache

import (
	"sync"
	"sync/atomic"

	"github.com/letteros/letteredge/edge"
)

// index is a hash table that is read without locks: chains of nodes under atomic
// heads. Writers of a shard take turns.
type index struct{ shards [shardCount]shard }

const (
	shardCount = 256
	shardBits  = 8
	minBuckets = 16
)

type shard struct {
	mu      sync.Mutex // held by writers
	buckets atomic.Pointer[[]atomic.Pointer[node]]
	// growing is set while the nodes move from one table to the next.
	growing atomic.Bool
	count   int // guarded by mu
}

// node is an entry in its chain. A reader who stands at a node that is taken out
// goes on to those behind it; one whose chain is moved to a new table meanwhile
// ends at the end of another chain, and looks again.
type node struct {
	entry edge.Entry
	hash  uint64
	next  atomic.Pointer[node]
}

// The shard is taken from the high bits and the bucket from the low ones.
func (ix *index) shard(hash uint64) *shard { return &ix.shards[hash>>(64-shardBits)] }

// get returns the entry under text, nil if there is none.
func (ix *index) get(hash uint64, text string) *edge.Entry {
	sh := ix.shard(hash)
	table := sh.buckets.Load()
	if e := find(table, hash, text); e != nil {
		return e
	}
	// Nodes move after growing is set, and before the new table is there.
	if !sh.growing.Load() && sh.buckets.Load() == table {
		return nil
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return find(sh.buckets.Load(), hash, text)
}

func find(table *[]atomic.Pointer[node], hash uint64, text string) *edge.Entry {
	if table == nil {
		return nil
	}
	for n := (*table)[hash&uint64(len(*table)-1)].Load(); n != nil; n = n.next.Load() {
		if n.hash == hash && n.entry.Text() == text {
			return &n.entry
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
	if e := find(sh.buckets.Load(), hash, text); e != nil {
		return e, false
	}
	sh.grow()
	n := &node{hash: hash}
	n.entry.Init(text)
	n.link(*sh.buckets.Load())
	sh.count++
	return &n.entry, true
}

// link puts n at the head of its chain.
func (n *node) link(table []atomic.Pointer[node]) {
	head := &table[n.hash&uint64(len(table)-1)]
	n.next.Store(head.Load())
	head.Store(n)
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
	at := &(*p)[hash&uint64(len(*p)-1)]
	for n := at.Load(); n != nil; n = at.Load() {
		if &n.entry == e {
			at.Store(n.next.Load())
			sh.count--
			return true
		}
		at = &n.next
	}
	return false
}

// grow doubles the buckets before the chains get long.
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
		sh.growing.Store(true)
		defer sh.growing.Store(false)
		for i := range *p {
			for n := (*p)[i].Load(); n != nil; {
				next := n.next.Load()
				n.link(table)
				n = next
			}
		}
	}
	sh.buckets.Store(&table)
}

// each calls yield with all entries, those of a shard as they are when it comes to
// it, until yield returns false.
func (ix *index) each(yield func(hash uint64, e *edge.Entry) bool) {
	var nodes []*node
	for i := range ix.shards {
		nodes = ix.shards[i].nodes(nodes[:0])
		for _, n := range nodes {
			if !yield(n.hash, &n.entry) {
				return
			}
		}
	}
}

func (sh *shard) nodes(dst []*node) []*node {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.some(func(n *node) bool {
		dst = append(dst, n)
		return true
	})
	return dst
}

// some calls yield until it returns false; it may miss some where nodes move
// meanwhile.
func (sh *shard) some(yield func(n *node) bool) {
	p := sh.buckets.Load()
	if p == nil {
		return
	}
	for i := range *p {
		for n := (*p)[i].Load(); n != nil; n = n.next.Load() {
			if !yield(n) {
				return
			}
		}
	}
}
