package compare

import (
	"fmt"
	"time"

	"github.com/letteros/letteredge/bench/load"
	"github.com/letteros/letteredge/bench/load/plot"
)

// Chart draws the latencies of a report's last round by percentile, node first.
func (h *HitsReport) Chart() plot.Chart {
	c := plot.Chart{Title: "Latency by percentile: hits over " + h.Scenario.String()}
	for i, a := range h.Against {
		if i == 0 {
			c.Series = append(c.Series, seriesOf(h.Node, a.Rate, a.nodeLast))
		}
		if len(c.Series) < plot.MaxSeries {
			c.Series = append(c.Series, seriesOf(a.Peer, a.Rate, a.otherLast))
		}
	}
	return c
}

func seriesOf(name string, rate float64, l load.Latency) plot.Series {
	if rate > 0 {
		name = fmt.Sprintf("%s, %.0f/s", name, rate)
	}
	s := plot.Series{Name: name}
	for _, p := range l.Percentiles {
		s.Points = append(s.Points, plot.Point{Percent: p.Percent, Latency: time.Duration(p.US * float64(time.Microsecond))})
	}
	return s
}
