// Package peer is how nodes speak to each other: calls and fills over HTTP/3
// with mutual TLS, on a listener of its own.
//
// # The life of a fill
//
//	a node lacks an artifact
//	rendezvous hashing names the region's owner of its key; if that is another
//	node, it is asked, and told what the asker has applied and which slot it
//	wants                                                       Upstream.Fetch
//	the owner, if it has applied all that the asker has, answers as it would
//	answer a reader, from its cache or by a fill of its own
//	an owner that is behind, dead, slow or busy is passed by: the origin is asked
//
// # Guarantees
//
//   - Nobody without a certificate of the cluster is heard, and nobody as another
//     node than the certificate names.
//   - An owner that lacks a purge that the asker has never answers from its
//     cache. What it answers is stored by the asker as of before its own request.
//   - A fill asks at most one peer: peers ask the origin themselves.
//   - Where neither gives an answer, what any node has stored is found
//     ([Elsewhere]); nobody fetches anything for it.
//   - Calls to one node never wait for calls to another; a node that cannot be
//     reached costs one time-out, then nothing for a moment.
package peer
