// Command edgebench loads HTTP servers over HTTP/1.1, HTTP/2 and HTTP/3 and
// says what their readers would have seen and what the servers paid for it.
//
//	edgebench load URL…    open or closed loop load; latencies, statuses, server processor time
//	edgebench floor URL    a node beside a bare library server with the same answer, in turns
//	edgebench compare      a node beside nginx, Varnish, HAProxy, Traffic Server: hits, memory, hit ratio
//	edgebench bare URL     such a bare server by itself, until ^C
//	edgebench plot FILE…   the latencies of several results of load in one drawing
//
// Exit codes: 0 done (also when ^C ended it early and what there was is in
// order), 1 not done or errors above --max-error-rate, 2 wrong use, 3 the
// server cannot be reached.
//
// The command composes bench/load and its packages and owns no logic of its
// own.
package main
