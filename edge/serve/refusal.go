package serve

import (
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/letteros/letteredge/edge/serve/gate"
)

// Refused is how many connections were refused over one bound.
type Refused struct {
	Transport string // tcp or quic
	Limit     string // by its name in the configuration: connections or connections_per_ip
	Count     uint64
}

// refusal counts the connections that were one too many for a bound, and says so in the
// log, where whoever floods a node with connections is not to fill it.
type refusal struct {
	transport, limit string
	why              gate.Refusal // in clear text
	logger           *slog.Logger

	count atomic.Uint64
	said  atomic.Int64 // when the log was told last, in ns since 1970
}

// refusalLogEvery is how often the log is told, at most.
const refusalLogEvery = time.Minute

// note counts one.
func (r *refusal) note() {
	total := r.count.Add(1)
	now, said := time.Now().UnixNano(), r.said.Load()
	if (total == 1 || now-said >= int64(refusalLogEvery)) && r.said.CompareAndSwap(said, now) {
		r.logger.Warn("connections refused", "transport", r.transport, "limit", r.limit, "total", total)
	}
}

func (r *refusal) figure() Refused { return Refused{r.transport, r.limit, r.count.Load()} }

// overs are the refusals of one transport, by the bound.
type overs struct{ all, perClient refusal }

// refusals are all of a server's.
type refusals struct {
	tcp, quic overs

	bounds *lingering
	places chan struct{} // of those that linger
	linger sync.WaitGroup
}

// mostRefusedLinger is how many refused connections may linger at a time: each holds a
// file, which is what there is a bound for.
const mostRefusedLinger = 64

func newRefusals(cfg Config, logger *slog.Logger) *refusals {
	of := func(transport string) overs {
		return overs{
			all: refusal{transport: transport, limit: "connections", logger: logger,
				why: gate.Refuse(http.StatusServiceUnavailable, "connections", "this node has as many connections as it may have")},
			perClient: refusal{transport: transport, limit: "connections_per_ip", logger: logger,
				why: gate.Refuse(http.StatusTooManyRequests, "connections", "this address has as many connections as it may have")},
		}
	}
	return &refusals{
		tcp: of("tcp"), quic: of("quic"),
		bounds: &lingering{bytes: 2 * cfg.MaxBody, time: lingerAtStop, silence: lingerAtStop},
		places: make(chan struct{}, mostRefusedLinger),
	}
}

// tell answers a refused connection in clear text, and closes it. It is new: what is
// written goes into its socket's buffer, and nobody waits. Its client has yet to send a
// request, or is at it, and has a second for that (see lingerer) while there are places.
func (r *refusals) tell(tcp *net.TCPConn, over *refusal, h *h1) {
	var ctx fasthttp.RequestCtx
	ctx.Init2(tcp, fasthttpLog{h.logger}, false)
	h.refuse(&ctx, over.why)
	ctx.Response.Header.Set("Retry-After", "1")
	_, _ = ctx.Response.WriteTo(tcp)
	select {
	case r.places <- struct{}{}:
	default:
		_ = tcp.Close()
		return
	}
	r.linger.Go(func() {
		l := lingerer{tcp: tcp, bounds: r.bounds}
		l.expectMore(time.Now())
		l.quit(func() error { return nil })
		_ = tcp.Close()
		<-r.places
	})
}
