package plot

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func chart() Chart {
	return Chart{Title: "A & B <c>", Series: []Series{
		{Name: "h1", Points: []Point{{0, 100 * time.Microsecond}, {50, 200 * time.Microsecond}, {90, time.Millisecond}, {99, 9 * time.Millisecond}, {100, 12 * time.Millisecond}}},
		{Name: "h2 \x00 ]]> \"quoted\"", Points: []Point{{0, 0}, {99.9, 3 * time.Millisecond}}},
	}}
}

// wellFormed reads a document to its end and returns its text.
func wellFormed(t require.TestingT, doc string) string {
	var text strings.Builder
	dec := xml.NewDecoder(strings.NewReader(doc))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		require.NoError(t, err)
		if data, ok := token.(xml.CharData); ok {
			text.Write(data)
		}
	}
}

func TestSVG(t *testing.T) {
	var b strings.Builder
	require.NoError(t, SVG(&b, chart()))
	text := wellFormed(t, b.String())
	for _, want := range []string{"A & B <c>", "Latency", "percentile", "50%", "90%", "99%", "99.9%", "0 ms", "15 ms", "h1", `"quoted"`} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "99.99%", "no series reaches so far")
	var again strings.Builder
	require.NoError(t, SVG(&again, chart()))
	require.Equal(t, b.String(), again.String())
	// 90 % lies at a third of three nines, 99 % at two thirds.
	require.Contains(t, b.String(), "L312.7 ")
	require.Contains(t, b.String(), "L541.3 ")
}

func TestHTML(t *testing.T) {
	var b strings.Builder
	require.NoError(t, HTML(&b, chart()))
	text := wellFormed(t, strings.TrimPrefix(b.String(), "<!DOCTYPE html>\n"))
	for _, want := range []string{"p99.9", "max", "200 µs", "9.00 ms", "12.0 ms", "–"} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, b.String(), "<script")
}

func TestAnyChartIsWellFormed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Chart{Title: rapid.String().Draw(t, "title")}
		for range rapid.IntRange(1, MaxSeries).Draw(t, "series") {
			s := Series{Name: rapid.String().Draw(t, "name")}
			percent, latency := 0.0, time.Duration(0)
			for range rapid.IntRange(1, 20).Draw(t, "points") {
				s.Points = append(s.Points, Point{percent, latency})
				percent = min(100, percent+rapid.Float64Range(0, 30).Draw(t, "percent"))
				latency += time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "latency"))
			}
			c.Series = append(c.Series, s)
		}
		var svg, page strings.Builder
		require.NoError(t, SVG(&svg, c))
		require.NoError(t, HTML(&page, c))
		wellFormed(t, svg.String())
		wellFormed(t, strings.TrimPrefix(page.String(), "<!DOCTYPE html>\n"))
		require.NotContains(t, svg.String(), "NaN")
		require.NotContains(t, svg.String(), "Inf")
	})
}

func TestValidate(t *testing.T) {
	for name, series := range map[string][]Series{
		"no series":          nil,
		"has 0 points":       {{Name: "x"}},
		"at most 8":          make([]Series, 9),
		"point NaN% 0s":      {{Points: []Point{{math.NaN(), 0}}}},
		"101% 0s":            {{Points: []Point{{101, 0}}}},
		"1% 0s":              {{Points: []Point{{2, 0}, {1, 0}}}},
		"does not follow 1%": {{Points: []Point{{1, 5}, {2, 4}}}},
	} {
		require.ErrorContains(t, SVG(io.Discard, Chart{Series: series}), name)
		require.ErrorContains(t, HTML(io.Discard, Chart{Series: series}), name)
	}
}

func TestLatencyTicks(t *testing.T) {
	for _, c := range []struct {
		longest time.Duration
		labels  string
	}{
		{time.Microsecond, "0 µs,0.2 µs,0.4 µs,0.6 µs,0.8 µs,1 µs"},
		{7300 * time.Microsecond, "0 ms,2 ms,4 ms,6 ms,8 ms"},
		{12 * time.Second, "0 s,5 s,10 s,15 s"},
	} {
		ticks, top := latencyTicks(c.longest)
		var labels []string
		for _, tick := range ticks {
			labels = append(labels, tick.label)
		}
		require.Equal(t, c.labels, strings.Join(labels, ","))
		require.GreaterOrEqual(t, top, c.longest)
	}
}
