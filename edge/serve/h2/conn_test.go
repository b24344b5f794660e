package h2

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/letteros/letteredge/edge"
)

func TestMissesAndHits(t *testing.T) {
	p := greet(t, newServer(t, real(t, 1000)))
	for i, want := range []string{"fwd=uri-miss", "hit", "hit", "hit"} {
		id := uint32(2*i + 1)
		p.ask(id, "/page")
		f := p.next().(*http2.MetaHeadersFrame)
		require.Equal(t, id, f.StreamID)
		require.Equal(t, "200", f.PseudoValue("status"))
		fields := map[string]string{}
		for _, l := range f.RegularFields() {
			fields[l.Name] = l.Value
		}
		require.Contains(t, fields["cache-status"], want)
		require.Equal(t, "1000", fields["content-length"])
		require.Equal(t, `h3=":443"; ma=300`, fields["alt-svc"])
		require.Equal(t, "application/json", fields["content-type"])
		require.Equal(t, "trial=42", fields["docs-version"])
		require.NotEmpty(t, fields["date"])
		d := p.next().(*http2.DataFrame)
		require.Equal(t, strings.Repeat("x", 1000), string(d.Data()))
		require.True(t, d.StreamEnded())
	}
}

// TestWindows: content waits for windows, of its stream and of the connection, and
// is sent to the last byte as they open.
func TestWindows(t *testing.T) {
	for _, size := range []int{1, 1000, 100_000, 300_000} {
		p := greet(t, newServer(t, real(t, size)), http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		for id := uint32(1); id < 7; id += 2 { // a miss, and hits
			p.ask(id, "/page")
			h := p.next().(*http2.MetaHeadersFrame)
			require.Equal(t, id, h.StreamID)
			require.False(t, h.StreamEnded())
			got := 0
			for step := 1; ; step = step*3 + 1 {
				step = min(step, size-got)
				require.NoError(t, p.WriteWindowUpdate(0, uint32(step)))
				require.NoError(t, p.WriteWindowUpdate(id, uint32(step)))
				for want := got + step; got < want; {
					d := p.next().(*http2.DataFrame)
					require.Equal(t, id, d.StreamID)
					got += len(d.Data())
					require.LessOrEqual(t, got, want)
					if got == size && !d.StreamEnded() { // content that came bit by bit
						d = p.next().(*http2.DataFrame)
						require.Empty(t, d.Data())
					}
					require.Equal(t, got == size, d.StreamEnded())
				}
				if got == size {
					break
				}
			}
		}
	}
}

// TestPriorities: of what waits for the connection's window the most urgent goes
// first, and a later word about it counts.
func TestPriorities(t *testing.T) {
	p := greet(t, newServer(t, real(t, 40_000)), http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	p.ask(1, "/page")
	_, body := p.answer(1)
	require.Len(t, body, 40_000)
	p.ask(3, "/page") // takes what is left of the connection's window
	p.ask(5, "/page", "priority", "u=5")
	p.ask(7, "/page", "priority", "u=1")
	p.ask(9, "/page", "priority", "u=6")
	p.ask(11, "/page", "priority", "u=4, i")
	p.ask(13, "/page", "priority", "u=4, i")
	update := append([]byte{0, 0, 0, 9}, "u=0"...)
	require.NoError(t, p.WriteRawFrame(http2.FrameType(framePriorityUpdate), 0, 0, update))
	require.NoError(t, p.WritePing(false, [8]byte{1}))
	for {
		f := p.next()
		if _, ok := f.(*http2.PingFrame); ok {
			break // all of the requests are known
		}
	}
	require.NoError(t, p.WriteWindowUpdate(0, 1<<20))
	var order []uint32
	turns := 0
	for len(order) < 6 {
		d, ok := p.next().(*http2.DataFrame)
		if !ok {
			continue
		}
		if d.StreamID == 11 && !d.StreamEnded() {
			turns++
		}
		if d.StreamID == 13 && turns == 1 {
			turns = 100 // before the other's second turn
		}
		if d.StreamEnded() {
			order = append(order, d.StreamID)
		}
	}
	require.Equal(t, []uint32{9, 7, 3, 11, 13, 5}, order)
	require.GreaterOrEqual(t, turns, 100, "those that may take turns do")
}

// TestTurnsWithoutPriorities: of a client that says nothing of priorities, which may
// stand for many readers, no answer waits for another one's end.
func TestTurnsWithoutPriorities(t *testing.T) {
	for said, want := range map[string][]uint32{"": {7, 3, 5}, "u=3, i=?0": {7, 3, 5}, "u=2": {3, 5, 7}} {
		p := greet(t, newServer(t, atOnce(func(x *edge.Exchange) {
			n := 60_000
			if x.Req.Target == "/small" {
				n = 100
			}
			x.Rep.Status, x.Rep.Body, x.Rep.Length = 200, make([]byte, n), int64(n)
		})), http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		var more []string
		if said != "" {
			more = []string{"priority", said}
		}
		p.ask(3, "/large", more...)
		p.ask(5, "/large", more...)
		p.ask(7, "/small", more...)
		require.NoError(t, p.WriteWindowUpdate(0, 1<<20))
		require.NoError(t, p.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20}))
		var order []uint32
		for len(order) < 3 {
			if d, ok := p.next().(*http2.DataFrame); ok && d.StreamEnded() {
				order = append(order, d.StreamID)
			}
		}
		require.Equal(t, want, order, said)
	}
}

func TestUpload(t *testing.T) {
	core := coreFunc(func(_ context.Context, x *edge.Exchange) { echo(x) })
	p := greet(t, newServer(t, core))
	post := []string{":method", "POST", ":scheme", "https", ":authority", "edge.test", ":path", "/"}
	require.NoError(t, p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.fields(append(post, "expect", "100-continue")...), EndHeaders: true}))
	require.Equal(t, "100", p.next().(*http2.MetaHeadersFrame).PseudoValue("status"))
	require.NoError(t, p.WriteDataPadded(1, false, []byte("some "), []byte{0, 0, 0}))
	require.NoError(t, p.WriteData(1, false, []byte("content")))
	require.NoError(t, p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.fields("x-sum", "1"), EndHeaders: true, EndStream: true}))
	status, body := p.answer(1)
	require.Equal(t, "200 some content", status+" "+body)

	// More than all windows, which the server opens as it reads.
	big := strings.Repeat("0123456789abcdef", 1024)
	require.NoError(t, p.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: p.fields(post...), EndHeaders: true}))
	stream, conn := streamWindow, connWindow
	for i := range 200 {
		for stream < len(big) || conn < len(big) {
			f, err := p.ReadFrame()
			require.NoError(t, err)
			if w, ok := f.(*http2.WindowUpdateFrame); ok && w.StreamID == 0 {
				conn += int(w.Increment)
			} else if ok {
				stream += int(w.Increment)
			}
		}
		stream -= len(big)
		conn -= len(big)
		require.NoError(t, p.WriteData(3, i == 199, []byte(big)))
	}
	status, body = p.answer(3)
	require.Equal(t, "200", status)
	require.Equal(t, strings.Repeat(big, 200)[:1000], body)
}

