package floor

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/letteros/letteredge/bench/load"
	"github.com/letteros/letteredge/bench/load/bare"
	"github.com/letteros/letteredge/bench/load/pairs"
)

// Half is one side of a round.
type Half struct {
	Requests        int64   `json:"requests"`
	PerSecond       float64 `json:"per_second"`
	CPUPerRequestUS float64 `json:"cpu_per_request_us"`
	P50US           float64 `json:"p50_us"`
	P99US           float64 `json:"p99_us"`
}

// Round is one measurement of both sides.
type Round struct {
	N     int     `json:"n"`
	Node  Half    `json:"node"`
	Bare  Half    `json:"bare"`
	Ratio float64 `json:"ratio"` // of processor time per request, node / bare
}

// String writes a round in one line.
func (r Round) String() string {
	return fmt.Sprintf("round %2d  node %6.1f µs/request (%.0f/s)  bare %6.1f µs/request (%.0f/s)  ratio %.3f",
		r.N, r.Node.CPUPerRequestUS, r.Node.PerSecond, r.Bare.CPUPerRequestUS, r.Bare.PerSecond, r.Ratio)
}

// Report is the outcome of a comparison; its JSON is edgebench's.
type Report struct {
	Proto       string       `json:"proto"`
	URL         string       `json:"url"`
	Status      int          `json:"status"`
	Fields      []load.Field `json:"fields"` // that both send, beside the library's own
	BodyBytes   int          `json:"body_bytes"`
	Connections int          `json:"connections"` // 0: the protocol's default
	Streams     int          `json:"streams"`
	Rate        float64      `json:"rate"` // 0: closed loop
	Rounds      []Round      `json:"rounds"`
	Interrupted bool         `json:"interrupted"`

	NodeUS float64 `json:"node_cpu_per_request_us"` // median
	BareUS float64 `json:"bare_cpu_per_request_us"` // median
	Ratio  float64 `json:"ratio"`                   // median of the rounds' ratios
	Low    float64 `json:"ratio_low"`               // 95 % confidence interval of Ratio
	High   float64 `json:"ratio_high"`
}

func newReport(cfg Config, spec bare.Spec) *Report {
	return &Report{
		Proto: cfg.Load.Proto.String(), URL: cfg.Load.URLs[0], Status: spec.Status, Fields: spec.Fields, BodyBytes: len(spec.Body),
		Connections: cfg.Load.Connections, Streams: cfg.Load.Streams, Rate: cfg.Load.Rate, Rounds: []Round{},
	}
}

// orError returns the rounds so far where the user ended the comparison.
func (r *Report) orError(ctx context.Context, err error) (*Report, error) {
	if ctx.Err() == nil || len(r.Rounds) == 0 {
		return nil, err
	}
	r.Interrupted = true
	r.sum(0)
	return r, nil
}

func (r *Report) sum(seed uint64) {
	var node, other, ratio []float64
	for _, round := range r.Rounds {
		node = append(node, round.Node.CPUPerRequestUS)
		other = append(other, round.Bare.CPUPerRequestUS)
		ratio = append(ratio, round.Ratio)
	}
	r.NodeUS, r.BareUS, r.Ratio = pairs.Median(node), pairs.Median(other), pairs.Median(ratio)
	r.Low, r.High = pairs.Interval(ratio, seed)
}

// WriteText writes the report for a person.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: status %d, %d field lines, %d bytes\n", r.Proto, r.URL, r.Status, len(r.Fields), r.BodyBytes)
	if r.Interrupted {
		b.WriteString("interrupted: the rounds until then\n")
	}
	fmt.Fprintf(&b, "server cpu per request, medians of %d rounds\n", len(r.Rounds))
	fmt.Fprintf(&b, "  node   %7.1f µs\n  bare   %7.1f µs\n", r.NodeUS, r.BareUS)
	fmt.Fprintf(&b, "  ratio  %7.3f    (95 %% interval %.3f to %.3f)\n", r.Ratio, r.Low, r.High)
	_, err := io.WriteString(w, b.String())
	return err
}
