// Package metrics counts what a node does and writes it in Prometheus' text
// format. It owns client_golang: no other package names its types.
//
// The life of a count: the request path adds to an atomic in an array that is
// indexed by closed enumerations (no label is ever made from what a client
// sent); a scrape reads the arrays, and the [Sources] that other packages keep
// themselves. Nothing on the request path takes a lock or allocates.
//
// # Guarantees
//
//   - The number of series is bounded: by the enumerations, the routes of the
//     configuration, and the quotas that operators have set. Nodes are counted by
//     state and never named.
//   - A scrape may look at the latest 2,000 purges; no request waits for it.
//   - Names are letteredge_…, units base units (seconds, bytes).
package metrics
