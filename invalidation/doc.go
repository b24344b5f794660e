// Package invalidation decides what a purge has made invalid, carries out the
// purges of all nodes on this one so that they survive a crash, and answers for
// how far each has come.
//
// # The life of a purge
//
//	Engine.Issue     validates the selector; notes which nodes are expected to apply it
//	Spreader         names the purge (a dot), and makes it known to all nodes …
//	Engine.Deliver   … of which each, the acceptor first, takes it in:
//	  Journal        makes it durable; until here nothing has happened
//	  Marks.Raise    raises the floors it names, then publishes a new epoch
//	  hooks          hear of it, in the order of epochs; one makes it a receipt
//	(Issue returns)  applied here, entries not counted yet
//	Engine.Run       walks the cache behind it, takes out and counts the entries
//	Engine.Observe   takes in the reports of other nodes: their receipts
//	Engine.Wait      returns once it is complete: Inquiry.Standing says when
//
// # The life of a copy
//
// A fetch reads Marks.Epoch before its request goes out. What it brings gets a
// Stamp with that epoch, its key and its tags. Whoever wants to serve the copy
// asks Stamp.State: one compare while nothing was purged since the last look,
// a walk over the copy's own marks after a purge. Nothing has to be searched
// for, or removed, for a purge to take effect.
//
// # Guarantees
//
//   - After Issue, Deliver or Raise returns, no copy that it selects and whose fetch began
//     before is Valid, wherever that copy was then: stored, on its way, frozen.
//   - A copy fetched after Raise returned is not hit by it.
//   - A purge that returned is found again after a crash; one whose journal entry
//     failed has raised nothing.
//   - A dot is applied once, however often and by how many it is delivered, as long
//     as it is among the purges that are kept.
//   - Every node that has a purge judges it by the same rule from what it has heard;
//     complete, once said, is not taken back, and the order of reports does not
//     matter.
//   - Verdicts only ever move from Valid to Soft to Hard.
//   - State, Raise and KeyState agree with cachekey.Selector.Matches exactly as
//     long as Reclaim is given a right minimum; with a wrong one they err towards
//     Hard.
//   - Memory is bounded by the copies that are stored, the purges since the last
//     Reclaim, and Config.
//
// # Not guaranteed
//
//   - A response that is being written while a purge returns is not recalled.
//   - Two nodes may judge a purge differently for as long as they have not heard the
//     same; each measures the time to fencing from when it learned of the majority.
//   - Who applied one of the latest 2,000 purges is known with its details; of those
//     before, and of what was told before a restart, only that it did.
//   - Epochs are this process's own. Nodes compare dots, never epochs.
//   - A purge whose journal entry failed may turn up after a restart: the disk
//     may have it although it said no. It then purges, which is safe.
//   - Counts of entries are exact on a quiescent cache only.
//
// Less formally: a purge does not look for what it hits. It writes down when it
// happened, and everything that is older finds out by itself.
package invalidation
