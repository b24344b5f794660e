// Package behaviour is the test room for whole processes: it builds the edged
// binary once, starts demos and single nodes of it, and asks them over real
// sockets what a reader, an operator or an attacker would ask. Its tests hold
// what the contract promises to users, and know nothing of what is inside.
//
// # The life of a test
//
// TestMain calls [Build]. A test starts an origin ([NewDocs], or any handler),
// starts processes in front of it ([Edged.Demo], [Edged.Node]), which return
// once these say on stdout that they serve, and opens clients: [Readers] for
// HTTP/1.1, HTTP/2 and HTTP/3, [Admin] for the admin API. Conditions are
// polled with a deadline ([Until]); nothing sleeps and no port is fixed.
//
// # Guarantees
//
//   - What a test started is gone when it ends, and also when the test binary
//     dies of a time-out (on Linux).
//   - A client never answers in another protocol than it was asked to use.
//   - What a process logged is shown if the test fails.
//
// # Not guaranteed
//
//   - Absence of rare races: the randomised tests look for them for a few
//     seconds, with a seed that is logged.
//
// Less formally: it trusts nobody. A body is right only if the origin, asked
// for the same versions, would have given these bytes.
package behaviour
