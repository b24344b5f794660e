package compare

import (
	"fmt"
	"io"
	"strings"
)

// Report is all that one call of edgebench compare measured.
type Report struct {
	Command string           `json:"command"`
	Machine string           `json:"machine"`
	Absent  []string         `json:"absent"` // peers that are not on this machine
	Hits    []*HitsReport    `json:"hits,omitempty"`
	Memory  *FootprintReport `json:"footprint,omitempty"`
	Ratio   *RatioReport     `json:"hit_ratio,omitempty"`
}

// WriteText writes the report as Markdown, which reads well in a terminal too.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "`%s` on %s.", r.Command, r.Machine)
	if len(r.Absent) > 0 {
		fmt.Fprintf(&b, " Not on this machine: %s.", strings.Join(r.Absent, ", "))
	}
	b.WriteString("\n")
	for _, h := range r.Hits {
		h.table(&b)
	}
	if r.Memory != nil {
		r.Memory.table(&b)
	}
	if r.Ratio != nil {
		r.Ratio.table(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (h *HitsReport) table(b *strings.Builder) {
	fmt.Fprintf(b, "\n**Hits over %s**; medians of %d adjacent pairs of %.3g s, ratio %s / peer with its 95 %% interval.\n\n", h.Scenario, h.Rounds, h.WindowS, h.Node)
	if h.Interrupted {
		b.WriteString("Interrupted: the rounds until then.\n\n")
	}
	fmt.Fprintf(b, "| peer | CPU-µs a hit: %s | peer | ratio | p99 µs: %s | peer | p99.9 µs: %s | peer | p99.9 ratio | a second: %s | peer |\n", h.Node, h.Node, h.Node, h.Node)
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, a := range h.Against {
		fmt.Fprintf(b, "| %s | %.1f | %.1f | %s | %.0f | %.0f | %.0f | %.0f | %s | %.0f | %.0f |\n",
			a.Peer, a.Node.CPUUS, a.Other.CPUUS, a.CPU, a.Node.P99US, a.Other.P99US, a.Node.P999US, a.Other.P999US, a.P999, a.Node.PerSecond, a.Other.PerSecond)
	}
}

// String writes a ratio with its interval.
func (r Ratio) String() string { return fmt.Sprintf("%.2f (%.2f to %.2f)", r.Median, r.Low, r.High) }

func (f *FootprintReport) table(b *strings.Builder) {
	fmt.Fprintf(b, "\n**Memory of an object**: %d objects with bodies of %d B; growth of the processes' PSS, body included. HAProxy touches all of its cache when it starts.\n\n", f.Objects, f.BodyBytes)
	b.WriteString("| | bytes an object | over the body | on disk | MiB before | stored, of all |\n|---|---|---|---|---|---|\n")
	for _, m := range f.Peers {
		fmt.Fprintf(b, "| %s | %.0f | %.0f | %.0f | %.0f | %.1f %% |\n", m.Peer, m.PerObject, m.PerObject-float64(f.BodyBytes), m.OnDisk, m.Before, 100*m.Kept)
	}
}

func (r *RatioReport) table(b *strings.Builder) {
	fmt.Fprintf(b, "\n**Hit ratio**: zipf %.2f over %d objects of %d B, each peer configured with %d bytes to keep answers in; %d requests after as many to warm up. "+
		"Scan: every fourth request walks through all objects.\n\n", zipfExponent, r.Objects, r.BodyBytes, r.Capacity, r.Requests)
	b.WriteString("| | zipf | scan | memory of its processes, MiB |\n|---|---|---|---|\n")
	for _, s := range r.Peers {
		fmt.Fprintf(b, "| %s | %.3f | %.3f | %.0f |\n", s.Peer, s.Zipf, s.Scan, s.Memory)
	}
}
