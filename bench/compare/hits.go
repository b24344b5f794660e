package compare

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/letteros/letteredge/bench/load"
	"github.com/letteros/letteredge/bench/load/pairs"
)

// Window is what one loaded window gave.
type Window struct {
	PerSecond float64 `json:"per_second"`
	CPUUS     float64 `json:"cpu_per_request_us"` // of all the server's processes
	P50US     float64 `json:"p50_us"`
	P99US     float64 `json:"p99_us"`
	P999US    float64 `json:"p999_us"`
	latency   load.Latency
}

// Pair is two adjacent windows.
type Pair struct {
	Round int    `json:"round"`
	Peer  string `json:"peer"`
	Node  Window `json:"node"`
	Other Window `json:"other"`
}

// String writes a pair in one line.
func (p Pair) String() string {
	return fmt.Sprintf("round %2d  node %6.1f µs/request (%.0f/s)  %s %6.1f µs/request (%.0f/s)  ratio %.3f",
		p.Round, p.Node.CPUUS, p.Node.PerSecond, p.Peer, p.Other.CPUUS, p.Other.PerSecond, p.Node.CPUUS/p.Other.CPUUS)
}

// Ratio is the median over pairs of node / peer, with its 95 % bootstrap interval.
type Ratio struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// Against is the node held against one peer: medians over the rounds.
type Against struct {
	Peer    string  `json:"peer"`
	Version string  `json:"version"`
	Node    Window  `json:"node"`
	Other   Window  `json:"other"`
	Rate    float64 `json:"rate,omitempty"` // open loop: arrivals per second of both
	CPU     Ratio   `json:"cpu_ratio"`
	P99     Ratio   `json:"p99_ratio"`
	P999    Ratio   `json:"p999_ratio"`
	Pairs   []Pair  `json:"pairs"`

	nodeLast, otherLast load.Latency
}

// HitsReport is the outcome of Hits.
type HitsReport struct {
	Scenario    Scenario  `json:"scenario"`
	Node        string    `json:"node"`
	Rounds      int       `json:"rounds"`
	WindowS     float64   `json:"window_s"`
	Against     []Against `json:"against"`
	Interrupted bool      `json:"interrupted"`
}

// Hits loads node and peers in turn with requests for one stored answer.
// If the context ends after the first round, what was measured is returned.
func Hits(ctx context.Context, cfg HitsConfig) (report *HitsReport, err error) {
	cfg, err = cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	origin, err := NewOrigin(cfg.Scenario.BodyBytes)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, origin.Close()) }()
	var running []*Process
	defer func() {
		for _, p := range running {
			err = errors.Join(err, p.Stop())
		}
	}()
	for _, peer := range cfg.Peers {
		p, err := Start(ctx, peer, origin.Addr, 256*mib)
		if err != nil {
			return nil, err
		}
		running = append(running, p)
	}
	r := &rivalry{cfg: cfg, origin: origin, report: &HitsReport{Scenario: cfg.Scenario, Node: running[0].Name, WindowS: cfg.Window.Seconds()}}
	for _, p := range running {
		l := r.load(p)
		if _, err := load.Fetch(ctx, l); err != nil { // the one miss
			return nil, fmt.Errorf("fill %s: %w", p.Name, err)
		}
		r.loads = append(r.loads, l)
	}
	r.running = running
	return r.run(ctx)
}

// rivalry is a comparison under way.
type rivalry struct {
	cfg     HitsConfig
	origin  *Origin
	running []*Process // node first
	loads   []load.Config
	rates   []float64 // open loop, by peer
	report  *HitsReport
}

// load is what a window asks of a server: one path, which is a hit after the first.
func (r *rivalry) load(p *Process) load.Config {
	s := r.cfg.Scenario
	l := load.Config{
		URLs: []string{p.URL + "/hit"}, Proto: s.Proto, Connections: s.Connections, Streams: s.Streams, Fresh: s.Fresh, Seed: r.cfg.Seed,
		Warmup: r.cfg.Warmup, Duration: r.cfg.Window, CA: p.CA, Expect: load.Statuses{{From: 200, To: 200}},
		Header: []load.Field{{Name: "Host", Value: host}},
	}
	if s.Proto != load.H1 || s.Fresh {
		l.URLs[0] = p.TLSURL + "/hit"
	}
	return l
}

func (r *rivalry) run(ctx context.Context) (*HitsReport, error) {
	for _, p := range r.running[1:] {
		r.report.Against = append(r.report.Against, Against{Peer: p.Name, Version: p.Version})
	}
	if r.cfg.Scenario.Open {
		if err := r.capacities(ctx); err != nil {
			return nil, err
		}
	}
	for round := 1; round <= r.cfg.Rounds; round++ {
		for i := range r.report.Against {
			if err := r.pair(ctx, round, i); err != nil {
				if ctx.Err() == nil || r.report.Rounds == 0 {
					return nil, err
				}
				r.report.Interrupted = true
				r.sum()
				return r.report, nil
			}
		}
		r.report.Rounds = round
	}
	r.sum()
	return r.report, nil
}

const shareOfCapacity = 0.6

