package h2

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/letteros/letteredge/bench/abuse"
	"github.com/letteros/letteredge/edge"
)

// Each flood is one connection, which does nothing of what it is told but does take
// what TCP brings. The bounds are for the connection: it is ended after at most
// fussLimit units and what trickled off meanwhile, and costs no more memory than that
// before.

// longest is how long an end is waited for.
const longest = time.Minute

func TestFloods(t *testing.T) {
	// The counter falls while a slow machine floods, for as long as is waited.
	const units = fussLimit + fussRate*int(longest/time.Second)
	cost := map[string]int{
		abuse.RapidReset: fussCancel, abuse.Malformed: fussError, abuse.EmptyData: fussError, abuse.EmptyContinuation: fussError,
	}
	told := 0
	for _, flood := range abuse.Floods() {
		t.Run(flood.Name, func(t *testing.T) {
			s := newServer(t, coreFunc(func(ctx context.Context, x *edge.Exchange) { <-ctx.Done(); x.Rep.Status = 499 }))
			p := dial(t, s)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			if calmed(t, p, flood, units/max(1, cost[flood.Name])) {
				told++
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(2<<20), "what is left of it")
		})
	}
	require.Positive(t, told)
}

// calmed wants the connection to be ended for what is said within those rounds. A client
// that floods for longer than linger is not told: TCP takes back what it has not read.
func calmed(t *testing.T, p *peer, a abuse.H2, rounds int) (told bool) {
	code, ended := a.Run(p.Conn, rounds, longest)
	require.True(t, ended, "it is still served")
	require.Contains(t, []uint32{uint32(codeCalm), abuse.NoCode}, code)
	err := <-p.done
	why, ok := errors.AsType[*connError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, codeCalm, why.code)
	p.done <- nil
	return code != abuse.NoCode
}

// TestContinuationBomb: a field block without end is cut off at twice the header
// limit.
func TestContinuationBomb(t *testing.T) {
	s := newServer(t, atOnce(func(x *edge.Exchange) { x.Rep.Status = 204 }))
	calmed(t, dial(t, s), abuse.ContinuationBomb(), 2*s.cfg.MaxHeaderBytes/abuse.BombPart+200)
}

// TestTableBomb: one large line of the table, referred to thousands of times, is a
// 431 and costs nothing; the connection goes on.
func TestTableBomb(t *testing.T) {
	p := dial(t, newServer(t, atOnce(func(x *edge.Exchange) { x.Rep.Status = 204 })))
	_, err := p.Write(abuse.TableBomb().Open)
	require.NoError(t, err)
	status, body := p.answer(1)
	require.Equal(t, "431", status)
	require.Contains(t, body, "too large")
	status, _ = p.answer(3)
	require.Equal(t, "204", status)
}

// TestNobodyReads: a client that asks on and on and takes no byte is not listened
// to once hardOut waits, and is let go after WriteTimeout.
func TestNobodyReads(t *testing.T) {
	s := newServer(t, real(t, 16<<10), func(c *Config) { c.WriteTimeout = 300 * time.Millisecond })
	p := dial(t, s)
	_, ended := abuse.NobodyReads().Run(p.Conn, 1<<30, longest)
	require.True(t, ended)
	select {
	case <-p.done:
		p.done <- nil
	case <-time.After(longest):
		require.Fail(t, "the connection is still served")
	}
}

// TestStalls: what has begun and does not go on is ended, each in its time.
func TestStalls(t *testing.T) {
	quick := func(c *Config) {
		c.HeaderTimeout, c.BodyTimeout, c.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond
		c.IdleTimeout = 200 * time.Millisecond
	}
	for _, stall := range abuse.Stalls() {
		t.Run(stall.Name, func(t *testing.T) {
			p := dial(t, newServer(t, real(t, 10), quick))
			_, ended := stall.Run(p.Conn, 0, longest)
			require.True(t, ended)
			<-p.done
			p.done <- nil
		})
	}
	t.Run("no window", func(t *testing.T) {
		p := dial(t, newServer(t, real(t, 10), func(c *Config) { c.WriteTimeout = 100 * time.Millisecond }))
		_, err := p.Write(abuse.NoWindow().Open)
		require.NoError(t, err)
		_ = p.next().(*http2.MetaHeadersFrame)
		require.Equal(t, http2.ErrCodeInternal, p.next().(*http2.RSTStreamFrame).ErrCode)
	})
	t.Run("no content", func(t *testing.T) {
		p := dial(t, newServer(t, coreFunc(func(_ context.Context, x *edge.Exchange) { echo(x) }), func(c *Config) { c.BodyTimeout = 100 * time.Millisecond }))
		_, err := p.Write(abuse.NoContent(1).Open)
		require.NoError(t, err)
		status, _ := p.answer(1)
		require.Equal(t, "200", status) // what the core makes of half a content
		require.Equal(t, http2.ErrCodeNo, p.next().(*http2.RSTStreamFrame).ErrCode)
	})
}
