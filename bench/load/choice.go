package load

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
)

// Choice is how the next URL is picked.
type Choice uint8

const (
	Uniform  Choice = iota // each as likely as another
	Zipf                   // the i-th with weight 1/i^s: few hot, many cold
	Sequence               // one after another, again from the first
	Scan                   // Zipf, while every fourth walks through all: a crawler among readers
)

var choiceNames = [...]string{Uniform: "uniform", Zipf: "zipf", Sequence: "sequence", Scan: "scan"}

// String returns uniform, zipf, sequence or scan.
func (c Choice) String() string {
	if int(c) >= len(choiceNames) {
		return fmt.Sprintf("Choice(%d)", uint8(c))
	}
	return choiceNames[c]
}

// UnmarshalText reads uniform, zipf, sequence or scan.
func (c *Choice) UnmarshalText(text []byte) error {
	for i, name := range choiceNames {
		if string(text) == name {
			*c = Choice(i)
			return nil
		}
	}
	return fmt.Errorf("must be one of uniform, zipf, sequence, scan, not %.40q", text)
}

// popularity is the cumulative weight of n URLs under Zipf and Scan; nil otherwise.
// math/rand's Zipf takes only exponents above 1; those of the Web are about 1
// and below, so the table is our own.
func popularity(choice Choice, n int, s float64) []float64 {
	if choice != Zipf && choice != Scan {
		return nil
	}
	sums := make([]float64, n)
	total := 0.0
	for i := range sums {
		total += math.Pow(float64(i+1), -s)
		sums[i] = total
	}
	return sums
}

const (
	scanEvery = 4
	spread    = 0x9e3779b97f4a7c15 // 2⁶⁴ / the golden ratio
)

// picker draws indices of URLs. It belongs to one goroutine, or to a lock.
type picker struct {
	choice Choice
	n      int
	sums   []float64 // shared, read only
	next   int
	picks  int // Scan
	rnd    *rand.Rand
}

// newPicker returns the picker of one stream of choices; equal seeds and
// streams draw equal sequences.
func (p *plan) newPicker(sums []float64, stream uint64) *picker {
	n := len(p.targets)
	start := stream
	if p.Choice == Scan {
		start *= spread // the walks of the streams begin far from each other
	}
	return &picker{choice: p.Choice, n: n, sums: sums, next: int(start % uint64(n)), rnd: rand.New(rand.NewPCG(p.Seed, stream))}
}

func (k *picker) pick() int {
	k.picks++
	switch {
	case k.n == 1:
		return 0
	case k.choice == Sequence, k.choice == Scan && k.picks%scanEvery == 0:
		i := k.next
		k.next = (i + 1) % k.n
		return i
	case k.sums != nil:
		i := sort.SearchFloat64s(k.sums, k.rnd.Float64()*k.sums[k.n-1])
		return min(i, k.n-1)
	default:
		return k.rnd.IntN(k.n)
	}
}
