// Package serve puts a core on the wire: HTTP/1.1 with fasthttp, HTTP/2 with
// x/net/http2 or edge/serve/h2 on fasthttp's TLS connections, and HTTP/3 with quic-go on the same
// port number over UDP, above which either our own server stands (h3) or quic-go's.
//
// The life of a request:
//
//	accept   bounded connections, handshakes and header sections   admission.go, server.go, h2.go, h3.go
//	refuse   what the protocols' parsers read differently          h1gate.go, gate
//	view     edge.Request over the transport's buffers             h1.go, chunked.go, nethttp.go
//	serve    Core.Serve
//	render   edge.Reply as field lines and content                 h1render.go, netrender.go
//	leave    what still comes behind an answer, or never comes     linger.go, arrival.go
//
// An ordinary hit over HTTP/1.1 in clear text goes a shorter way ahead of fasthttp:
// h1conn.go, h1ordinary.go, h1wire.go.
//
// # Guarantees
//
//   - The three protocols hand the core the same method, host, target and fields
//     for the same request, and write the same lines and bytes of its reply.
//   - A request that HTTP/1.1 implementations are known to read in different
//     ways is refused, and nothing that follows it on its connection is served.
//   - An HTTP/1.1 answer from memory allocates nothing here.
//   - No line of a reply is lost: what fasthttp has one place for is joined.
//   - Streams are closed exactly once, also where the client goes away. A stream
//     that breaks off never looks like a whole answer, nor content that a client breaks
//     off like a whole upload.
//   - Everything a client can make grow is bounded: header sections, content,
//     connections, streams, and the time for each.
//   - A panic costs one request: 500 where the answer has not begun.
//   - A client that sends all of a request before it looks at anything reads the answer
//     that did not wait for it, within bounds of bytes and time.
//   - Shutdown finishes the requests in flight on all three protocols, and does not wait
//     for what comes behind their answers, nor for clients that have asked for nothing yet.
//
// # Not guaranteed
//
//   - On HTTP/1.1 the core is not told that a client has gone: fasthttp does not
//     read from a connection while a request is served.
//   - Errors that the libraries answer themselves have their own content: for too
//     large a header section on stock HTTP/2 and HTTP/3 (431).
//   - A connection too many is told so in clear text and over QUIC; over TLS it is
//     closed, as to say why would take a handshake.
//   - Over the stock server an HTTP/3 client that sends a header section without end is bounded by its
//     connection's number of streams, not in time.
package serve
