package plot

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"
)

// The sheet, in user units. The right margin holds the names of the series.
const (
	width, height = 960, 480
	left, right   = 84, 190
	above, below  = 52, 64
)

// colours are Okabe and Ito's, which the colour-blind can tell apart; dashes
// tell the series apart in print.
var (
	colours = [MaxSeries]string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000"}
	dashes  = [MaxSeries]string{"", "8 3", "2 3", "10 3 2 3", "5 5", "14 4", "1 4", "4 2"}
)

const style = `
.plot { font: 13px system-ui, sans-serif; fill: #333 }
.plot .title { font-size: 16px; font-weight: 600 }
.plot .grid { stroke: #ddd; stroke-width: 1 }
.plot .axis { stroke: #666; stroke-width: 1 }
.plot .line { fill: none; stroke-width: 2; stroke-linejoin: round }
`

// SVG writes the chart as a drawing that stands alone.
func SVG(w io.Writer, c Chart) error {
	if err := c.Validate(); err != nil {
		return err
	}
	drawing := "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + c.drawing()
	if _, err := io.WriteString(w, drawing); err != nil {
		return fmt.Errorf("write plot: %w", err)
	}
	return nil
}

// sheet maps the chart onto the page.
type sheet struct {
	b     strings.Builder
	nines float64
	top   float64 // ns
}

func (c Chart) drawing() string {
	nines, longest := c.extent()
	ticks, top := latencyTicks(longest)
	s := &sheet{nines: nines, top: float64(top)}
	fmt.Fprintf(&s.b, `<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" viewBox="0 0 %d %d" width="%d" height="%d">`+"\n", width, height, width, height)
	fmt.Fprintf(&s.b, "<title>%s</title>\n<style>%s</style>\n", escape(c.Title), style)
	fmt.Fprintf(&s.b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	fmt.Fprintf(&s.b, `<text class="title" x="%d" y="28">%s</text>`+"\n", left, escape(c.Title))
	s.grid(percentTicks(nines), ticks)
	for i, series := range c.Series {
		s.series(i, series)
	}
	s.b.WriteString("</svg>\n")
	return s.b.String()
}

// x places a number of nines; those beyond the axis lie at its end.
func (s *sheet) x(nines float64) float64 {
	return left + min(nines, s.nines)/s.nines*(width-left-right)
}

func ninesOf(percent float64) float64 { return -math.Log10(1 - percent/100) }

// maxStep is where the longest of all is drawn: 100 % has no place on the axis,
// so it stands just after the last percentile that the series tells apart.
const maxStep = 0.05

func (s *sheet) y(ns float64) float64 {
	return height - below - ns/s.top*(height-above-below)
}

func (s *sheet) grid(percents, latencies []tick) {
	const bottom, edge = height - below, width - right
	for _, t := range percents {
		x := left + t.at*(edge-left)
		fmt.Fprintf(&s.b, `<line class="grid" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n",
			x, above, x, bottom, x, bottom+20, t.label)
	}
	for _, t := range latencies {
		y := bottom - t.at*(bottom-above)
		fmt.Fprintf(&s.b, `<line class="grid" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			left, y, edge, y, left-8, y+4, t.label)
	}
	fmt.Fprintf(&s.b, `<path class="axis" fill="none" d="M%d %d V%d H%d"/>`+"\n", left, above, bottom, edge)
	fmt.Fprintf(&s.b, `<text x="%d" y="%d" text-anchor="middle">Requests that took at most so long (percentile)</text>`+"\n", (left+edge)/2, height-16)
	fmt.Fprintf(&s.b, `<text transform="translate(20 %d) rotate(-90)" text-anchor="middle">Latency</text>`+"\n", (above+bottom)/2)
}

func (s *sheet) series(i int, series Series) {
	fmt.Fprintf(&s.b, `<g stroke="%s"><title>%s</title><path class="line" stroke-dasharray="%s" d="`, colours[i], escape(series.Name), dashOr(dashes[i]))
	command, last := 'M', 0.0
	for _, p := range series.Points {
		nines := last + maxStep
		if p.Percent < 100 {
			nines = ninesOf(p.Percent)
			last = nines
		}
		fmt.Fprintf(&s.b, "%c%.1f %.1f", command, s.x(nines), s.y(float64(p.Latency)))
		command = 'L'
	}
	y := above + 8 + 20*i
	fmt.Fprintf(&s.b, `"/><path class="line" stroke-dasharray="%s" d="M%d %dh26"/></g><text x="%d" y="%d">%s</text>`+"\n",
		dashOr(dashes[i]), width-right+16, y, width-right+48, y+4, escape(clip(series.Name, 20)))
}

func dashOr(dash string) string {
	if dash == "" {
		return "none"
	}
	return dash
}

// clip shortens a name to the room beside the drawing; its whole is the title.
func clip(name string, n int) string {
	runes := []rune(name)
	if len(runes) <= n {
		return name
	}
	return string(runes[:n-1]) + "…"
}

// escape makes any text fit for XML: characters that it cannot hold become U+FFFD.
func escape(text string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(text)); err != nil {
		return "" // a strings.Builder does not fail
	}
	return b.String()
}
