// Package precompute makes Summaries: a CTA with its best proofs, ready to
// render, built at the edge from artifacts that it already serves.
//
// The life of a Summary: a reader asks for one, or the [Keeper] does; [Compose]
// obtains the CTA, then every Proof that the CTA names, through one Fetch that
// is bound to one snapshot of targets, so that a CTA from before a flip is never
// shown with a Proof from after it; the result carries the tags and versions of
// all its parts and stays fresh no longer than the first of them. The cache
// keeps it under its own key. When a purge hits it, the Keeper builds it anew
// before anyone asks.
//
// # Guarantees
//
//   - A Summary names every document that any part of it was rendered from.
//   - Nothing of a part that a purge has hit enters a Summary that is built
//     after the purge returned.
//   - A proof that is gone (404, 410) is left out. One that could not be had is
//     left out too, but then the Summary is marked light and not stored: the CTA
//     alone rather than nothing.
//
// # Not guaranteed
//
//   - That a Summary is rebuilt in time: a rebuild that fails is counted, and the
//     Summary is built when it is next asked for. The Keeper knows a bounded
//     number of them.
package precompute