// echo answers with the first 1000 bytes of the content.
func echo(x *edge.Exchange) {
	var all []byte
	buf := make([]byte, 1000)
	for x.Req.Body != nil {
		n, err := x.Req.Body.Read(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			break
		}
	}
	x.Rep.Status, x.Rep.Body = 200, all[:min(len(all), 1000)]
	x.Rep.Length = int64(len(x.Rep.Body))
}

// TestNarrowTable: a client that has no room for lines is told that there are none
// (RFC 7541 §4.2).
func TestNarrowTable(t *testing.T) {
	p := greet(t, newServer(t, real(t, 10)), http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0})
	p.ReadMetaHeaders = nil
	p.ask(1, "/page")
	p.ask(3, "/page")
	for seen := 0; seen < 2; {
		if h, ok := p.next().(*http2.HeadersFrame); ok {
			require.Equal(t, seen == 0, h.HeaderBlockFragment()[0] == 0x20)
			seen++
		}
	}
}

// TestNarrowTableAndInterim: an interim response may be the first block (RFC 7541 §4.2
// tells of blocks, not of answers).
func TestNarrowTableAndInterim(t *testing.T) {
	for name, inform := range map[string]func(x *edge.Exchange){
		"expected": func(x *edge.Exchange) { _, _ = io.Copy(io.Discard, x.Req.Body) },
		"early":    func(x *edge.Exchange) { x.Informer.Inform(103, []edge.Field{{Name: "Link", Value: "</a>"}}) },
	} {
		t.Run(name, func(t *testing.T) {
			p := greet(t, newServer(t, coreFunc(func(_ context.Context, x *edge.Exchange) {
				inform(x)
				x.Rep.Status = 204
			})), http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0})
			p.ReadMetaHeaders = nil
			post := p.fields(":method", "POST", ":scheme", "https", ":authority", "edge.test", ":path", "/", "expect", "100-continue")
			require.NoError(t, p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: post, EndHeaders: true}))
			require.Equal(t, byte(0x20), p.next().(*http2.HeadersFrame).HeaderBlockFragment()[0])
			require.NoError(t, p.WriteData(1, true, nil))
			require.NotEqual(t, byte(0x20), p.next().(*http2.HeadersFrame).HeaderBlockFragment()[0])
		})
	}
}

