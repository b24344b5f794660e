package serve

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/letteros/letteredge/edge"
)

// What one connection may cost, whatever its client does, over the stock stacks and the
// lean ones: a goroutine for each stream that it may open, and spareMemory. Others are
// answered meanwhile, and nothing is left of it. The client's own end is in this process
// and is counted too. Where a stack ends such a connection, the test says so.
const (
	abusedStreams   = 100
	spareGoroutines = 64
	spareMemory     = 16 << 20
)

// resources are what the process holds.
func resources() (goroutines int, memory int64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return runtime.NumGoroutine(), int64(m.HeapInuse + m.StackInuse)
}

// abused is a server that is asked for /large, of 1 MiB, /hang, which has no answer, and
// anything else. bounded runs an abuse of it; end closes what the abuse has opened.
type abused struct{ *rig }

func newAbused(t *testing.T, change ...func(*Config)) abused {
	large := make([]byte, 1<<20)
	core := coreFunc(func(ctx context.Context, x *edge.Exchange) {
		x.Rep.Status = 204
		switch x.Req.Target {
		case "/large":
			x.Rep.Status, x.Rep.Body, x.Rep.Length = 200, large, int64(len(large))
		case "/hang":
			<-ctx.Done()
		}
	})
	return abused{start(t, core, append(change, func(c *Config) { c.MaxStreams = abusedStreams })...)}
}

func (a abused) bounded(t *testing.T, abuse func() (end func())) {
	t.Helper()
	honest := a.clients()[2:]
	ask := func() {
		for _, c := range honest {
			require.Equal(t, 204, c.do(t, "GET", "/", nil).status)
		}
	}
	ask()
	goroutines, memory := resources()
	end := abuse()
	gNow, mNow := resources()
	t.Logf("%d goroutines and %d KiB more", gNow-goroutines, (mNow-memory)>>10)
	require.LessOrEqual(t, gNow-goroutines, abusedStreams+spareGoroutines)
	require.LessOrEqual(t, mNow-memory, int64(spareMemory))
	ask()
	end()
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines+8 }, 30*time.Second, 10*time.Millisecond, "something is left of it")
}

// raw2 is an HTTP/2 client that keeps to no rule.
type raw2 struct {
	net.Conn
	*http2.Framer
	block bytes.Buffer
	enc   *hpack.Encoder
}

// dial2 greets the server.
func (a abused) dial2(t *testing.T, settings ...http2.Setting) *raw2 {
	t.Helper()
	conn, err := tls.Dial("tcp", a.Addrs().Secure.String(), &tls.Config{RootCAs: a.roots, ServerName: "localhost", NextProtos: []string{"h2"}})
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	p := &raw2{Conn: conn, Framer: http2.NewFramer(conn, conn)}
	p.enc = hpack.NewEncoder(&p.block)
	_, err = io.WriteString(conn, http2.ClientPreface)
	require.NoError(t, err)
	require.NoError(t, p.WriteSettings(settings...))
	return p
}

// fields is the field block of a GET, with further lines.
func (p *raw2) fields(target string, lines ...string) []byte {
	p.block.Reset()
	all := append([]string{":method", "GET", ":scheme", "https", ":authority", "edge.test", ":path", target}, lines...)
	for i := 0; i < len(all); i += 2 {
		_ = p.enc.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1]}) // into a buffer
	}
	return p.block.Bytes()
}

func (p *raw2) get(id uint32, target string, lines ...string) error {
	return p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.fields(target, lines...), EndHeaders: true, EndStream: true})
}

// frames is n frames as bytes, which are sent in one piece.
func frames(n int, typ http2.FrameType, flags http2.Flags, id uint32, content string) []byte {
	var b bytes.Buffer
	f := http2.NewFramer(&b, nil)
	f.AllowIllegalWrites = true
	for range n {
		_ = f.WriteRawFrame(typ, flags, id, []byte(content)) // into a buffer
	}
	return b.Bytes()
}

