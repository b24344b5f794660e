// Package coding makes and chooses content codings (RFC 9110 §8.4.1): gzip,
// Brotli (RFC 7932) and Zstandard (RFC 8878).
//
// Its life in a request path:
//
//	Coder.Codable     media type, size → may it be coded?     once for each stored response
//	Coder.Preference  Accept-Encoding → codings, best first   for each request for one of those
//	Coder.Encode      identity → coded bytes                  once for each coding that is asked for
//
// # Guarantees
//
//   - Preference is RFC 9110 §12.5.3 to the letter, with weights, "*" and
//     identity;q=0. It allocates nothing, whatever a client sends.
//   - The same bytes in the same coding give the same coded bytes, on every node
//     and from every encoder, so that an entity tag of them is the same everywhere.
//   - At most [Policy.AtOnce] codings are made at one time.
//   - A Zstandard frame needs a window of at most 8 MiB (RFC 9659 §3).
//
// # Not guaranteed
//
//   - Two releases of an encoder may write different bytes: nodes of different
//     builds then have different entity tags for the same coding, and a reader
//     that changes between them gets the whole again.
package coding
