// Package bare runs the servers that LetterEdge is built on with nothing in
// them: fasthttp, golang.org/x/net/http2 and quic-go's http3, each answering
// every request with the same status, field lines and body. What such a server
// costs per request is the bound that a node of the same protocol is compared
// with: a node can cost less only by sending less.
//
// # The life of a bare server
//
// [SpecOf] makes a [Spec] of an answer that was fetched from the node.
// [Start] runs this program again as a process of its own, so that its
// processor time can be read; the child calls [Child], which reads the Spec
// from its standard input, listens on a free loopback port and writes its
// [Info] as one JSON line. It serves until its standard input ends: a child
// never outlives the parent, however that one ends.
//
// # Guarantees
//
//   - Field lines have the names, values and order of the Spec over h1, and
//     names and values over h2 and h3. Date, Content-Length and Connection are
//     the library's own, as they are of the node.
//   - Nothing is computed per request that could be computed before.
//   - It listens on 127.0.0.1 only, with a certificate made at each start.
package bare
