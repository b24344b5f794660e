// Package freshness holds the rules by which a shared cache may keep and reuse
// a response: RFC 9111 (HTTP caching), RFC 5861 (stale-while-revalidate,
// stale-if-error), RFC 8246 (immutable) and RFC 9213 (CDN-Cache-Control).
//
// Its main operation happens once for each response that comes back, and once
// for each request that finds a copy:
//
//	Judge         response fields, times → Verdict        storable? how long? how old already?
//	ParseRequest  request fields → Directives             what this client insists on
//	Terms.Age     time since the response → current age   RFC 9111 §4.2.3
//	Terms.Use     age, Directives → Use                   fresh | stale, refresh behind | only on error | validate
//
// # Guarantees
//
//   - Pure: no clock, no state, no input or output. Equal arguments give equal
//     verdicts.
//   - A response that the RFCs forbid a shared cache to store is never Storable,
//     whatever else it says; where fields are malformed the stricter reading wins.
//   - No field value makes it panic or overflow; durations stay within
//     [0, MaxDelta].
//   - As age grows, Use never gets more permissive (property-tested).
//   - ParseRequest, Age and Use allocate nothing.
//
// # Not guaranteed
//
//   - Only GET responses are storable; nor are 206 and 304 stored as responses of
//     their own. HEAD and 304 update a stored response by MergeHeader.
//   - Whether two requests select the same variant is the caller's to compare:
//     Verdict.Vary only names the fields.
//   - Tags, purges and held versions are not freshness: they come on top.
//
// Less formally: everything a response says about being cached goes in, and what
// comes out are a few durations and booleans that a hit can compare in a few
// nanoseconds.
package freshness
