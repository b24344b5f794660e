// Package edge is the request path of a LetterEdge node: what happens between
// a transport that has parsed a request and a transport that writes the answer.
//
// The life of a request, which is [Core.Serve] and the list of files here:
//
//	refuse   method, early data                              core.go
//	key      the canonical key of what is asked for          cachekey.Keyer
//	aim      which versions it is to be shown                target.go, preview.go
//	decide   the segment's quota                             quota.Gate
//	lookup   a slot: fresh, stale within grace, or absent    lookup.go
//	fill     one flight for each key, however many ask       flight.go, fill.go
//	         before a hot copy ends, behind its readers      ahead.go
//	         shown while it comes, stored when it is whole   pour.go, growing.go
//	         or passed, as it is too large to be stored      passing.go, apart.go
//	         from the node's own disk before anyone is asked  managed.go, pinner.go
//	shape    304, 206, HEAD, errors, Cache-Status            shape.go
//	observe  one call, for metrics                           Observer
//
// The core takes data and returns data. A transport fills [Exchange.Req] with
// views into its own buffers and renders [Exchange.Rep]; no type of a transport
// library crosses this seam, so HTTP/1.1, HTTP/2 and HTTP/3 cannot answer
// differently.
//
// # Guarantees
//
//   - A hit allocates nothing, takes no lock shared by all, and logs nothing.
//   - An answer is given only for the canonical bytes of its key: the hash is an
//     index, never the identity.
//   - What a purge that returned has hit is never served afterwards, also where
//     a fill was under way: every slot carries the epoch read before its request
//     went out, and is compared with the floors of its marks at every use.
//   - A request joins another's flight, and is handed its result, only as
//     SEMANTICS §6 allows; what may not be stored for it is never shared with it.
//     Fields that an answer names as one reader's alone reach the one who asked (own.go).
//   - A client that goes away disturbs nobody who waits for the same fill.
//   - What is being filled is shown to all who asked for it as it comes, at nobody's
//     pace but the origin's; what breaks off is stored for nobody and looks whole to
//     nobody. All fills together hold at most [Config.FillMemory] of content.
//   - A managed artifact is shown in the versions of its target, all its documents
//     and all its parts at once, or not at all: not while targets flip, not when
//     the origin shows something else, not rather than an error. At its target it
//     is fresh at any age, and a flip to what was filled before needs no fetch.
//   - What only a rollout's checks may see, they see by a signed field alone, which
//     goes no further; so it is with all fields that belong to nodes.
//   - While the node is isolated, nothing that is not managed is shown unmarked
//     that is older than [Config.Clamp], unless the origin has just vouched for it.
//   - On artifact routes nothing that lacks Docs-Version, or that is not the
//     artifact the key names, is stored or shown.
//
// # Not guaranteed
//
//   - A response that was being written when a purge returned is not recalled.
//   - A copy at its target is pinned where the disk keeps up and has room.
//   - Where a node knows no index of artifacts, documents of an artifact that is
//     not listed are known only from its answer: one that shows a managed document
//     in another version than its target is held back, but what is stored already
//     needs the purge that goes with a flip.
//   - Bodies beyond [Config.MaxObject] are passed through and not stored. Where that
//     shows only as they come, a reader who is slower than others by more than that goes
//     on by a fetch of its own; where that cannot be, the others go at its pace, and one
//     who takes less than 32 KiB in [Config.Wait] is cut off.
package edge
