// Package admin serves the admin API over HTTP, on a listener of its own.
//
// The life of a request: guard (is the Host one of ours, who asks, may they) →
// read (1 MiB of JSON at most) → one function for each operation, which returns
// a reply or an error → audit, if it was a write, refused ones too → answer.
// Errors become problem+json in one place.
//
// # Guarantees
//
//   - Nothing is written without a token that has the scope of that write, and a
//     write that is answered as done is in the audit log.
//   - A web page cannot use a reader's browser to get at the listener: names it
//     does not know are refused in Host, and no answer allows another origin.
//   - A purge that is answered has been made durable and applied on this node, and
//     with wait and a 200 wherever that says; any node answers for any purge.
//   - A request with the Idempotency-Key of one that was answered within a day is
//     answered as that was, through any node and after any restart; with another
//     body it is a 422. (Of updates the last 16,000 or so are remembered, of purges
//     those that are known.)
//   - /debug/pprof/ always needs a token; /v1/explain fetches nothing.
//   - Every request is bounded in size and time, and so are connections.
//
// # Not guaranteed
//
//   - Secrecy: the listener speaks plain HTTP. Beyond loopback, put TLS before it.
//   - That two purges with one Idempotency-Key are one, where they come at once to
//     two nodes, or to two that cannot reach each other.
package admin
