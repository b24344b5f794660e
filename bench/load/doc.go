// Package load drives HTTP/1.1, HTTP/2 and HTTP/3 servers with a known load
// and says what the readers of such a server would have seen.
//
// # The life of a run
//
// [Run] checks the [Config], resolves the hosts once, opens every connection
// (a server that cannot be reached ends the run here, with [ErrUnreachable]),
// and starts one worker per stream of each connection. In the open loop a
// worker takes the next arrival from a shared schedule, waits until it is due,
// asks, reads the whole answer and records the time since the arrival was
// *due*. In the closed loop a worker asks again as soon as it has its answer.
// A warm-up comes first and is not recorded. At both ends of the measured
// window the processor time of the processes named by [Config.PIDs] is read.
// Shards of the recorder are then merged into a [Result].
//
// # Guarantees
//
//   - The open loop is free of coordinated omission: the schedule does not wait
//     for answers. What could not be sent because every stream was busy is sent
//     late and its wait counts; what was never sent counts as [Unsent].
//   - Requests that ended without an answer by time-out, or were never sent, are
//     in the latencies with the time they had waited, a lower bound. Other
//     failures (refused, broken) are counted, and not in the latencies: they are
//     quick and would flatter them.
//   - A run ends: within Warmup + Duration + Timeout and the teardown of its
//     connections, or when its context does, with what it has so far.
//   - Only loopback addresses are asked, unless [Config.AllowRemote] is set; the
//     address that was checked is the one that is dialled.
//   - Nothing of a run outlives Run: no goroutine, no socket.
//
// # Not guaranteed
//
//   - A steady client. Client and server share processors on a small machine;
//     [Result.SendLag] says how late the generator itself was.
//   - Requests other than GET and HEAD, redirects, cookies, HTTP/1.1 pipelining,
//     cleartext HTTP/2.
package load
