// Package h3 puts a core on the wire as HTTP/3, over quic-go's streams: a lean server
// of its own, and beside it quic-go's http3 server on the same kind of listener.
//
// The life of a request on the lean one:
//
//	accept   one goroutine a connection takes its streams in turn    conn.go
//	read     what has come of a stream, at a glance                  request.go, frame.go
//	decode   the header section, unless it came before               qpack, section
//	answer   Core.Begin; a hit is written where it stands            answer.go, render.go
//	leave    what has to wait goes on in a goroutine of its own      request.go, content.go
//	linger   what comes behind an answer is thrown away              linger.go
//
// and beside the requests:
//
//	listen   one UDP socket, a bound of connections                  listener.go
//	control  SETTINGS, GOAWAY and their like, QPACK's two streams    uni.go, control.go
//	order    what a client says of the order of its answers          priority.go
//	bound    what costs the client little is counted                 allowance.go
//	stop     GOAWAY, drain, close                                    server.go, conn.go
//
// # Guarantees
//
//   - A request whose header section is there, and whose answer is in memory, is
//     answered without another goroutine, with one write for header section and
//     content, and without an allocation of this package.
//   - What RFC 9114 and RFC 9204 call a connection error closes the connection with the
//     code they name; what they call a stream error resets that stream alone.
//   - A connection holds at most MaxStreams requests, each with at most a header section
//     and a piece of content; whoever reads slowly holds at most as many small answers. It keeps
//     eight requests that it repeats (16 KiB each).
//   - A client that is answered before it has sent everything may send on, for BodyTimeout
//     and up to twice MaxBody, before it is told to stop.
//   - Frames, instructions and streams that ask for nothing, and requests that are taken
//     back or are none, are counted: who sends too many is closed with H3_EXCESSIVE_LOAD.
//   - An answer that the client does not read keeps no other waiting, for longer than
//     twice patience.
//   - An unsafe method in early data is told apart, so that the core can answer 425; a safe
//     one that is no hit waits for the handshake before anybody is asked (RFC 8470 §5.1).
//   - After GOAWAY requests below its id are finished; others are told that nothing of
//     them was done (H3_REQUEST_REJECTED).
//
// # Not guaranteed
//
//   - An answer that was handed over whole (20 KiB at most) is not bounded by WriteTimeout: its
//     stream holds it until the client has it, or the connection ends.
//   - PRIORITY_UPDATE moves what still waits to be written, not what has been handed to
//     the QUIC connection.
package h3
