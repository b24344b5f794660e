package quota

import (
	"fmt"
	"testing"
	"time"
)

func benchGate(b *testing.B, quotas ...Quota) *Gate {
	b.Helper()
	g := NewSeededGate(time.Now, 1)
	for _, q := range quotas {
		if _, err := g.Set(q); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	return g
}

func BenchmarkTake(b *testing.B) {
	g := benchGate(b, New("b2b", MaxRPS))
	for b.Loop() {
		g.Take("b2b", 1)
	}
}

func BenchmarkTakeUngoverned(b *testing.B) {
	g := benchGate(b)
	for b.Loop() {
		g.Take("b2b", 1)
	}
}

func BenchmarkTakeRefused(b *testing.B) {
	g := benchGate(b, New("b2b", 1e-3))
	for b.Loop() {
		g.Take("b2b", 1)
	}
}

func BenchmarkTakeAndFields(b *testing.B) {
	g := benchGate(b, New("b2b", MaxRPS))
	buffer := make([]byte, 0, 64)
	for b.Loop() {
		d := g.Take("b2b", 1)
		buffer = d.AppendRateLimit(buffer[:0])
	}
}

// One hot segment: every processor wants the same limiter's lock.
func BenchmarkTakeParallelOneSegment(b *testing.B) {
	g := benchGate(b, New("b2b", MaxRPS))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			g.Take("b2b", 1)
		}
	})
}

func BenchmarkTakeParallelManySegments(b *testing.B) {
	var quotas []Quota
	var names []string
	for i := range 64 {
		names = append(names, fmt.Sprintf("s%d", i))
		quotas = append(quotas, New(names[i], MaxRPS))
	}
	g := benchGate(b, quotas...)
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			g.Take(names[i%len(names)], 1)
		}
	})
}

// A change copies the table: what it costs with as many quotas as there may be.
func BenchmarkSetAmongMany(b *testing.B) {
	g := NewSeededGate(time.Now, 1)
	quotas := make([]Quota, MaxQuotas)
	for i := range quotas {
		quotas[i] = New(fmt.Sprintf("s%d", i), 1)
	}
	g.add(quotas, func(q Quota) (Share, Share) { return q.whole(), Share{} })
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Set(quotas[0]); err != nil {
			b.Fatal(err)
		}
	}
}
