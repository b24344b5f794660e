package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/coding"
	"github.com/letteros/letteredge/edge/edgetest"
)

// page is text of so many bytes that compresses to a third or so.
func page(n uint64, size int) string {
	rnd, b := rand.New(rand.NewPCG(n, 3)), strings.Builder{}
	for b.Len() < size {
		fmt.Fprintf(&b, "<li class=item>%x</li>", rnd.Uint32())
	}
	return b.String()[:size]
}

// What the cache counts is what the heap holds, for responses of many shapes: it is
// the figure that MaxBytes bounds, and a node that counts too little is killed.
func TestWhatIsCountedIsWhatIsHeld(t *testing.T) {
	const objects = 5_000
	shared := func(n uint64) string { return fmt.Sprintf("tag-%d", rand.New(rand.NewPCG(n, 1)).IntN(1000)) }
	for _, c := range []struct {
		name  string
		body  int
		lines func(n uint64) []string
		forms bool
		coded bool
	}{
		{"small", 100, func(uint64) []string { return nil }, false, false},
		{"ordinary", 1024, func(n uint64) []string {
			return []string{"Content-Type", "text/html; charset=utf-8", "Etag", fmt.Sprintf(`"%x"`, n*7919), "Cache-Tag", shared(n)}
		}, false, false},
		{"large", 40_000, func(uint64) []string { return nil }, false, false},
		{"many tags", 1024, func(n uint64) []string {
			tags := make([]string, 40)
			for i := range tags {
				tags[i] = shared(n + uint64(i))
			}
			return []string{"Cache-Tag", strings.Join(tags, ", ")}
		}, false, false},
		{"tags of its own", 1024, func(n uint64) []string {
			return []string{"Cache-Tag", fmt.Sprintf("page-%d, item-%d, author-%d", n, n, n/2)}
		}, false, false},
		{"many lines", 1024, func(n uint64) []string {
			var lines []string
			for i := range 30 {
				lines = append(lines, fmt.Sprintf("X-Line-%d", i), fmt.Sprintf("value %d of %d", i, n))
			}
			return lines
		}, false, false},
		{"variants", 500, func(uint64) []string { return []string{"Vary", "Accept-Language"} }, false, false},
		{"forms", 500, func(n uint64) []string { return []string{"Cache-Tag", shared(n), "Content-Type", "text/css"} }, true, false},
		{"coded", 2000, func(n uint64) []string { return []string{"Cache-Tag", shared(n), "Content-Type", "text/css"} }, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			up := &edgetest.Upstream{FetchFunc: func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
				n, err := strconv.ParseUint(f.Target[1:], 10, 64)
				if err != nil {
					return nil, err
				}
				return edgetest.Answer(200, page(n, c.body), append(c.lines(n), "Cache-Control", "max-age=86400")...), nil
			}}
			count := objects
			if c.body > 10_000 || c.coded {
				count /= 10
			}
			core, store := capacityCore(t, 1<<30, up, func(cfg *edge.Config) { cfg.Coding = coding.DefaultPolicy() })
			empty := liveHeap()
			x := &edge.Exchange{}
			encode := func(*edge.Artifact) []byte { return make([]byte, 300) }
			for n := range count {
				target := "/" + strconv.Itoa(n)
				ask(core, x, target)
				if c.coded {
					for _, accept := range []string{"gzip", "br", "zstd"} {
						// A machine that is slow shows the identity while content comes, or while
						// another coding is made.
						require.Eventually(t, func() bool {
							ask(core, x, target, edge.Field{Name: "Accept-Encoding", Value: accept})
							return x.Rep.Art.Get("Content-Encoding") == accept
						}, time.Minute, 10*time.Microsecond)
					}
				}
				if c.forms {
					for range 3 {
						ask(core, x, target)
						x.Rep.Art.Form(edge.H2, encode)
					}
				}
			}
			x.Reset()
			require.Eventually(t, func() bool { return store.Stats().Entries == int64(count) }, time.Minute, time.Millisecond)
			held, counted := liveHeap()-empty, store.Stats().Bytes
			t.Logf("%d B counted, %d B held for each", counted/int64(count), held/uint64(count))
			require.InEpsilon(t, held, counted, 0.1)
			runtime.KeepAlive(core)
		})
	}
}
