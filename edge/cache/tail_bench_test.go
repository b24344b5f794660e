package cache

import (
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/letteros/letteredge/edge"
)

// BenchmarkTail fills a cache with objects of 1 KiB and measures hits through the
// core, each from the moment at which it was due (20,000 a second), while another
// goroutine fills 1,000 new keys a second: with the collector off, with the pace it
// has by itself, and with one collection after the other. Run it with -benchtime 1x
// and no -benchmem.
func BenchmarkTail(b *testing.B) {
	const perSecond, fillsPerSecond, window = 20_000, 1_000, 12 * time.Second
	for _, objects := range []int{100_000, 1_000_000} {
		b.Run(strconv.Itoa(objects), func(b *testing.B) {
			core, c := capacityCore(b, int64(objects)*2600, ordinary(1024))
			x := &edge.Exchange{}
			for i := range objects {
				ask(core, x, "/objects/"+strconv.Itoa(i))
			}
			x.Reset()
			next := objects
			for _, gc := range []struct {
				name    string
				percent int
				forced  bool
			}{{"off", -1, false}, {"GOGC=100", 100, false}, {"always", 100, true}} {
				b.Run("collector="+gc.name, func(b *testing.B) {
					runtime.GC()
					defer debug.SetGCPercent(debug.SetGCPercent(gc.percent))
					for b.Loop() {
						stop, done := make(chan struct{}), make(chan struct{})
						go func() {
							defer close(done)
							next = fillAt(core, next, fillsPerSecond, stop)
						}()
						collecting := make(chan struct{})
						go func() {
							defer close(collecting)
							for gc.forced {
								select {
								case <-stop:
									return
								default:
									runtime.GC()
								}
							}
						}()
						var before, after runtime.MemStats
						runtime.ReadMemStats(&before)
						took := hitAt(core, objects, perSecond, window)
						runtime.ReadMemStats(&after)
						close(stop)
						<-done
						<-collecting
						slices.Sort(took)
						for _, p := range []struct {
							name string
							of   float64
						}{{"p50-µs", 0.5}, {"p99-µs", 0.99}, {"p99.9-µs", 0.999}, {"p99.99-µs", 0.9999}} {
							b.ReportMetric(float64(took[int(float64(len(took))*p.of)])/1e3, p.name)
						}
						b.ReportMetric(float64(after.NumGC-before.NumGC), "collections")
						b.ReportMetric(float64(after.PauseTotalNs-before.PauseTotalNs)/1e3/max(1, float64(after.NumGC-before.NumGC)), "pause-µs/collection")
						b.ReportMetric(float64(c.Stats().Entries), "entries")
						b.ReportMetric(float64(pss())/(1<<20), "pss-MiB")
						b.ReportMetric(0, "ns/op")
					}
				})
			}
			runtime.KeepAlive(core)
		})
	}
}

// fillAt asks for so many new keys a second until stop is closed.
func fillAt(core *edge.Core, next, perSecond int, stop <-chan struct{}) int {
	x := &edge.Exchange{}
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for {
		select {
		case <-stop:
			x.Reset()
			return next
		case <-tick.C:
			ask(core, x, "/objects/"+strconv.Itoa(next))
			next++
		}
	}
}

// hitAt asks for random keys that are stored, at a steady rate, and returns how long
// after it was due each was answered.
func hitAt(core *edge.Core, objects, perSecond int, window time.Duration) []time.Duration {
	every := time.Second / time.Duration(perSecond)
	took := make([]time.Duration, 0, int(window/every))
	x, rnd := &edge.Exchange{}, rand.New(rand.NewPCG(1, 4))
	begin := time.Now()
	for due := time.Duration(0); due < window; due += every {
		target := "/objects/" + strconv.Itoa(rnd.IntN(objects))
		for time.Since(begin) < due {
			runtime.Gosched()
		}
		if ask(core, x, target) {
			took = append(took, time.Since(begin)-due)
		}
	}
	x.Reset()
	return took
}
