package cache

import (
	"container/list"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/quota"
)

// ordinary answers as the origin of an ordinary route: size bytes of its own for
// every target, five of 1,000 tags, the field lines that servers send.
func ordinary(size int) *edgetest.Upstream {
	return &edgetest.Upstream{FetchFunc: func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		n, err := strconv.ParseUint(f.Target[strings.LastIndexByte(f.Target, '/')+1:], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("target %q: %w", f.Target, err)
		}
		rnd := rand.New(rand.NewPCG(n, 1))
		var tags [5]string
		for i := range tags {
			tags[i] = fmt.Sprintf("tag-%d", rnd.IntN(1000))
		}
		now := time.Now()
		return edgetest.Answer(200, strings.Repeat("x", size),
			strings.Clone("Content-Type"), strings.Clone("text/html; charset=utf-8"),
			strings.Clone("Cache-Control"), fmt.Sprintf("max-age=%d, public", 86400),
			strings.Clone("Etag"), fmt.Sprintf("%q", strconv.FormatUint(rnd.Uint64(), 16)),
			strings.Clone("Last-Modified"), now.Add(-time.Duration(n)*time.Second).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"),
			strings.Clone("Date"), now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"),
			strings.Clone("Cache-Tag"), strings.Join(tags[:], ", ")), nil
	}}
}

// capacityCore is a core over a cache of so many bytes.
func capacityCore(tb testing.TB, maxBytes int64, up edge.Upstream, with ...func(*edge.Config)) (*edge.Core, *Cache) {
	tb.Helper()
	c, err := New(Config{MaxBytes: maxBytes})
	require.NoError(tb, err)
	keyer, err := cachekey.NewKeyer([]cachekey.Pattern{{Query: cachekey.QueryRule{Names: []string{"*"}}}})
	require.NoError(tb, err)
	route := edge.Route{Name: "all", Upstream: up}
	cfg := edge.Config{Node: "bench-1", Keyer: keyer, Routes: []edge.Route{route}, Artifacts: route}
	for _, change := range with {
		change(&cfg)
	}
	core, err := edge.New(cfg,
		edge.Deps{Store: c, Marks: invalidation.NewMarks(), Gate: quota.NewGate(time.Now), Targets: edge.Unmanaged{}, Now: time.Now})
	require.NoError(tb, err)
	tb.Cleanup(func() { core.Close(); c.Close() })
	return core, c
}

// ask sends one GET and reports whether it was a hit.
func ask(core *edge.Core, x *edge.Exchange, target string, fields ...edge.Field) bool {
	x.Reset()
	x.Now = time.Now()
	x.Req = edge.Request{Method: edge.MethodGet, MethodText: "GET", Host: "edge.test", Target: target, Fields: (*edgetest.Fields)(&fields)}
	core.Serve(context.Background(), x)
	return x.Rep.Cache.Hit
}

