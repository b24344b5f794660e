package plot

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

const pageStyle = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #222; background: #fff }
svg { width: 100%; height: auto }
table { border-collapse: collapse; margin-top: 1rem }
th, td { padding: .25rem .9rem; text-align: right; border-bottom: 1px solid #ddd; font-variant-numeric: tabular-nums }
th:first-child { text-align: left }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #161616 }
  th, td { border-color: #444 }
  svg { filter: invert(.9) hue-rotate(180deg) }
}
`

// columns of the table under the drawing.
var columns = []float64{50, 90, 99, 99.9, 99.99, 100}

// HTML writes the chart as a page with a table of its numbers.
func HTML(w io.Writer, c Chart) error {
	if err := c.Validate(); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\"><head><meta charset=\"utf-8\"/><title>%s</title>"+
		"<meta name=\"viewport\" content=\"width=device-width\"/><style>%s</style></head>\n<body>\n", escape(c.Title), pageStyle)
	b.WriteString(c.drawing())
	b.WriteString("<table><thead><tr><th>Series</th>")
	for _, percent := range columns {
		fmt.Fprintf(&b, "<th>%s</th>", column(percent))
	}
	b.WriteString("</tr></thead><tbody>\n")
	for _, s := range c.Series {
		fmt.Fprintf(&b, "<tr><th>%s</th>", escape(s.Name))
		for _, percent := range columns {
			fmt.Fprintf(&b, "<td>%s</td>", s.cell(percent))
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody></table>\n</body></html>\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write plot: %w", err)
	}
	return nil
}

func column(percent float64) string {
	if percent == 100 {
		return "max"
	}
	return fmt.Sprintf("p%g", percent)
}

// cell is the latency at a percentile: of the first point that is not below it.
// Beyond what the series tells apart it is a dash.
func (s Series) cell(percent float64) string {
	last := 0.0
	for _, p := range s.Points {
		if p.Percent >= percent-1e-9 {
			if p.Percent == 100 && percent < 100 && percent > last+1e-9 {
				return "–"
			}
			return significant(p.Latency)
		}
		last = p.Percent
	}
	return "–"
}

// significant writes three digits and a unit.
func significant(d time.Duration) string {
	if d <= 0 {
		return "0"
	}
	unit, name := unitOf(d)
	value := float64(d) / float64(unit)
	places := max(0, 2-int(math.Floor(math.Log10(value))))
	return fmt.Sprintf("%.*f %s", places, value, name)
}
