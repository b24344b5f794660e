package h2

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/letteros/letteredge/edge"
)

// Each flood is one connection, which reads nothing but does take what TCP brings.
// The bounds are for the connection: it is ended after at most fussLimit units and
// what trickled off meanwhile, and costs no more memory than that before.

// flood sends limit rounds, by which the connection must be ended for that reason.
// It may end amid them: what is sent then ends up nowhere.
func flood(t *testing.T, p *peer, limit int, code http2.ErrCode, round func(i int) error) {
	gone := make(chan http2.ErrCode, 1)
	go func() {
		last := http2.ErrCode(0xffff)
		for {
			f, err := p.ReadFrame()
			if g, ok := f.(*http2.GoAwayFrame); ok {
				last = g.ErrCode
			}
			if _, isStream := err.(http2.StreamError); err != nil && !isStream {
				gone <- last
				return
			}
		}
	}()
	for i := range limit {
		if round(i) != nil {
			break
		}
	}
	_ = p.SetReadDeadline(time.Now().Add(5 * time.Second))
	require.Equal(t, code, <-gone)
}

func TestFloods(t *testing.T) {
	// A second of grace per connection, as the counter falls while a slow machine
	// floods.
	const units = fussLimit + 20*fussRate
	open := func(id uint32, b []byte) http2.HeadersFrameParam {
		return http2.HeadersFrameParam{StreamID: id, BlockFragment: b, EndHeaders: true}
	}
	post := []string{":method", "POST", ":scheme", "https", ":authority", "a", ":path", "/up"}
	for name, f := range map[string]struct {
		cost  int
		round func(p *peer) func(i int) error
	}{
		"ping": {1, func(p *peer) func(int) error { return func(int) error { return p.WritePing(false, [8]byte{}) } }},
		"settings": {1, func(p *peer) func(int) error {
			return func(int) error { return p.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: maxFrame}) }
		}},
		"old priority": {1, func(p *peer) func(int) error {
			return func(i int) error { return p.WritePriority(uint32(2*i+1), http2.PriorityParam{StreamDep: 0}) }
		}},
		"priority update": {1, func(p *peer) func(int) error {
			return func(int) error { return p.WriteRawFrame(0x10, 0, 0, []byte{0, 0, 0, 101, 'u', '=', '1'}) }
		}},
		"unknown": {1, func(p *peer) func(int) error { return func(int) error { return p.WriteRawFrame(0x77, 0, 0, nil) } }},
		"window":  {1, func(p *peer) func(int) error { return func(int) error { return p.WriteWindowUpdate(0, 1) } }},
		"rapid reset": {fussCancel, func(p *peer) func(int) error {
			return func(i int) error {
				id := uint32(2*i + 1)
				err := p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.fields(append(post, "x", "y")...), EndHeaders: true, EndStream: true})
				if err != nil {
					return err
				}
				return p.WriteRSTStream(id, http2.ErrCodeCancel)
			}
		}},
		"malformed": {fussError, func(p *peer) func(int) error {
			return func(i int) error {
				return p.WriteHeaders(http2.HeadersFrameParam{StreamID: uint32(2*i + 1), BlockFragment: p.fields(":method", "GET"), EndHeaders: true, EndStream: true})
			}
		}},
		"empty data": {fussError, func(p *peer) func(int) error {
			_ = p.WriteHeaders(open(1, p.fields(post...)))
			return func(int) error { return p.WriteData(1, false, nil) }
		}},
		"data on a closed stream": {1, func(p *peer) func(int) error {
			_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.fields(":method", "GET"), EndHeaders: true})
			return func(int) error { return p.WriteData(1, false, []byte("x")) }
		}},
		"empty continuation": {fussError, func(p *peer) func(int) error {
			_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.fields(post...)})
			return func(int) error { return p.WriteContinuation(1, false, nil) }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, coreFunc(func(ctx context.Context, x *edge.Exchange) { <-ctx.Done(); x.Rep.Status = 499 }))
			p := greet(t, s)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			flood(t, p, units/f.cost, http2.ErrCodeEnhanceYourCalm, f.round(p))
			runtime.GC()
			runtime.ReadMemStats(&after)
			require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(2<<20), "what is left of it")
		})
	}
}

