// Package invalidation decides what a purge has made invalid, and carries out
// purges on one node so that they survive a crash.
//
// # The life of a purge
//
//	Engine.Purge  validates the selector, gives the purge its id (a dot)
//	Journal       makes it durable; until here nothing has happened
//	Marks.Raise   raises the floors it names, then publishes a new epoch
//	hooks         hear of it, in the order of epochs
//	(returns)     the receipt: applied, entries not counted yet
//	Engine.Run    walks the cache behind it, takes out and counts the entries
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
//   - After Purge or Raise returns, no copy that it selects and whose fetch began
//     before is Valid, wherever that copy was then: stored, on its way, frozen.
//   - A copy fetched after Raise returned is not hit by it.
//   - A purge that returned is found again after a crash; one whose journal entry
//     failed has raised nothing.
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
//   - Epochs are this process's own. Nodes compare dots, never epochs.
//   - A purge whose journal entry failed may turn up after a restart: the disk
//     may have it although it said no. It then purges, which is safe.
//   - Counts of entries are exact on a quiescent cache only.
//
// Less formally: a purge does not look for what it hits. It writes down when it
// happened, and everything that is older finds out by itself.
package invalidation
