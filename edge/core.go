package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/coding"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/invalidation/rollout"
	"github.com/letteros/letteredge/quota"
)

// Config says how a core serves. The zero value of a bound is its default.
type Config struct {
	// Node is this node's id, its name in Cache-Status. Required.
	Node string
	// Keyer makes keys; Routes[i] belongs to its pattern i. Required.
	Keyer  *cachekey.Keyer
	Routes []Route
	// Artifacts is the route of all artifact paths. Required.
	Artifacts Route
	// Conformance selects strict RFC 9111 behaviour where the safe default
	// differs.
	Conformance bool
	// MaxObject is the largest body that is stored, in bytes (8 MiB). Larger
	// ones are passed through.
	MaxObject int64
	// Wait is how long a request waits for another's flight (10 s); after it a
	// stale copy is served if one is permitted, else 503.
	Wait time.Duration
	// MaxWaiters bounds the requests that wait in one flight (10,000); more get
	// what the late ones get. Lowering it protects memory on a slow origin.
	MaxWaiters int
	// FillTimeout bounds one fill, its body included (30 s).
	FillTimeout time.Duration
	// MaxFills bounds the fills under way at once (1,024), so that a cold start
	// or a purge storm does not become the origin's storm.
	MaxFills int
	// FillMemory bounds the content that the fills under way hold together, in bytes
	// (128 MiB), and three quarters of it that whose length nobody told. Beyond it what
	// need not be checked as a whole passes through to who waits for it, and an
	// artifact is a stale copy or 503. Lowering it trades
	// stored answers for memory in a storm.
	FillMemory int64
	// HitForMiss is how long requests for a key whose answer could not be shared
	// go on in parallel (120 s).
	HitForMiss time.Duration
	// Coding says what is sent in other codings than it is stored in. The zero
	// value: nothing.
	Coding coding.Policy
	// OwnCoding asks origins for the identity whatever a reader accepts: all codings
	// are made here. Without it they are asked for what the reader accepts, and only
	// what comes as identity is coded here.
	OwnCoding bool
	// TimingOnHits adds Server-Timing to hits too, at the price of a clock read.
	TimingOnHits bool
	// RefreshBackoff holds off the next background refresh of a slot after one
	// that failed (10 s).
	RefreshBackoff time.Duration
	// RefreshAhead is the last part of a copy's lifetime, from 0 (never) to below 1,
	// in which RefreshAheadHits hits (3) have it refreshed behind their backs.
	RefreshAhead     float64
	RefreshAheadHits int
	// Clamp is how old a copy may be that is served without asking while the node
	// is isolated (10 s).
	Clamp time.Duration
}

func (c Config) withDefaults() (Config, error) {
	if c.Node == "" || c.Keyer == nil || c.Artifacts.Upstream == nil {
		return c, errors.New("edge: config: Node, Keyer and Artifacts.Upstream are required")
	}
	for i, r := range c.Routes {
		if r.Upstream == nil {
			return c, fmt.Errorf("edge: config: route %d (%s) has no upstream", i, r.Name)
		}
	}
	defaultTo(&c.MaxObject, 8<<20)
	defaultTo(&c.Wait, 10*time.Second)
	defaultTo(&c.MaxWaiters, 10_000)
	defaultTo(&c.FillTimeout, 30*time.Second)
	defaultTo(&c.MaxFills, 1024)
	defaultTo(&c.FillMemory, 128<<20)
	defaultTo(&c.HitForMiss, 120*time.Second)
	defaultTo(&c.RefreshBackoff, 10*time.Second)
	defaultTo(&c.RefreshAheadHits, 3)
	defaultTo(&c.Clamp, 10*time.Second)
	return c, nil
}