func liveHeap() uint64 {
	var m runtime.MemStats
	for range 3 { // finalisers, and what their memory held
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// pss is the proportional set size of this process in bytes; 0 where there is no
// /proc.
func pss() int64 {
	data, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(data), "\nPss:")
	kib, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.ParseInt(kib, 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}

// BenchmarkHeap fills a cache with objects of 1 KiB through the core, and tells
// what each costs over its body: live heap after a collection, what the index
// counts, and the process' PSS. Run it with -benchtime 1x.
func BenchmarkHeap(b *testing.B) {
	const body = 1024
	for _, objects := range []int{100_000, 1_000_000} {
		b.Run(strconv.Itoa(objects), func(b *testing.B) {
			for b.Loop() {
				empty := liveHeap()
				core, c := capacityCore(b, int64(objects)*2600, ordinary(body))
				x := &edge.Exchange{}
				for i := range objects {
					ask(core, x, "/objects/"+strconv.Itoa(i))
				}
				x.Reset()
				heap := liveHeap() - empty
				s := c.Stats()
				require.Greater(b, s.Entries, int64(objects)*99/100, "so large a cache holds them all")
				over := func(total float64) float64 { return total/float64(s.Entries) - body }
				b.ReportMetric(over(float64(heap)), "heap-B/object-over-body")
				b.ReportMetric(over(float64(s.Bytes)), "counted-B/object-over-body")
				b.ReportMetric(over(float64(pss())), "pss-B/object-over-body")
				runtime.KeepAlive(core)
			}
		})
	}
}

// trace yields targets until yield returns false. Zipf 1.01 over keys; every
// scanEvery requests, scan requests for keys that never come again.
func trace(seed uint64, keys, scanEvery, scan int, yield func(n uint64) bool) {
	rnd := rand.New(rand.NewPCG(seed, 2))
	zipf := rand.NewZipf(rnd, 1.01, 1, uint64(keys-1))
	next := uint64(keys)
	for i := 1; ; i++ {
		if !yield(zipf.Uint64()) {
			return
		}
		if scanEvery == 0 || i%scanEvery != 0 {
			continue
		}
		for range scan {
			next++
			if !yield(next) {
				return
			}
		}
	}
}

// lru counts objects, the yardstick.
type lru struct {
	max   int
	order *list.List
	at    map[uint64]*list.Element
}

func (l *lru) get(n uint64) bool {
	if e, ok := l.at[n]; ok {
		l.order.MoveToFront(e)
		return true
	}
	if len(l.at) == l.max {
		old := l.order.Back()
		delete(l.at, old.Value.(uint64))
		l.order.Remove(old)
	}
	l.at[n] = l.order.PushFront(n)
	return false
}

// BenchmarkHitRatio runs traces through the core, at a capacity of a tenth of the
// keys, and tells the mean hit ratio of five seeds after warm-up beside LRU's. Run
// it with -benchtime 1x.
func BenchmarkHitRatio(b *testing.B) {
	const keys, warm, counted, body = 100_000, 300_000, 300_000, 1024
	for _, t := range []struct {
		name            string
		scanEvery, scan int
	}{{"zipf", 0, 0}, {"scan", 20_000, 10_000}} {
		b.Run(t.name, func(b *testing.B) {
			for b.Loop() {
				var ours, theirs, held float64
				for seed := range uint64(5) {
					// The capacity in bytes that holds a tenth of the keys.
					core, c := capacityCore(b, int64(keys/10)*objectCost(b, body), ordinary(body))
					l := &lru{max: keys / 10, order: list.New(), at: map[uint64]*list.Element{}}
					x := &edge.Exchange{}
					i, hits, lruHits, of := 0, 0, 0, 0
					trace(seed, keys, t.scanEvery, t.scan, func(n uint64) bool {
						hit, lruHit := ask(core, x, "/objects/"+strconv.FormatUint(n, 10)), l.get(n)
						if i++; i <= warm || n >= keys {
							return true
						}
						of++
						if hit {
							hits++
						}
						if lruHit {
							lruHits++
						}
						return i < warm+counted
					})
					x.Reset()
					ours += float64(hits) / float64(of) / 5
					theirs += float64(lruHits) / float64(of) / 5
					held += float64(c.Stats().Entries) / 5
				}
				b.ReportMetric(ours, "hit-ratio")
				b.ReportMetric(theirs, "lru-hit-ratio")
				b.ReportMetric(held, "entries-held")
			}
		})
	}
}

// objectCost is what the index counts for one object of the traces.
func objectCost(b *testing.B, body int) int64 {
	core, c := capacityCore(b, 1<<30, ordinary(body))
	x := &edge.Exchange{}
	for i := range 2000 { // which bring nearly all tags
		ask(core, x, "/objects/"+strconv.Itoa(10_000+i))
	}
	before := c.Stats().Bytes
	for i := range 1000 {
		ask(core, x, "/objects/"+strconv.Itoa(20_000+i))
	}
	x.Reset()
	return (c.Stats().Bytes - before) / 1000
}
