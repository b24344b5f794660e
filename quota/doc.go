// Package quota limits the requests that each segment may make, on this node by
// this node's share of the limit.
//
// The life of a decision:
//
//	Gate.Take("b2b", 1)          one atomic load, one map look-up: no lock yet
//	  → Limiter.take             the segment's own lock; the clock is read under it
//	    → rate.Limiter.AllowN    golang.org/x/time/rate keeps the token bucket
//	  → Decision                 by value: allowed or not, the RateLimit texts,
//	                             Retry-After
//
// and of a change:
//
//	Registry.Put(quota, precondition)
//	  → Ledger.Update            the precondition is checked against what the control
//	                             log has now, and the change is in the log
//	Registry.Apply(records)      on every node, as the log comes to it
//	  → Gate.SetShare            under the limiter's lock: the new rate and the new
//	                             table become visible between two decisions
//	Registry.Acknowledge         every node's report says how far it has applied
//	  → Bound                    with the time by which all had, or will be silent
//
// A node's share follows from who is enrolled: see roll and DESIGN.md.
//
// # Guarantees
//
//   - Ceiling: in any window W between two decisions of one quota, admitted ≤ R×W + B,
//     with the largest rate R and burst B in force within W. A reading has a
//     resolution of one nanosecond, so W counts both ends.
//   - A bucket starts empty: when the process starts, when a quota is created, and
//     after its burst has been 0. Raising a cap adds no tokens; lowering it
//     destroys those above.
//   - Shares: at any instant the rates that all processes spend of a quota add up
//     to no more than its rate, and their caps to no more than its burst, among
//     those in its scope, whatever is late, lost, cut off, dead or started again.
//     With the bullets above that makes the ceiling hold for all of them together.
//   - A change of a quota binds on a node at one instant of its own clock, also for
//     decisions that were under way. Apply returns after that.
//   - A share is a grant that ends: outside its Term a node has a fiftieth of it, its
//     base share, for BaseTerm, and then nothing. So from the moment on that Put returns as EffectiveAt nobody decides by what
//     was before, also not who was frozen, cut off or dead.
//   - What a Put or Delete has returned for is in the control log.
//   - Take and the Append functions allocate nothing, retain nothing of their
//     arguments, and two segments share no lock.
//
// # Non-guarantees
//
//   - The share of a node that is idle, or dead but still enrolled, is spent by
//     nobody; one that is new spends nothing until all others, the dead included,
//     have made room for it or have been removed.
//   - Before EffectiveAt nodes decide by the old and the new definition
//     side by side: the ceiling then has the larger of the two rates and bursts.
//   - partition can be nothing but strict. priority is kept and shown: nothing is
//     shed by it yet.
//   - A quota in shadow mode admits everything, always; it only counts. One that a
//     node has not heard of limits nothing there.
//   - r in RateLimit and Retry-After are true for a client that is alone with the
//     quota; others may take the tokens first.
//   - A Put that fails by a time-out, or by the loss of the quorum on the way, may
//     turn out to have been made.
//
// Less formally: a client reads from RateLimit how fast it may go on, and one
// that was refused reads from Retry-After when asking again can help.
package quota
