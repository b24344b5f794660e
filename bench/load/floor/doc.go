// Package floor compares what a server costs per request with what the bare
// library under it costs for the same answer: the floor of that server.
//
// # The life of a comparison
//
// [Run] fetches the answer of the node once, starts a bare server process that
// gives an equal one ([github.com/letteros/letteredge/bench/load/bare]), and
// then loads the two in turn: node, bare, node, bare, … In each round the
// processor time of the loaded process is read from /proc around the measured
// window. A round's ratio is node / bare of that round: what disturbs a shared
// machine for longer than a round disturbs both. The [Report] has the medians,
// the median ratio and a 95 % bootstrap confidence interval of it.
//
// # Guarantees
//
//   - Processor time is the server process's own: what the client costs is not in it.
//   - Equal seeds and equal measurements give equal intervals.
//   - A round with failed requests, or whose processor time could not be read,
//     ends the comparison with an error: a server is not cheap by failing.
//
// # Not guaranteed
//
// That a figure carries over to another machine. The ratio carries further than
// the microseconds.
package floor