// TestGoAwayOfTheClient: what has come is finished, and then the connection ends.
func TestGoAwayOfTheClient(t *testing.T) {
	release := make(chan struct{})
	p := greet(t, newServer(t, coreFunc(func(_ context.Context, x *edge.Exchange) {
		<-release
		x.Rep.Status = 204
	})))
	p.ask(1, "/")
	require.NoError(t, p.WriteGoAway(0, http2.ErrCodeNo, nil))
	p.ask(3, "/")
	require.Equal(t, uint32(1), p.next().(*http2.GoAwayFrame).LastStreamID)
	close(release)
	status, _ := p.answer(1)
	require.Equal(t, "204", status)
	require.Equal(t, http2.ErrCode(0xffff), p.goneFor(), "closed, with no further word")
}

func TestDrain(t *testing.T) {
	release := make(chan struct{})
	s := newServer(t, coreFunc(func(_ context.Context, x *edge.Exchange) {
		<-release
		x.Rep.Status = 204
	}))
	p := greet(t, s)
	p.ask(1, "/")
	require.NoError(t, p.WritePing(false, [8]byte{1}))
	require.True(t, p.next().(*http2.PingFrame).IsAck())
	s.Shutdown()
	g := p.next().(*http2.GoAwayFrame)
	require.Equal(t, uint32(maxID), g.LastStreamID)
	ping := p.next().(*http2.PingFrame)
	p.ask(3, "/") // sent before GOAWAY was read
	require.NoError(t, p.WritePing(true, ping.Data))
	g = p.next().(*http2.GoAwayFrame)
	require.Equal(t, uint32(3), g.LastStreamID)
	p.ask(5, "/") // too late
	close(release)
	seen := map[uint32]bool{}
	for range 2 {
		h := p.next().(*http2.MetaHeadersFrame)
		require.Equal(t, "204", h.PseudoValue("status"))
		seen[h.StreamID] = true
	}
	require.Equal(t, map[uint32]bool{1: true, 3: true}, seen)
	require.Equal(t, http2.ErrCode(0xffff), p.goneFor(), "closed, with no further word")
	require.NoError(t, <-p.done)
	p.done <- nil
}