// TestContinuationBomb: a field block without end is cut off at twice the header
// limit.
func TestContinuationBomb(t *testing.T) {
	s := newServer(t, atOnce(func(x *edge.Exchange) { x.Rep.Status = 204 }))
	p := greet(t, s)
	require.NoError(t, p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0}}))
	part := make([]byte, 8<<10)
	flood(t, p, 2*s.cfg.MaxHeaderBytes/len(part)+200, http2.ErrCodeEnhanceYourCalm, func(int) error { return p.WriteContinuation(1, false, part) })
}

// TestTableBomb: one large line of the table, referred to thousands of times, is a
// 431 and costs nothing; the connection goes on.
func TestTableBomb(t *testing.T) {
	p := greet(t, newServer(t, atOnce(func(x *edge.Exchange) { x.Rep.Status = 204 })))
	large := make([]byte, 3500)
	for i := range large {
		large[i] = 'v'
	}
	block := append([]byte(nil), p.fields(":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/", "x", string(large))...)
	for range 10_000 {
		block = append(block, 0x80|62)
	}
	require.NoError(t, p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true, EndStream: true}))
	status, body := p.answer(1)
	require.Equal(t, "431", status)
	require.Contains(t, body, "too large")
	p.ask(3, "/")
	status, _ = p.answer(3)
	require.Equal(t, "204", status)
}

// TestNobodyReads: a client that asks on and on and takes no byte is not listened
// to once hardOut waits, and is let go after WriteTimeout.
func TestNobodyReads(t *testing.T) {
	s := newServer(t, real(t, 16<<10), func(c *Config) { c.WriteTimeout = 300 * time.Millisecond })
	p := greet(t, s, http2.Setting{ID: http2.SettingInitialWindowSize, Val: maxWindow})
	require.NoError(t, p.WriteWindowUpdate(0, maxWindow-startWindow))
	var err error
	for id := uint32(1); err == nil; id += 2 {
		lines := []string{":method", "GET", ":scheme", "https", ":authority", "edge.test", ":path", "/page"}
		err = p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.fields(lines...), EndStream: true, EndHeaders: true})
	}
	select {
	case <-p.done:
		p.done <- nil
	case <-time.After(10 * time.Second):
		require.Fail(t, "the connection is still served")
	}
}

// TestStalls: what has begun and does not go on is ended, each in its time.
func TestStalls(t *testing.T) {
	quick := func(c *Config) {
		c.HeaderTimeout, c.BodyTimeout, c.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond
		c.IdleTimeout = 200 * time.Millisecond
	}
	for name, say := range map[string]func(p *peer){
		"no preface":    func(*peer) {},
		"half a frame":  func(p *peer) { _, _ = p.Write([]byte(preface + "\x00\x00")) },
		"half a block":  func(p *peer) { hello(p); _ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1}) },
		"no request":    hello,
		"after answers": func(p *peer) { hello(p); p.ask(1, "/page"); p.ask(3, "/page") },
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, newServer(t, real(t, 10), quick))
			say(p)
			p.goneFor()
			<-p.done
			p.done <- nil
		})
	}
	t.Run("no window", func(t *testing.T) {
		p := greet(t, newServer(t, real(t, 10), quick), http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		p.ask(1, "/page")
		_ = p.next().(*http2.MetaHeadersFrame)
		require.Equal(t, http2.ErrCodeInternal, p.next().(*http2.RSTStreamFrame).ErrCode)
	})
	t.Run("no content", func(t *testing.T) {
		p := greet(t, newServer(t, coreFunc(func(_ context.Context, x *edge.Exchange) { echo(x) }), quick, func(c *Config) { c.IdleTimeout = time.Minute }))
		post := p.fields(":method", "POST", ":scheme", "https", ":authority", "edge.test", ":path", "/")
		require.NoError(t, p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: post, EndHeaders: true}))
		status, _ := p.answer(1)
		require.Equal(t, "200", status) // what the core makes of half a content
		require.Equal(t, http2.ErrCodeNo, p.next().(*http2.RSTStreamFrame).ErrCode)
	})
}

func hello(p *peer) {
	_, _ = p.Write([]byte(preface))
	_ = p.WriteSettings()
}
