// Package cache is the store of a node: an index of its own that is the truth,
// and ristretto as its advisor on what to admit and what to evict.
//
// The life of an entry: Put makes it under its canonical text and tells the
// advisor of it once; Get finds it by comparing that text, never a hash alone,
// and tells the advisor that it was used; replacing a response changes the slots
// inside the entry and asks nobody; when the advisor rejects or evicts, the
// entry that it holds is taken out of the index, if it still is the one there.
//
// # Guarantees
//
//   - Get takes no lock of the index where it finds something. Telling ristretto of
//     the use takes the read lock of one of its 256 shards, and allocates what its read
//     buffer costs (some 8 bytes a call, amortised); nothing else does.
//   - What was Put is found by the next Get, until it is evicted or swept: the
//     advisor's delays and dropped Sets are not visible here.
//   - Bodies, field lines, tags, keys and the index are counted together, within a
//     tenth of what the heap holds for them, and kept at Config.MaxBytes, also where
//     the advisor's own accounting lags or an entry has grown since. The advisor's
//     sketch comes on top: 2 to 3 % of MaxBytes, from the start.
//
// # Not guaranteed
//
//   - That what was Put stays: admission may turn it away at once. Whoever waits
//     for a fill takes the flight's result, not the cache's.
package cache
