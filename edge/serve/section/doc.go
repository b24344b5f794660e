// Package section is what the two servers of our own have in common, of HTTP/2
// and of HTTP/3: a header section from its first byte to a request.
//
//	strings and integers   as HPACK and QPACK code both                huffman.go, integer.go
//	names and values       judged once, also for a table's lines       name.go
//	the section            an arena, lines, and edge.Fields over them  section.go
//	the request            the rules of RFC 9113 §8, RFC 9114 §4       request.go
//	its importance         RFC 9218                                    priority.go
//	one that comes again   known by its bytes                          repeats.go
//
// and of an answer the Date line (date.go).
//
// A decoder calls Reset; Name, Text and then Add for what is sent as a literal,
// AddLine for what a table has; and at the end Request or Trailers.
//
// # Guarantees
//
//   - A section that is decoded into memory which is there already allocates
//     nothing.
//   - What both protocols call malformed is told as malformed, whatever comes
//     after it, and nothing of it reaches a core.
//   - A section holds no more than its limits, and its arena no more than its
//     strings; one that is over them is told apart from one that is malformed.
//   - What the transport itself consumes is not among the fields, as in HTTP/1.1:
//     Host, Content-Length, Trailer, Expect.
//
// # Not guaranteed
//
//   - The texts of a section end with its Reset. Whoever keeps one clones it.
package section