func defaultTo[T int | int64 | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// Deps are the core's collaborators; those that say what nil means are optional.
type Deps struct {
	Store    Store
	Marks    *invalidation.Marks
	Gate     *quota.Gate
	Targets  Targets
	Standing Standing // nil: Alone
	// Previewer shows candidates to a rollout's checks. nil: NoPreview
	Previewer Previewer
	// Pins keep managed copies on disk, and Purges says which of them a purge has
	// hit since. nil: NoPins. With Pins, Purges is required.
	Pins     Pins
	Purges   PurgeLog
	Peers    Peers    // nil: NoPeers
	Builder  Builder  // nil: Summaries are asked of the artifact upstream
	Observer Observer // nil: NoObserver
	Logger   *slog.Logger
	// Now is the wall clock of fills; requests bring their own reading.
	Now func() time.Time
}

// Core serves requests. Its methods may be called from any number of goroutines.
type Core struct {
	cfg     Config
	Deps    // never changed after New
	flights flights
	fills   chan struct{} // one token for each fill under way
	room    room
	aheads  atomic.Uint64 // refreshes ahead that were begun
	apart   atomic.Uint64 // slow readers that went on by themselves
	coder   *coding.Coder
	codings codingCounters
	pinner  pinner

	// life ends when the core is closed: fills run under it and never under a
	// reader's context.
	life context.Context
	end  context.CancelFunc
	// draining ends before: see Drain.
	draining context.Context
	drain    context.CancelFunc
	work     sync.WaitGroup
}

// New returns a core that is ready to serve.
func New(cfg Config, deps Deps) (*Core, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if deps.Store == nil || deps.Marks == nil || deps.Gate == nil || deps.Targets == nil || deps.Now == nil {
		return nil, errors.New("edge: deps: Store, Marks, Gate, Targets and Now are required")
	}
	if deps.Standing == nil {
		deps.Standing = Alone{}
	}
	if deps.Previewer == nil {
		deps.Previewer = NoPreview{}
	}
	pinning := deps.Pins != nil
	if pinning && deps.Purges == nil {
		return nil, errors.New("edge: deps: Pins need Purges")
	}
	if !pinning {
		deps.Pins = NoPins{}
	}
	if deps.Peers == nil {
		deps.Peers = NoPeers{}
	}
	if deps.Observer == nil {
		deps.Observer = NoObserver{}
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Core{cfg: cfg, Deps: deps, fills: make(chan struct{}, cfg.MaxFills)}
	c.room.limit = cfg.FillMemory
	if c.coder, err = coding.New(cfg.Coding); err != nil {
		return nil, fmt.Errorf("edge: config: %w", err)
	}
	c.flights.init()
	c.life, c.end = context.WithCancel(context.Background())
	c.draining, c.drain = context.WithCancel(c.life)
	if pinning {
		c.pinner.jobs = make(chan pinJob, maxPinJobs)
		c.work.Add(1)
		go c.runPins()
	}
	return c, nil
}

// Close cancels the fills under way and waits for them. Transports must have
// stopped calling Serve before.
func (c *Core) Close() {
	c.end()
	c.work.Wait()
}

// Serve answers x.Req into x.Rep. It never fails: errors become a reply. ctx is
// the reader's: when it ends, only this reader stops waiting.
func (c *Core) Serve(ctx context.Context, x *Exchange) {
	if !c.Begin(x) {
		c.Finish(ctx, x)
	}
}

// Begin is Serve for a transport that must not wait where it stands: it reports
// whether the answer is complete. If not, nothing of the network or of the disk
// has been waited for, and Finish goes on, on any goroutine; until then x and
// what its request views belong to whoever will call Finish.
func (c *Core) Begin(x *Exchange) bool {
	c.begin(x)
	if x.rest == nothingLeft && !c.represent(x) {
		x.rest = restCode
	}
	if x.rest != nothingLeft {
		return false
	}
	c.finish(x)
	c.Observer.Done(x)
	return true
}

// Finish does what Begin has left: it waits for fills and origins, and makes
// codings. ctx is as in Serve.
func (c *Core) Finish(ctx context.Context, x *Exchange) {
	switch x.rest {
	case restPass:
		c.pass(ctx, x, x.route, FwdMethod)
	case restMiss:
		c.miss(ctx, x, x.route, x.found)
	}
	x.rest = nothingLeft
	if !c.represent(x) {
		c.code(ctx, x)
	}
	c.finish(x)
	c.Observer.Done(x)
}

// rest is what Begin leaves to Finish.
type rest uint8

const (
	nothingLeft rest = iota
	restPass
	restMiss
	restCode // what is shown, in a coding that is not there yet
)

func (c *Core) begin(x *Exchange) {
	// Early-Data: whoever ended TLS in front of this node says so (RFC 8470 §5.1).
	if !x.Req.Method.Safe() && (x.Req.Early || x.Req.Fields.Get("Early-Data") == "1") {
		c.problem(x, 425, "about:blank", "Too Early",
			"an unsafe method was sent as early data, which may be a replay; send it again after the handshake", "")
		return
	}
	if x.Req.Method == MethodConnect { // its target is no path
		c.refuseMethod(x, routeMethods)
		return
	}
	key, err := c.makeKey(x)
	if err != nil {
		c.refuseKey(x, err)
		return
	}
	if x.Req.Method == MethodTrace { // an artifact's path says so in words of its own
		c.refuseMethod(x, routeMethods)
		return
	}
	x.key, x.keyed = key, true
	route := c.route(key)

	x.targets = c.Targets.Snapshot()
	c.preview(x)
	x.aim()
	if !x.probe {
		x.Rep.Quota = c.Gate.Take(c.segment(x, route), 1)
	}
	if x.Rep.Quota.Governed {
		x.quotaTook = x.Rep.Quota.At.Sub(x.Now)
	}
	refused := x.Rep.Quota.Governed && !x.Rep.Quota.Allowed

	if x.Req.Method != MethodGet && x.Req.Method != MethodHead {
		if refused {
			c.tooMany(x)
			return
		}
		x.rest, x.route = restPass, route
		return
	}
	if refused && x.Rep.Quota.Overflow == quota.OverflowReject {
		c.tooMany(x)
		return
	}

	switch x.managed {
	case rollout.Absent:
		c.absent(x)
		return
	case rollout.Unknown:
		c.held(x, "this node does not know yet which documents are released")
		return
	}
	x.isolated = c.Standing.Isolated(x.Now)
	x.direct = x.isolated
	found := c.lookup(x)
	switch {
	case found.slot != nil && found.use == useFresh:
		if c.cfg.RefreshAhead > 0 && !refused {
			c.ahead(x, route, found.slot, found.ttl)
		}
		c.hit(x, found.slot, found.ttl)
	case refused:
		c.overflow(x, found)
	case found.slot != nil && found.use == useStaleWhileRevalidate:
		c.refresh(x, route, found.slot, false)
		c.hit(x, found.slot, found.ttl)
	default:
		x.rest, x.route, x.found = restMiss, route, found
	}
}

// OldestFlight is the least epoch of the flights that others may join, or the
// present one: what lies below it no joiner can ask about.
func (c *Core) OldestFlight() invalidation.Epoch { return c.flights.oldest(c.Marks.Epoch()) }

// Waiting is how many requests wait for another's fill at this moment.
func (c *Core) Waiting() int { return c.flights.waiting() }

// route returns the route of a key.
func (c *Core) route(key cachekey.Key) *Route {
	if key.IsArtifact() {
		return &c.cfg.Artifacts
	}
	return &c.cfg.Routes[key.Route]
}

// segment names the quota that a request counts against.
func (c *Core) segment(x *Exchange, route *Route) string {
	if x.key.IsArtifact() {
		return x.key.Segment
	}
	return route.Segment
}
