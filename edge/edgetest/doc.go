// Package edgetest is the test room of the request path. Tests and commands
// import it, nothing else.
//
// [Do] is a transport: it gives a core a request whose strings are views into a
// buffer of its own, and overwrites that buffer with 0xDB as soon as Serve
// returns, as a real transport would with the next request. What the core has
// kept without cloning shows up as garbage, instead of as a rare fault in
// production.
//
// [Upstream], [Store] and [Artifact] are small real implementations of what a
// core needs. [ControlLog] is a control log of one node, and the quotas that
// follow it. [Certificate] is what a server on loopback needs for TLS.
package edgetest
