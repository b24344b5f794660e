// Package qpack codes field sections for HTTP/3 (RFC 9204) without a dynamic
// table: whoever announces a capacity of 0 is sent no reference to one (§3.2.3), and
// a stored response is then written once for all connections.
//
//	the static table   Appendix A                              table.go
//	decoding           a block into a section.Section          decode.go
//	encoding           lines, or a stored response's once      encode.go
//
// # Guarantees
//
//   - Decoding into a section that has memory allocates nothing, and reads no byte
//     beyond the block.
//   - A reference to the dynamic table, to a line that the static table does not have,
//     or a string that ends beyond its block is an error, never a line.
//   - What is encoded is decoded to the same lines by any decoder.
package qpack