// TestHTTP2Floods: what a client may send without end. Those that the stock server does
// not end either cost it no more than the bound.
func TestHTTP2Floods(t *testing.T) {
	ping, settings := frames(1000, http2.FramePing, 0, 0, "12345678"), frames(1000, http2.FrameSettings, 0, 0, "")
	again := func(b []byte) func(*raw2, int) error {
		return func(p *raw2, _ int) error {
			_, err := p.Conn.Write(b)
			return err
		}
	}
	open := func(p *raw2) { // a request that is not complete
		_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.fields("/hang"), EndHeaders: true})
	}
	begin := func(p *raw2) { _ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.fields("/")}) }
	for name, f := range map[string]struct {
		deaf   bool // the client reads nothing
		rounds int
		begin  func(p *raw2)
		round  func(p *raw2, i int) error
		ends   bool // over the stock server too
	}{
		"ping":                      {rounds: 100, round: again(ping)},
		"ping, nothing read":        {deaf: true, rounds: 5000, round: again(ping), ends: true},
		"settings":                  {rounds: 100, round: again(settings)},
		"settings, nothing read":    {deaf: true, rounds: 500, round: again(settings)}, // one acknowledgement waits at a time
		"window":                    {rounds: 100, round: again(frames(1000, http2.FrameWindowUpdate, 0, 0, "\x00\x00\x00\x01"))},
		"priority update":           {rounds: 100, round: again(frames(1000, 0x10, 0, 0, "\x00\x00\x00\x65u=1"))},
		"empty data":                {rounds: 100, begin: open, round: again(frames(1000, http2.FrameData, 0, 1, ""))},
		"empty continuation":        {rounds: 100, begin: begin, round: again(frames(1000, http2.FrameContinuation, 0, 1, ""))},
		"continuation":              {rounds: 5000, begin: begin, round: again(frames(1, http2.FrameContinuation, 0, 1, strings.Repeat("\x00", 16<<10))), ends: true},
		"window beyond its maximum": {rounds: 10, round: again(frames(1, http2.FrameWindowUpdate, 0, 0, "\x7f\xff\xff\xff")), ends: true},
		"data beyond the window":    {rounds: 1000, begin: open, round: again(frames(1, http2.FrameData, 0, 1, strings.Repeat("x", 16<<10)))},
		"rapid reset": {rounds: 20_000, round: func(p *raw2, i int) error {
			id := uint32(2*i + 1)
			if err := p.get(id, "/hang"); err != nil {
				return err
			}
			return p.WriteRSTStream(id, http2.ErrCodeCancel)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAbused(t)
			a.bounded(t, func() func() {
				p := a.dial2(t)
				gone := make(chan struct{})
				go func() {
					defer close(gone)
					for !f.deaf {
						if _, err := p.ReadFrame(); err != nil {
							return
						}
					}
				}()
				if f.begin != nil {
					f.begin(p)
				}
				var err error
				for i := 0; i < f.rounds && err == nil; i++ {
					err = f.round(p, i)
				}
				if f.ends && err == nil && !f.deaf { // all was sent before it was heard of
					select {
					case <-gone:
					case <-time.After(30 * time.Second):
						require.Fail(t, "the connection goes on")
					}
				}
				if f.ends && f.deaf {
					require.Error(t, err, "the connection goes on")
				}
				return func() { _ = p.Conn.Close(); <-gone }
			})
		})
	}
}

// TestHTTP2WindowsOfNothing: as many requests for large content as may be, of which not a
// byte may be sent, cost a goroutine each and no copy, and are given up.
func TestHTTP2WindowsOfNothing(t *testing.T) {
	a := newAbused(t, func(c *Config) { c.WriteTimeout = 2 * time.Second })
	a.bounded(t, func() func() {
		p := a.dial2(t, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		for i := range uint32(abusedStreams) {
			require.NoError(t, p.get(2*i+1, "/large"))
		}
		ended := map[uint32]bool{}
		for len(ended) < abusedStreams {
			f, err := p.ReadFrame()
			if err != nil {
				break // all of them at once
			}
			if f, ok := f.(*http2.RSTStreamFrame); ok {
				ended[f.StreamID] = true
			}
			if d, ok := f.(*http2.DataFrame); ok {
				require.Zero(t, d.Length)
			}
		}
		return func() { _ = p.Conn.Close() }
	})
}

// TestHTTP2Priorities: of what waits for the connection's window the most urgent goes
// first, and a later word about it counts (RFC 9218).
func TestHTTP2Priorities(t *testing.T) {
	a := newAbused(t)
	p := a.dial2(t, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 2 << 20})
	defer p.Conn.Close()
	require.NoError(t, p.get(1, "/large", "priority", "u=2")) // takes the connection's window
	for taken := 0; taken < 65535; {
		f, err := p.ReadFrame()
		require.NoError(t, err)
		if d, ok := f.(*http2.DataFrame); ok {
			taken += len(d.Data())
		}
	}
	for i, urgency := range []string{"u=5", "u=1", "u=6"} {
		require.NoError(t, p.get(uint32(2*i+3), "/large", "priority", urgency))
	}
	require.NoError(t, p.WriteRawFrame(0x10, 0, 0, append(binary.BigEndian.AppendUint32(nil, 7), "u=0"...)))
	for waiting := map[uint32]bool{3: true, 5: true, 7: true}; len(waiting) > 0; {
		f, err := p.ReadFrame()
		require.NoError(t, err)
		if h, ok := f.(*http2.HeadersFrame); ok {
			delete(waiting, h.StreamID)
		}
	}
	require.NoError(t, p.WriteWindowUpdate(0, 1<<30))
	var order []uint32
	for len(order) < 4 {
		f, err := p.ReadFrame()
		require.NoError(t, err)
		if d, ok := f.(*http2.DataFrame); ok && d.StreamEnded() {
			order = append(order, d.StreamID)
		}
	}
	if leanly {
		require.Equal(t, []uint32{7, 5, 1, 3}, order)
		return
	}
	// x/net hears of priorities from Go 1.27 on; until then streams take turns.
	require.ElementsMatch(t, []uint32{7, 5, 1, 3}, order)
}
