package edge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// What lies between readers is within its bounds, is counted until the slowest has it,
// and is next to nothing where fills need the memory.
func TestMemoryBetweenReaders(t *testing.T) {
	const kib = 1 << 10
	for name, c := range map[string]struct {
		limit       int64 // Config.FillMemory
		lag, beyond int   // what the slow reader has when the other begins, and what there is beyond what is kept
		least, most int64 // bytes that are held when the other has all
		apart       int
	}{
		"what fits":          {128 << 20, passBegin, 30 * kib, passKept, passKept, 0},
		"what fits by half":  {128 << 20, 97 * kib, 80 * kib, passKept + kib, passKept + 80*kib, 0},
		"what does not fit":  {128 << 20, passBegin, 1000 * kib, 0, 0, 1},
		"where room is rare": {passKept, 60 * kib, 100 * kib, 0, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLargeWithin(t, c.limit, passKept+c.beyond, `Etag: "v1"`)
				all := l.readers(2)
				slow := all[0].read(c.lag - passBegin)
				var got string
				wg := sync.WaitGroup{}
				wg.Go(func() { got, _ = all[1].rest() })
				wg.Wait()
				require.Equal(t, l.content[passBegin:], got)
				synctest.Wait()
				held := l.n.core.Fills().Bytes
				require.True(t, c.least <= held && held <= c.most, "%d are held", held)
				require.Len(t, l.asked, c.apart)
				all[0].whole(l.content[passBegin+len(slow):])
				require.LessOrEqual(t, l.most.Load(), min(c.limit, 2*passKept))
				l.settled()
			})
		})
	}
}

// Many who are slower than one ask for no more than some answers of their own, and for
// one until that has shown that it can be had.
func TestSlowReadersOwnFetchesAreBounded(t *testing.T) {
	for name, possible := range map[string]bool{"possible": true, "impossible": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLarge(t, 1<<20, `Etag: "v1"`)
				if !possible {
					l.next = func(context.Context, *edge.Fetch) (*edge.Answer, error) { return answer(404, ""), nil }
				}
				all := l.readers(101)
				all[100].whole(l.content[passBegin:])
				if !possible {
					require.Len(t, l.asked, 1)
				} else {
					require.Len(t, l.asked, 64)
				}
				whole := 0
				for _, s := range all[:100] {
					if got, err := s.rest(); err == nil {
						require.Equal(t, l.content[passBegin:], got)
						whole++
					}
				}
				require.Equal(t, len(l.asked)*btoi(possible), whole)
				l.settled()
			})
		})
	}
}

// However many read as slowly as they like what may turn out to be too large to keep,
// there is memory for fills whose length is known, artifacts among them.
func TestSlowReadersLeaveMemoryToFills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, func(c *edge.Config, _ *edge.Deps) { c.MaxObject, c.FillMemory = passKept, 4*passKept })
		content := bulk(1 << 20)
		n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
			a := answer(200, content, "Cache-Control: max-age=60")
			a.Length = -1
			return a, nil
		})
		var slow []shown
		for i := range 8 {
			s := open(t, n, fmt.Sprintf("/large/%d", i))
			require.Equal(t, content[:passBegin], s.read(passBegin))
			slow = append(slow, s)
		}
		synctest.Wait()
		require.LessOrEqual(t, n.core.Fills().Bytes, int64(3*passKept))
		n.up.set(sound)
		require.Equal(t, 200, n.get(trial).status)
		n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
			return answer(200, content[:passKept/2], "Cache-Control: max-age=60"), nil
		})
		n.get("/small")
		require.Contains(t, n.get("/small").cacheStatus(), "hit")
		for _, s := range slow {
			s.whole(content[passBegin:])
		}
		synctest.Wait()
		require.Zero(t, n.core.Fills().Bytes)
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// However readers come, pause and go, and whatever the origin can do, nobody gets
// anything but the content, and who goes on reading gets all of it.
func TestReadersOfLargeContentAtRandom(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 5))
				lines := [][]string{{`Etag: "v1"`}, {`Etag: W/"v1"`}, nil, oldDate}[r.IntN(4)]
				l := newLarge(t, passKept/2+r.IntN(1<<20), lines...)
				l.next = []func(context.Context, *edge.Fetch) (*edge.Answer, error){l.range206, l.whole200,
					func(context.Context, *edge.Fetch) (*edge.Answer, error) { return nil, errors.New("down") }}[r.IntN(3)]
				var wg sync.WaitGroup
				for _, s := range l.readers(1 + r.IntN(8)) {
					bytes, tick, leaves := 1+r.IntN(64<<10), time.Duration(r.IntN(2000))*time.Millisecond, r.IntN(4) == 0
					stops := r.IntN(len(l.content))
					wg.Go(func() {
						if leaves {
							got, _ := io.ReadAll(io.LimitReader(s.x.Rep.Stream, int64(stops)))
							if !strings.HasPrefix(l.content[passBegin:], string(got)) {
								t.Error("other content")
							}
							require.NoError(t, s.x.Rep.Stream.Close())
							return
						}
						if got, err := s.steadily(max(bytes, 16<<10), tick); err != nil || got != l.content[passBegin:] {
							t.Errorf("%d of %d bytes, %v", len(got), len(l.content)-passBegin, err)
						}
					})
				}
				wg.Wait()
				l.settled()
			})
		})
	}
}
