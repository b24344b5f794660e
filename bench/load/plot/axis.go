package plot

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// tick is one mark of an axis, at 0 to 1 of its length.
type tick struct {
	at    float64
	label string
}

// percentTicks marks 0 %, 50 %, 90 %, 99 % and so on.
func percentTicks(nines float64) []tick {
	ticks := []tick{{0, "0%"}, {math.Log10(2) / nines, "50%"}}
	for n := 1.0; n <= nines; n++ {
		label := "90%"
		if n >= 2 {
			label = "99%"
		}
		if n > 2 {
			label = "99." + strings.Repeat("9", int(n)-2) + "%"
		}
		ticks = append(ticks, tick{n / nines, label})
	}
	return ticks
}

// latencyTicks marks round steps up from 0 and returns the top of the axis.
func latencyTicks(longest time.Duration) (ticks []tick, top time.Duration) {
	step := roundStep(float64(longest) / 5)
	n := int(math.Ceil(float64(longest) / step))
	top = time.Duration(float64(n) * step)
	unit, name := unitOf(top)
	for i := range n + 1 {
		value := float64(i) * step / float64(unit)
		ticks = append(ticks, tick{float64(i) / float64(n), strconv.FormatFloat(value, 'g', 4, 64) + " " + name})
	}
	return ticks, top
}

// roundStep returns the next of 1, 2, 5 × 10^k.
func roundStep(least float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= least*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

func unitOf(d time.Duration) (time.Duration, string) {
	switch {
	case d < 2*time.Millisecond:
		return time.Microsecond, "µs"
	case d < 2*time.Second:
		return time.Millisecond, "ms"
	default:
		return time.Second, "s"
	}
}
