package invalidation

import "github.com/letteros/letteredge/cachekey"

// Journal keeps purges over a restart. Its methods are called concurrently;
// concurrent Appends may share one write to the disk.
type Journal interface {
	// Append returns once the record is on stable storage, or an error: then it
	// may or may not be found by a later Replay.
	Append(Record) error
	// Replay calls yield with every record that is kept, in the order appended,
	// and stops at its first error, which it returns.
	Replay(yield func(Record) error) error
}

// Settler is a Journal that also keeps receipts. What is lost of them in a crash
// costs a restart its figures, nothing else.
type Settler interface {
	// Settle replaces the records of the same dots; those no longer kept are
	// skipped.
	Settle([]Record) error
}

// Index is the cache, as far as a purge concerns it. Both methods may take the
// time of a walk over everything stored; they are never called on the way of a
// request or of a purge.
type Index interface {
	// Count returns how many stored responses sel selects that no hard purge has
	// hit already.
	Count(sel cachekey.Selector) int
	// Sweep takes out what sel selects and Stamp.State says is Hard, and returns
	// how many that were. What was stored since the purge stays.
	Sweep(sel cachekey.Selector) int
}

// BulkIndex is an Index that serves many purges in one walk. The counts are in
// the order of the selectors; a response that several select counts for each.
type BulkIndex interface {
	SweepAll(sels []cachekey.Selector) []int
}
