package load

import (
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latency sums a distribution of times up.
type Latency struct {
	Count       int64        `json:"count"`
	MeanUS      float64      `json:"mean_us"`
	MinUS       float64      `json:"min_us"`
	P50US       float64      `json:"p50_us"`
	P90US       float64      `json:"p90_us"`
	P99US       float64      `json:"p99_us"`
	P999US      float64      `json:"p99_9_us"`
	MaxUS       float64      `json:"max_us"`
	Percentiles []Percentile `json:"percentiles"`
	// Histogram is the whole distribution in nanoseconds, as HdrHistogram's
	// compressed V2 encoding in base64: other tools read and merge it.
	Histogram string `json:"histogram,omitempty"`
}

// Percentile is one point of a distribution.
type Percentile struct {
	Percent float64 `json:"percent"`
	US      float64 `json:"us"`
}

func summarize(h *hdrhistogram.Histogram) Latency {
	at := func(percent float64) float64 { return micros(time.Duration(h.ValueAtPercentile(percent))) }
	l := Latency{Count: h.TotalCount(), Percentiles: []Percentile{}}
	if l.Count == 0 {
		return l
	}
	l.MeanUS, l.MinUS, l.MaxUS = h.Mean()/1e3, micros(time.Duration(h.Min())), micros(time.Duration(h.Max()))
	l.P50US, l.P90US, l.P99US, l.P999US = at(50), at(90), at(99), at(99.9)
	for _, percent := range steps(l.Count) {
		l.Percentiles = append(l.Percentiles, Percentile{percent, at(percent)})
	}
	l.Percentiles = append(l.Percentiles, Percentile{100, l.MaxUS})
	if text, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase); err == nil {
		l.Histogram = string(text)
	}
	return l
}

const stepsPerNines = 20

// steps are percentages evenly spread on an axis of 1/(1-p), 20 for each
// further nine, as far as n observations tell them apart, and the median.
func steps(n int64) []float64 {
	var all []float64
	for i := 0; ; i++ {
		rest := math.Pow(10, -float64(i)/stepsPerNines)
		if i > 0 && rest*float64(n) < 1 {
			return all
		}
		if i > 0 && rest < 0.5 && all[i-1] < 50 {
			all = append(all, 50)
		}
		all = append(all, 100*(1-rest))
	}
}
