// Package cachekey gives every request the one name under which its answer is
// stored, found and purged.
//
// The life of a key: a transport hands over method, host and target as they
// came on the wire; Keyer.Key checks and normalises them in one pass over
// memory that belongs to the caller, and finds out whether they name an
// artifact (everything below /v1/segments/) or a general route. The Key's Text
// identifies the resource; where a response varies, AppendVariant adds what
// tells its representations apart. Tags and Selectors name sets of keys.
//
// It guarantees:
//
//   - Injectivity: two different tuples (method, host, path, query; or kind,
//     segment, CTA, id, language; and variant) never have one text.
//   - One answer for each odd input: it is normalised or refused, and the same
//     by every transport, since none of them parses a target itself.
//   - No path that is stored under a general key is one that a more lenient
//     reader behind the edge would take for an artifact's.
//   - A request that has a key costs no allocation and no lock.
//   - A selector is refused rather than accepted in a spelling that matches
//     nothing.
//
// It does not decode what may not be decoded (%2F stays %2F on general
// routes), knows no scheme (http and https share their keys, and default ports
// are dropped), and does not look at bodies.
//
// Less formally: the cache believes whatever stands in Text. If two requests
// that deserve different answers get one Text, a reader sees another
// segment's page; so when in doubt, this package says 400.
package cachekey
