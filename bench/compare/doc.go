// Package compare runs a node beside other caches of this machine and says what
// each pays for a hit, how long its readers wait, what an object costs it in
// memory and how many requests it answers without its origin.
//
// # The life of a comparison
//
// [Find] looks for the programs: edged, nginx, Varnish, HAProxy and Traffic
// Server. Nothing is installed; what is absent is left out and named. Each is
// started with a configuration written for it into a folder of its own, in
// front of one [Origin] of this process, on free loopback ports, and ends with
// the comparison.
//
// [Hits] loads node and peer in adjacent windows, peer after peer, round after
// round; a pair's ratio is taken within its two windows, and the median of the
// ratios is given with its bootstrap interval ([bench/load/pairs]).
// [Footprint] fills each with as many objects and reads what its processes hold.
// [HitRatio] sends each the same requests with the same memory to keep answers in.
//
// # Guarantees
//
//   - Peers keep the defaults of their packages where a cache works with them;
//     what is set beyond that is in the configurations here and favours the peer.
//   - A window with a failed request ends the comparison: no server is quick by failing.
//   - Equal seeds ask for the same things in the same order on each connection.
//
// # Not guaranteed
//
// That a figure carries over to another machine. Ratios carry further than
// microseconds.
package compare
