package h2

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/letteros/letteredge/edge"
)

// TestContentOfARefusedRequest: what comes for a request that was refused before its
// content was, and whose answer waits for a window, is nobody's: it harms neither
// that answer nor the connection.
func TestContentOfARefusedRequest(t *testing.T) {
	data := func(n int, ends bool) func(*peer) error {
		return func(p *peer) error { return p.WriteData(1, ends, make([]byte, n)) }
	}
	lines := func(ends bool) func(*peer) error {
		return func(p *peer) error {
			return p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.fields("x-sum", "1"), EndStream: ends, EndHeaders: true})
		}
	}
	for name, c := range map[string]struct {
		sends []func(*peer) error
		reset http2.ErrCode // after the answer; 0xff for none
		early bool          // before it
	}{
		"nothing":             {nil, 0xff, false},
		"some":                {[]func(*peer) error{data(100, false)}, 0xff, false},
		"none, said so":       {[]func(*peer) error{data(0, false), data(0, true)}, 0xff, false},
		"all":                 {[]func(*peer) error{data(100, false), data(100, true)}, 0xff, false},
		"trailers":            {[]func(*peer) error{data(100, false), lines(true)}, 0xff, false},
		"trailers, not ended": {[]func(*peer) error{lines(false)}, http2.ErrCodeProtocol, true},
		"behind its end":      {[]func(*peer) error{data(1, true), data(1, false)}, http2.ErrCodeStreamClosed, true},
		"beyond its window": {[]func(*peer) error{
			func(p *peer) error {
				for range streamWindow/maxFrame + 1 {
					if err := p.WriteData(1, false, make([]byte, maxFrame)); err != nil {
						return err
					}
				}
				return nil
			},
		}, http2.ErrCodeFlowControl, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := greet(t, newServer(t, atOnce(func(x *edge.Exchange) { x.Rep.Status = 204 })), http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
			block := p.fields(":method", "POST", ":scheme", "https", ":authority", "edge.test", ":path", "/%zz")
			require.NoError(t, p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true}))
			for _, send := range c.sends {
				require.NoError(t, send(p))
			}
			require.Equal(t, "400", p.next().(*http2.MetaHeadersFrame).PseudoValue("status"))
			if !c.early {
				require.NoError(t, p.WriteWindowUpdate(1, 1<<16))
				d := p.next().(*http2.DataFrame)
				require.True(t, d.StreamEnded())
				require.NotEmpty(t, d.Data())
			}
			if c.reset != 0xff {
				require.Equal(t, c.reset, p.next().(*http2.RSTStreamFrame).ErrCode)
			}
			p.ask(3, "/")
			status, _ := p.answer(3)
			require.Equal(t, "204", status, "the connection goes on")
		})
	}
}

// TestAPanicEndsItsConnection, and not the process.
func TestAPanicEndsItsConnection(t *testing.T) {
	s := newServer(t, atOnce(func(x *edge.Exchange) { x.Rep.Status = 204 }), func(c *Config) { c.Logger = slog.New(slog.DiscardHandler) })
	p := greet(t, s)
	p.ask(1, "/")
	status, _ := p.answer(1)
	require.Equal(t, "204", status)
	s.mu.Lock()
	for c := range s.conns {
		c.mu.Lock()
		c.streams[3] = &stream{c: c, id: 3} // what no frame should bring about
		c.lastID = 3
		c.mu.Unlock()
	}
	s.mu.Unlock()
	require.NoError(t, p.WriteData(3, false, []byte("x")))
	require.Equal(t, http2.ErrCodeInternal, p.goneFor())
	q := greet(t, s)
	q.ask(1, "/")
	status, _ = q.answer(1)
	require.Equal(t, "204", status, "others go on")
}
