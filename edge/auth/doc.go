// Package auth says who may use the admin API and with what certificate a node
// serves TLS.
//
// The life of a request's token: [Tokens.Authenticate] hashes what the
// Authorization field carries and compares the digest with every configured
// one; the [Principal] that comes back says what it may do ([Principal.Allows]).
//
// Tokens come from the configuration, and from the control log ([Register]): one
// that is made through any node is known to all.
//
// The life of a certificate: [OpenAuthority] reads the node's CA from its state
// folder, or makes one; [Certificates] issues a leaf from it and gives it to
// each handshake, and a new one when two thirds of its life are over.
//
// The life of a session ticket: [Tickets] seals it with the key of the half day,
// which every node of the region derives alike, and opens it until the next
// half day is over.
//
// # Guarantees
//
//   - Tokens are not kept: only their SHA-256 is, and comparing it takes the
//     same time whatever is asked.
//   - The CA key is readable by its owner only (0600), is written whole or not
//     at all, and never replaced while it is good: what trusts ca.pem goes on
//     trusting it after a restart.
//   - A handshake is never given an expired leaf while the CA is good.
//
// # Not guaranteed
//
//   - Protection of a weak token: hashes are not stretched. [NewToken] makes
//     tokens of 130 random bits, for which that is enough.
package auth
