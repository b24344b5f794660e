package origin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/letteros/letteredge/edge"
)

var _ edge.Upstream = (*Pool)(nil)

// Server is one of an origin's servers.
type Server struct {
	URL string
	// Weight is its share of the fetches; those of a pool sum to 1.
	Weight float64
}

// PoolConfig describes an origin of one or more servers that give the same answers.
type PoolConfig struct {
	// Config is that of each server, but for the URL; MaxInFlight is for all
	// together.
	Config
	Servers []Server
	// Failures in a row pause a server: no connection, no header section in time,
	// 502, 503 or 504. 0 means never.
	Failures int
	// Pause is how long the first pause takes; each further one doubles up to
	// MaxPause, until the server has been well throughout a recovery. Defaults 1 s and 30 s.
	Pause, MaxPause time.Duration
	// Retries bounds how often a fetch that may be sent twice is. All retries
	// together stay below a tenth of the fetches.
	Retries int
	// HedgeAfter is how long a fetch that may be sent twice waits for the header
	// section before another server is asked too, within the budget of retries. 0: never.
	HedgeAfter time.Duration
	Health     Health
	Outlier    Outlier
	Log        *slog.Logger // nil: discard
}

// Pool asks an origin's servers. It is safe for concurrent use.
type Pool struct {
	catalogue
	origins []*Origin
	retries int
	hedge   time.Duration
	outlier Outlier
	log     *slog.Logger
	work    sync.WaitGroup // races and what they have started; the first Add is under mu, before closed

	// life ends with Close: that of the questions after health, and of waits.
	life context.Context
	end  context.CancelFunc

	mu      sync.Mutex
	servers []*server // guarded by mu, as is all below
	budget  float64
	retried uint64
	closed  bool
	waiting int           // fetches that wait for what a probe tells
	news    chan struct{} // closed, and made anew, when a probe has ended or a breaker has changed
}

// server is one place that is asked, and what is known of it.
type server struct {
	name     string
	up       edge.Upstream
	weight   float64
	turn     float64 // of the smooth weighted round robin
	breaker  breaker
	record   record
	requests uint64
	failures uint64
}

// ServerFigures are one server's counts.
type ServerFigures struct {
	Server             string
	Paused, Ejected    bool
	Requests, Failures uint64
}

// NewPool returns a client for an origin's servers.
func NewPool(cfg PoolConfig) (*Pool, error) {
	var origins []*Origin
	var servers []*server
	for i, s := range cfg.Servers {
		one := cfg.Config
		one.URL = s.URL
		o, err := New(one)
		if err != nil {
			return nil, fmt.Errorf("server %d: %w", i, err)
		}
		if i > 0 {
			o.slots, o.uploads = origins[0].slots, origins[0].uploads // the caps are the origin's
		}
		origins = append(origins, o)
		servers = append(servers, &server{name: o.base.Host, up: o, weight: s.Weight})
	}
	if len(servers) == 0 {
		return nil, errors.New("origin: Servers: must be at least one")
	}
	p := newPool(cfg, servers)
	p.origins = origins
	for _, o := range origins {
		o.maySend = p.spend
	}
	return p, nil
}

func newPool(cfg PoolConfig, servers []*server) *Pool {
	fill(&cfg.Pause, time.Second)
	fill(&cfg.MaxPause, 30*time.Second)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	for _, s := range servers {
		s.breaker = breaker{failures: cfg.Failures, pause: cfg.Pause, maxPause: max(cfg.Pause, cfg.MaxPause)}
	}
	p := &Pool{servers: servers, retries: cfg.Retries, hedge: cfg.HedgeAfter, outlier: cfg.Outlier.withDefaults(), log: cfg.Log, budget: saved, news: make(chan struct{})}
	p.life, p.end = context.WithCancel(context.Background())
	if cfg.Health.Path != "" {
		p.work.Go(func() { p.watchHealth(p.life, cfg.Health) })
	}
	p.catalogue = catalogue{up: p, host: servers[0].name}
	return p
}