// capacities sets the rate of each pair by what the slower of the two answers
// in the closed loop.
func (r *rivalry) capacities(ctx context.Context) error {
	r.rates = make([]float64, len(r.report.Against))
	for i := range r.report.Against {
		node, err := r.hits(ctx, 0, r.loads[0])
		if err != nil {
			return err
		}
		other, err := r.hits(ctx, i+1, r.loads[i+1])
		if err != nil {
			return err
		}
		r.rates[i] = shareOfCapacity * min(node.PerSecond, other.PerSecond)
		r.report.Against[i].Rate = r.rates[i]
	}
	return nil
}

// pair measures two adjacent windows; who is first changes from round to round,
// for the second finds the machine as the first left it.
func (r *rivalry) pair(ctx context.Context, round, i int) error {
	a := &r.report.Against[i]
	node, other := r.loads[0], r.loads[i+1]
	if r.rates != nil {
		node.Rate, other.Rate = r.rates[i], r.rates[i]
	}
	p := Pair{Round: round, Peer: a.Peer}
	sides := []func() error{
		func() (err error) { p.Node, err = r.hits(ctx, 0, node); return err },
		func() (err error) { p.Other, err = r.hits(ctx, i+1, other); return err },
	}
	for k := range sides {
		if err := sides[(k+round)%2](); err != nil {
			return err
		}
	}
	a.Pairs = append(a.Pairs, p)
	a.nodeLast, a.otherLast = p.Node.latency, p.Other.latency
	if r.cfg.OnPair != nil {
		r.cfg.OnPair(p)
	}
	return nil
}

// hits is a window in which the origin is left alone: who asks it is no cache.
func (r *rivalry) hits(ctx context.Context, who int, l load.Config) (w Window, err error) {
	p, asked := r.running[who], r.origin.Asked()
	for range windowTries {
		if l.PIDs, err = p.PIDs(); err != nil {
			return w, err
		}
		w, err = window(ctx, p.Name, l)
		if after, perr := p.PIDs(); perr == nil && slices.Equal(after, l.PIDs) {
			break
		}
		// Some end helpers of theirs at a time of their own (nginx its cache loader):
		// what those used is lost with them, and so is the window.
	}
	if err != nil {
		return w, err
	}
	if n := r.origin.Asked() - asked; n > mayAsk {
		return w, fmt.Errorf("load %s: its origin was asked %d times for what it should keep", p.Name, n)
	}
	return w, nil
}

// windowTries is how often a window is tried whose processes change in it.
const windowTries = 3

// mayAsk: a probe, a refresh.
const mayAsk = 5

func window(ctx context.Context, who string, l load.Config) (Window, error) {
	res, err := load.Run(ctx, l)
	if err != nil {
		return Window{}, fmt.Errorf("load %s: %w", who, err)
	}
	if res.Interrupted {
		return Window{}, fmt.Errorf("load %s: %w", who, context.Cause(ctx))
	}
	if res.Errors() > 0 {
		return Window{}, fmt.Errorf("load %s: %d of %d requests failed or had another status: %v %v", who, res.Errors(), res.Requests, res.Statuses, res.Failures)
	}
	cpu, err := res.CPUPerRequest()
	if err != nil {
		return Window{}, fmt.Errorf("load %s: %w", who, err)
	}
	if cpu == 0 {
		return Window{}, fmt.Errorf("load %s: %w", who, errTooShort)
	}
	return Window{
		PerSecond: res.PerSecond, CPUUS: float64(cpu.Nanoseconds()) / 1e3,
		P50US: res.Latency.P50US, P99US: res.Latency.P99US, P999US: res.Latency.P999US, latency: res.Latency,
	}, nil
}

// errTooShort: /proc counts processor time in ticks of 10 ms.
var errTooShort = errors.New("it used less processor time than /proc can tell: make the window longer")

func (r *rivalry) sum() {
	for i := range r.report.Against {
		a := &r.report.Against[i]
		a.Node = medianWindow(a.Pairs, func(p Pair) Window { return p.Node })
		a.Other = medianWindow(a.Pairs, func(p Pair) Window { return p.Other })
		ratio := func(of func(Window) float64) Ratio {
			var sample []float64
			for _, p := range a.Pairs {
				sample = append(sample, of(p.Node)/of(p.Other))
			}
			low, high := pairs.Interval(sample, r.cfg.Seed)
			return Ratio{pairs.Median(sample), low, high}
		}
		a.CPU = ratio(func(w Window) float64 { return w.CPUUS })
		a.P99 = ratio(func(w Window) float64 { return w.P99US })
		a.P999 = ratio(func(w Window) float64 { return w.P999US })
	}
}

func medianWindow(all []Pair, side func(Pair) Window) Window {
	median := func(of func(Window) float64) float64 {
		var sample []float64
		for _, p := range all {
			sample = append(sample, of(side(p)))
		}
		return pairs.Median(sample)
	}
	return Window{
		PerSecond: median(func(w Window) float64 { return w.PerSecond }),
		CPUUS:     median(func(w Window) float64 { return w.CPUUS }),
		P50US:     median(func(w Window) float64 { return w.P50US }),
		P99US:     median(func(w Window) float64 { return w.P99US }),
		P999US:    median(func(w Window) float64 { return w.P999US }),
	}
}
