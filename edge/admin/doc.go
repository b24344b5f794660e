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
//     with wait and a 200 wherever that says; any node answers for any purge;
//     the same Idempotency-Key with the same body never purges twice while the
//     node runs and the key is among the latest 10,000 of the last day.
//   - /debug/pprof/ always needs a token; /v1/explain fetches nothing.
//   - Every request is bounded in size and time, and so are connections.
//
// # Not guaranteed
//
//   - Secrecy: the listener speaks plain HTTP. Beyond loopback, put TLS before it.
//   - Idempotency over a restart: the keys are kept in memory.
package admin
