//go:build !race

// The race detector's pools drop what they are given, so there is nothing to count with it.

package h2

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2/hpack"
)

// TestHitAllocatesNothing is a hit through frames, section, core, answer and writer.
func TestHitAllocatesNothing(t *testing.T) {
	hit := benchConn(t)
	for range 10 {
		hit() // fills, bakes, and grows what is kept
	}
	require.Zero(t, testing.AllocsPerRun(1000, hit))
}

func BenchmarkHit(b *testing.B) {
	hit := benchConn(b)
	hit()
	b.ReportAllocs()
	for b.Loop() {
		hit()
	}
}

// benchConn returns what serves a request of a browser's size on a connection
// that leads nowhere.
func benchConn(t testing.TB) func() {
	s := newServer(t, real(t, 1024))
	c := adrift(t, s)
	c.peerWindow, c.sendWindow = maxWindow, 1<<62
	var block writer
	enc := hpack.NewEncoder(&block)
	one := func() []byte {
		block = block[:0]
		for _, l := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "edge.test"}, {":path", "/page"},
			{"user-agent", "Mozilla/5.0 (X11; Linux x86_64)"}, {"accept", "text/html"}, {"accept-encoding", "gzip, br"},
			{"accept-language", "en"}, {"cookie", "a=1"}, {"cookie", "b=2"}, {"priority", "u=1, i"}} {
			require.NoError(t, enc.WriteField(hpack.HeaderField{Name: l[0], Value: l[1]}))
		}
		return append([]byte(nil), block...)
	}
	first, next := one(), one()
	id := uint32(1)
	ask := func(b []byte) {
		f := frame{frameHeaders, flagEndHeaders | flagEndStream, id, b}
		if err := c.frame(f); err != nil {
			panic(err)
		}
		id += 2
		if err := c.flushReader(); err != nil {
			panic(err)
		}
	}
	ask(first)
	c.work.Wait() // the miss
	return func() { ask(next) }
}

type writer []byte

func (w *writer) Write(p []byte) (int, error) { *w = append(*w, p...); return len(p), nil }
