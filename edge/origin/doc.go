// Package origin asks one HTTP origin, over HTTP/1.1 and net/http's Transport.
//
// The life of a fetch:
//
//	choose   one of the origin's servers, and again if need be  pool.go, choose.go, breaker.go, line.go, outlier.go, retry.go, hedge.go, health.go
//	admit    the origin's cap on fetches in flight         origin.go
//	build    target below the base URL, end-to-end fields  request.go, target.go, fields.go
//	connect  a connection that owes nothing to anyone      conn.go
//	send     once, or once more on a fresh connection      resend.go
//	answer   header section, checked and cleaned           origin.go, fields.go
//	body     each read under its own deadline              body.go
//
// # Guarantees
//
//   - An answer belongs to its request: a connection on which the origin has
//     sent anything before the request's first byte goes out is closed, not used.
//   - A body that ends early, stalls, or is cut off reads as an error, never as
//     a shorter body (but for bodies that only the connection's end delimits).
//   - A request of which any byte went out is sent once more at most, where it is a GET,
//     HEAD or OPTIONS without content, its connection had served before, and no byte
//     of an answer came. It counts as a retry, within their budget, also where
//     none are configured.
//   - Every wait has an end: connecting, the header section, and each read.
//   - Hop-by-hop fields, and those that Connection names, cross in neither
//     direction. Fields that come more than once are kept, in order.
//   - Nothing in a Fetch can add a line to the request, leave the base URL's path,
//     or reach another host.
//   - Redirects are answers and not followed. Nothing is decompressed.
//   - The request's body is not read any more once Fetch has failed or the
//     answer's body is closed.
//   - Close ends what is under way and returns when no goroutine and no
//     connection of this package is left.
//
// # Not guaranteed
//
//   - An origin that sends a byte now and then is not cut off: the deadline is
//     between two reads. The caller's context bounds the whole.
//   - Trailer fields that were not announced are dropped.
//   - A surplus answer that the origin sends when the next request is on its way
//     already cannot be told from an early answer to that: HTTP/1.1 has no
//     numbers.
package origin
