// Package spread brings purges to every node, and every node's receipts back.
//
// A [Replica] is a state machine: it has no goroutine, no socket and no timer.
// Whoever runs it calls [Replica.Tick] every few milliseconds and
// [Replica.Receive] for what arrives, and carries what it sends. The same code
// runs in a process and in a simulated network.
//
// # The life of a purge
//
//	Publish   numbered, signed, on the disk, applied here
//	push      at once to every known node of the region, and to one gateway of
//	          each other region, which passes it on; another gateway is tried
//	          where no receipt comes
//	gossip    broadcast, and once more by whoever sees it first
//	repair    every half second two nodes compare what they have, and the one
//	          that lacks something gets it
//	receipt   a report: the node's signed statement of all that it has applied
//
// # Watermarks
//
// Every half second a node asks all voters for a report. One that comes counts
// from the moment it was asked for, and not before this node has everything that
// it names. A node without such a watermark of a majority of the voters for 5 s
// may have missed a purge: it is isolated (SEMANTICS §6).
//
// # Guarantees
//
//   - What was published is on this node's disk before anybody hears of it, and
//     is numbered once: a process start has its own numbers.
//   - A report covers a purge only once it is on the node's disk and in effect.
//   - Nodes that can reach each other, however indirectly, end with the same.
//   - What is forged, of another cluster, or in another node's name is dropped
//     and counted, as are repetitions.
//   - All that is kept is bounded; a node that lacks what nobody keeps any more
//     is told so, and must empty its cache.
//
// # Not guaranteed
//
//   - The order of purges of different nodes. They commute.
package spread
