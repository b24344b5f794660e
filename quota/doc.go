// Package quota limits the requests that each segment may make on this node.
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
//	  → Store.Put                durable (fsynced) before anything else
//	  → Gate.Set                 under the limiter's lock: the new rate and the new
//	                             table become visible between two decisions
//	  → Bound                    with the clock reading from which it binds
//
// # Guarantees
//
//   - Ceiling: in any window W between two decisions of one quota, admitted ≤ R×W + B,
//     with the largest rate R and burst B in force within W. A reading has a
//     resolution of one nanosecond, so W counts both ends.
//   - A bucket starts empty: when the process starts, when a quota is created, and
//     after its burst has been 0. Raising a cap adds no tokens; lowering it
//     destroys those above.
//   - A change of a quota binds at one instant of its own clock: decisions read
//     after effective_at obey it, also those that were under way. A new quota binds
//     for every request that begins after Set has returned.
//   - What a Put or Delete has returned for survives the process; what it failed
//     for does not bind.
//   - Take and the Append functions allocate nothing, retain nothing of their
//     arguments, and two segments share no lock.
//
// # Non-guarantees
//
//   - Every node limits alone: scope and partition are kept and shown, but no node
//     knows of another's requests.
//   - A quota in shadow mode admits everything; it only counts.
//   - r in RateLimit and Retry-After are true for a client that is alone with the
//     quota; others may take the tokens first.
//   - A Put whose Store fails may show after a restart if the store kept it
//     nevertheless.
//
// Less formally: a client reads from RateLimit how fast it may go on, and one
// that was refused reads from Retry-After when asking again can help.
package quota
