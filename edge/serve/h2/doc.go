// Package h2 is an HTTP/2 server of our own, for a core that answers most requests
// from memory. x/net's frames and field coding are where it can use them; its
// goroutines, header maps and writes for each stream are what it does without.
//
// The life of a connection:
//
//	wire     what TLS writes is collected: a batch is one system call    wire.go
//	read     frames, on one goroutine                                    conn.go, input.go, settings.go
//	decode   a field block into a section, unless it came before         decoder.go, headers.go
//	begin    the core answers what waits for nothing, on that goroutine  headers.go
//	answer   a stored block and lines of its own, the content behind it  answer.go, encode.go
//	write    once all that has come was acted on                         writer.go, out.go
//
// A request that has to wait becomes a stream (stream.go): for an origin or its own
// content with a goroutine (handler.go, upload.go), for a window without one. What
// it has to send waits in one queue by its urgency (RFC 9218).
//
// # Guarantees
//
//   - A hit whose content fits the windows allocates nothing, and is no stream.
//   - The reader waits for no origin, and for a network that takes nothing a tenth
//     of a second.
//   - Content that waits is not copied, unless it is scratch memory of its exchange.
//   - A stream that breaks off never looks like a whole answer.
//   - A request that is answered before its content has come lingers: what comes is thrown
//     away, within twice MaxBody and BodyTimeout, before the client is told to stop.
//   - What a client makes grow is bounded for each connection: 256 KiB that wait to
//     be written, 1 MiB of its content in buffers of at most thrice that, 4 KiB of its lines, twice the header limit
//     of a field block, eight requests that it repeats (16 KiB each), MaxStreams streams
//     and twice as many goroutines.
//   - What asks for nothing is counted (abuse.go), and too much of it ends the
//     connection with ENHANCE_YOUR_CALM.
//   - When ServeConn returns, no goroutine of the connection is left.
//   - An answer from memory that is not out within WriteTimeout of its beginning, and a
//     step of a stream that is not, is reset (INTERNAL_ERROR); a network that takes
//     nothing for as long ends the connection. The time to the answer is the core's.
//   - A client's GOAWAY is answered by ours: what has come is finished, then the
//     connection is closed; requests that come after it are ignored.
//
// # Not guaranteed
//
//   - Server push, and the priorities of RFC 7540, are not spoken.
package h2
