package invalidation

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
)

func TestStateAllocatesNothing(t *testing.T) {
	for _, text := range []string{trial + "?lang=ja", "h.example/a/b/c/d?q=1"} {
		m := NewMarks()
		s := stamp(t, m, text, "doc:pricing", "doc:core-message")
		for i := range 50 { // something of every kind to look at, none of it a hit
			m.Raise(cachekey.Selector{Tags: []string{fmt.Sprint("t", i)}}, ModeHard)
			m.Raise(cachekey.Selector{Keys: []string{fmt.Sprint("h.example/", i)}}, ModeHard)
			m.Raise(cachekey.Selector{Prefix: fmt.Sprint("h.example/a/", i, "/")}, ModeSoft)
			m.Raise(cachekey.Selector{Host: fmt.Sprintf("h%d.example", i)}, ModeHard)
		}
		require.Equal(t, Valid, s.State())
		require.Zero(t, testing.AllocsPerRun(1000, func() { sink = s.State() }), "fast path")
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			s.word.Store(s.word.Load() & artifactBit) // as if it had been checked at epoch 0
			sink = s.State()
		}), "slow path")
	}
}

func TestAStampIsSmall(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(Stamp{}), uintptr(72), "with five tags 112, a size class")
	require.LessOrEqual(t, unsafe.Sizeof(tag{}), uintptr(32))
}

var sink State

func BenchmarkState(b *testing.B) {
	for _, raised := range []int{0, 10_000} {
		m := NewMarks()
		s := stamp(b, m, "h.example/a/b/c?q=1", "doc:pricing", "doc:core-message", "t1", "t2", "t3")
		for i := range raised / 4 {
			m.Raise(cachekey.Selector{Tags: []string{fmt.Sprint("x", i)}}, ModeHard)
			m.Raise(cachekey.Selector{Keys: []string{fmt.Sprint("h.example/", i)}}, ModeHard)
			m.Raise(cachekey.Selector{Prefix: fmt.Sprint("h.example/a/", i, "/")}, ModeHard)
			m.Raise(cachekey.Selector{Host: fmt.Sprintf("h%d.example", i)}, ModeHard)
		}
		b.Run(fmt.Sprint("checked/raised=", raised), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink = s.State()
			}
		})
		b.Run(fmt.Sprint("unchecked/raised=", raised), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.word.Store(0)
				if m.Epoch() == 0 {
					sink = s.judge(0, 0)
				} else {
					sink = s.State()
				}
			}
		})
	}
	b.Run("parallel", func(b *testing.B) {
		m := NewMarks()
		s := stamp(b, m, trial)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			worst := Valid
			for pb.Next() {
				worst = max(worst, s.State())
			}
			_ = worst
		})
	})
}

func BenchmarkRaise(b *testing.B) {
	m := NewMarks()
	sel := cachekey.Selector{Tags: []string{"doc:pricing"}}
	b.ReportAllocs()
	for b.Loop() {
		m.Raise(sel, ModeHard)
	}
}

func BenchmarkStamp(b *testing.B) {
	m := NewMarks()
	k, tags := mustKey(b, trial), []string{"doc:pricing", "doc:core-message", "t1", "t2", "t3"}
	var s *Stamp
	b.ReportAllocs()
	for b.Loop() {
		s, _ = m.Stamp(k, tags, 0)
	}
	sink = s.State()
}

func BenchmarkReclaim(b *testing.B) {
	m := NewMarks()
	for i := range 10_000 {
		m.Raise(cachekey.Selector{Keys: []string{fmt.Sprint("h.example/", i)}}, ModeHard)
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Reclaim(0)
	}
}
