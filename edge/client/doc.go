// Package client speaks to a node's admin API.
//
// The life of a call: a method of [Client] builds the request with the types of
// edge/adminapi, sends it with the token, and reads the answer; whatever is not
// a success becomes an error that says which of two things went wrong:
//
//   - [*RefusedError]: the node answered, and what it said.
//   - [*UnreachableError]: no answer came, or none that an admin API gives.
//
// # Guarantees
//
//   - Nothing is sent twice: the client never repeats a request by itself.
//   - The token goes to the configured address only; redirects are not followed.
//   - Answers are read up to 64 MiB.
//
// # Not guaranteed
//
//   - That a write was not carried out when its call ended in an
//     UnreachableError. Purges take an Idempotency-Key for that.
package client