// Fetch asks one of the servers, and another where that failed and the fetch may
// be sent twice. It never asks again once an answer has begun to be handed out.
// Errors are as those of Origin.Fetch, and ErrPaused where no server may be asked.
func (p *Pool) Fetch(ctx context.Context, f *edge.Fetch) (*edge.Answer, error) {
	var last *server
	for retry := 0; ; retry++ {
		var s *server
		var leave permit
		var err error
		if f.Waits && retry == 0 {
			s, leave, err = p.turn(ctx)
		} else {
			s, leave, err = p.pick(last)
		}
		if err != nil {
			return nil, fmt.Errorf("fetch %s: %w", f.Target, err)
		}
		r := p.ask(ctx, f, s, leave)
		s, a, v, err := r.server, r.answer, r.verdict, r.err
		if v != bad || retry >= p.retries || !repeatable(f) || !p.another() || !p.spend() || !backOff(ctx, retry) {
			return a, err
		}
		if a != nil {
			_ = a.Body.Close() // the next answer is shown instead
		}
		last = s
	}
}

// ask asks s, hedged where that is wanted.
func (p *Pool) ask(ctx context.Context, f *edge.Fetch, s *server, leave permit) tried {
	if p.hedge <= 0 || !repeatable(f) || !p.begin() {
		return p.try(ctx, f, s, leave)
	}
	defer p.work.Done()
	return p.race(ctx, f, s, leave)
}

// begin counts a race, unless the pool is closed.
func (p *Pool) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.work.Add(1)
	return true
}

// judge says what an answer tells of the server.
func judge(ctx context.Context, a *edge.Answer, err error) verdict {
	switch {
	case err == nil && a.Status >= 502 && a.Status <= 504:
		return bad
	case err == nil:
		return good
	case ctx.Err() != nil && !errors.Is(err, ErrHeaderTimeout), errors.Is(err, edge.ErrUpstreamBusy), errors.Is(err, ErrRequest), errors.Is(err, ErrContent), errors.Is(err, ErrClosed):
		return unknown
	}
	return bad
}

func (p *Pool) done(s *server, leave permit, v verdict) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v == bad {
		s.failures++
	}
	now := time.Now()
	if s.record.count(v, &p.outlier, now) && p.mayEject(s, now) {
		p.log.Warn("origin server is ejected: it fails too often", "server", s.name, "for", s.record.eject(&p.outlier, now))
	}
	changed := s.breaker.done(leave, v, now)
	if changed || leave.probe {
		close(p.news)
		p.news = make(chan struct{})
	}
	if !changed {
		return
	}
	if s.breaker.state == paused {
		p.log.Warn("origin server is paused", "server", s.name, "for", s.breaker.wait)
		return
	}
	p.log.Info("origin server is back", "server", s.name)
}

// earn is a fetch's share of the retries. The caller holds mu.
func (p *Pool) earn() { p.budget = min(p.budget+earned, saved) }

// spend takes one retry from the budget.
func (p *Pool) spend() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.budget < 1 {
		return false
	}
	p.budget--
	p.retried++
	return true
}

// Figures are a pool's counts.
type Figures struct {
	Servers []ServerFigures
	// Retries counts fetches that were asked again, or hedged.
	Retries uint64
	// Panic: so few servers are left that ejections do not count.
	Panic bool
}

// Figures returns the counts of this moment.
func (p *Pool) Figures() Figures {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	f := Figures{Retries: p.retried, Panic: p.panics(now)}
	for _, s := range p.servers {
		f.Servers = append(f.Servers, ServerFigures{
			Server: s.name, Paused: s.breaker.state == paused, Ejected: s.record.ejected(now), Requests: s.requests, Failures: s.failures,
		})
	}
	return f
}

// InFlight returns how many fetches are under way, their bodies included.
func (p *Pool) InFlight() int { return p.origins[0].InFlight() }

// Close ends the fetches under way, as Origin.Close does.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.end()
	var all error
	for _, o := range p.origins {
		all = errors.Join(all, o.Close())
	}
	p.work.Wait()
	return all
}
