package plot

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Point is one point of a distribution: Percent of the observations, from 0 to
// 100, took at most Latency.
type Point struct {
	Percent float64
	Latency time.Duration
}

// Series is one distribution, its points in rising order of Percent.
type Series struct {
	Name   string
	Points []Point
}

// MaxSeries is how many series one drawing tells apart: one for each colour.
const MaxSeries = 8

const maxPoints = 10_000 // of one series

// Chart is what is drawn.
type Chart struct {
	Title  string
	Series []Series
}

// Validate returns an error that names the series that cannot be drawn.
func (c Chart) Validate() error {
	if len(c.Series) == 0 {
		return errors.New("plot: no series")
	}
	if len(c.Series) > MaxSeries {
		return fmt.Errorf("plot: %d series, at most %d can be told apart", len(c.Series), MaxSeries)
	}
	for _, s := range c.Series {
		if len(s.Points) == 0 || len(s.Points) > maxPoints {
			return fmt.Errorf("plot: series %.80q has %d points, must have 1 to %d", s.Name, len(s.Points), maxPoints)
		}
		last := Point{Percent: -1}
		for _, p := range s.Points {
			if math.IsNaN(p.Percent) || p.Percent < max(last.Percent, 0) || p.Percent > 100 || p.Latency < last.Latency {
				return fmt.Errorf("plot: series %.80q: point %v%% %v does not follow %v%% %v", s.Name, p.Percent, p.Latency, last.Percent, last.Latency)
			}
			last = p
		}
	}
	return nil
}

// extent returns the nines to show (2 is 99 %) and the longest latency.
func (c Chart) extent() (nines float64, longest time.Duration) {
	nines = 1
	for _, s := range c.Series {
		for _, p := range s.Points {
			longest = max(longest, p.Latency)
			if p.Percent < 100 {
				nines = max(nines, ninesOf(p.Percent))
			}
		}
	}
	return min(math.Ceil(nines-1e-9), 9), max(longest, time.Microsecond)
}
