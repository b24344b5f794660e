package load

import (
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"time"
)

// WriteText writes the result for a person, a line for each matter.
func (r *Result) WriteText(w io.Writer) error {
	var b strings.Builder
	loop := "closed loop"
	if r.Mode == "open" {
		loop = fmt.Sprintf("open loop, %s/s %s", count(r.Rate), r.Spacing)
	}
	fmt.Fprintf(&b, "%s %s, %d connections × %d streams, %d URLs %s, %.2f s after %g s of warm-up\n",
		r.Proto, loop, r.Connections, r.Streams, r.URLs, r.Choice, r.WindowS, r.WarmupS)
	if r.Interrupted {
		b.WriteString("interrupted: what there was until then\n")
	}
	fmt.Fprintf(&b, "requests   %d answered, %d failed, %d with an unexpected status; %s/s; %s\n",
		r.Answered, r.Failed, r.Unexpected, count(r.PerSecond), byteCount(r.Bytes))
	fmt.Fprintf(&b, "statuses   %s\n", statusLine(r.Statuses))
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "%-10s %d", f.Failure, f.Count)
		if f.Example != "" {
			fmt.Fprintf(&b, ": %s", f.Example)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "latency    %s\n", r.Latency.line())
	if r.SendLag != nil {
		fmt.Fprintf(&b, "send lag   %s\n", r.SendLag.line())
	}
	for _, c := range r.CPU {
		if c.Error != "" {
			fmt.Fprintf(&b, "server cpu pid %d: %s\n", c.PID, c.Error)
			continue
		}
		fmt.Fprintf(&b, "server cpu pid %d: %.1f µs/request (user %.2f s, system %.2f s over %d answers)\n",
			c.PID, c.PerRequestUS, c.UserUS/1e6, c.SystemUS/1e6, r.InWindow)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (l Latency) line() string {
	if l.Count == 0 {
		return "none"
	}
	return fmt.Sprintf("p50 %s  p90 %s  p99 %s  p99.9 %s  max %s",
		FormatMicros(l.P50US), FormatMicros(l.P90US), FormatMicros(l.P99US), FormatMicros(l.P999US), FormatMicros(l.MaxUS))
}

// FormatMicros writes microseconds with three digits and a fitting unit.
func FormatMicros(us float64) string {
	d := time.Duration(us * float64(time.Microsecond))
	switch {
	case d < 10*time.Microsecond:
		d = d.Round(10 * time.Nanosecond)
	case d < time.Millisecond:
		d = d.Round(time.Microsecond)
	case d < 10*time.Millisecond:
		d = d.Round(10 * time.Microsecond)
	case d < time.Second:
		d = d.Round(100 * time.Microsecond)
	default:
		d = d.Round(10 * time.Millisecond)
	}
	return d.String()
}

// String writes a snapshot in one line.
func (s Snapshot) String() string {
	phase := ""
	if s.Warmup {
		phase = " warm-up"
	}
	return fmt.Sprintf("%5.1fs of %gs%s  %s/s  p50 %s  p99 %s  max %s  requests %d  errors %d",
		s.Elapsed.Seconds(), s.Total.Seconds(), phase, count(s.Rate),
		FormatMicros(micros(s.P50)), FormatMicros(micros(s.P99)), FormatMicros(micros(s.Max)), s.Requests, s.Errors)
}

func statusLine(statuses map[string]int64) string {
	if len(statuses) == 0 {
		return "none"
	}
	var parts []string
	for status, n := range statuses {
		parts = append(parts, fmt.Sprintf("%s: %d", status, n))
	}
	sort.Strings(parts)
	return strings.Join(parts, "  ")
}

// count writes a rate: whole from 100 on, with two places below.
func count(x float64) string {
	if x >= 100 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

func byteCount(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
