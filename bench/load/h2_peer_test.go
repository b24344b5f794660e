package load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Fields beyond a frame come in CONTINUATIONs, content beyond a window in turns.
func TestH2LargeAnswers(t *testing.T) {
	long, body := strings.Repeat("v", 40<<10), bytes.Repeat([]byte("b"), 5<<20)
	cfg := serve(t, H2, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("X-Long", long)
		w.Header().Set(http.TrailerPrefix+"X-Sum", "1")
		_, _ = w.Write(body)
	})
	a, err := Fetch(t.Context(), cfg)
	require.NoError(t, err)
	require.Equal(t, 200, a.Status)
	require.Equal(t, body, a.Body)
	require.Contains(t, a.Fields, Field{"X-Long", long})
	cfg.Requests, cfg.Connections, cfg.Streams = 12, 1, 4
	res, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.EqualValues(t, 12, res.Answered, "%v", res.Failures)
	require.EqualValues(t, 12*len(body), res.Bytes)
}

// scripted runs one connection of a client whose server does as the test says.
func scripted(t *testing.T, streams int, server func(*http2.Framer)) *h2Peer {
	t.Helper()
	cfg := Config{URLs: []string{"https://127.0.0.1:1/a"}, Proto: H2, Streams: streams, Timeout: time.Minute}
	plan, err := cfg.plan()
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ours, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		theirs, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = theirs.Close() }()
		if _, err := io.ReadFull(theirs, make([]byte, len(h2Preface))); err == nil {
			server(http2.NewFramer(theirs, theirs))
		}
	}()
	t.Cleanup(func() { _ = ours.Close(); _ = l.Close(); <-done })
	p := &h2Peer{plan: plan, nc: ours, in: newH2Input(ours), ended: make(chan struct{}), open: map[uint32]*h2Slot{}, next: 1, unwatch: func() bool { return true }}
	return p
}

// nextRequest reads what a client says until a request has come, and returns its stream.
func nextRequest(t *testing.T, f *http2.Framer) uint32 {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return 0
		}
		if h, ok := frame.(*http2.HeadersFrame); ok {
			return h.StreamID
		}
	}
}

func block(status string) []byte {
	var b bytes.Buffer
	_ = hpack.NewEncoder(&b).WriteField(hpack.HeaderField{Name: ":status", Value: status}) // to memory
	return b.Bytes()
}

func (p *h2Peer) run(t *testing.T) {
	t.Helper()
	p.form = newH2Form(p.plan, "a", defaultTable)
	p.free = make(chan *h2Slot, p.plan.Streams)
	for range p.plan.Streams {
		p.free <- &h2Slot{done: make(chan struct{}, 1)}
	}
	p.loops.Go(p.read)
	p.loops.Go(p.reap)
	t.Cleanup(p.close)
}

// What the server did not begin may be asked again; what it broke may not.
func TestH2Refused(t *testing.T) {
	for name, c := range map[string]struct {
		end   func(*http2.Framer, uint32) error
		again bool
	}{
		"refused":   {func(f *http2.Framer, id uint32) error { return f.WriteRSTStream(id, http2.ErrCodeRefusedStream) }, true},
		"goaway":    {func(f *http2.Framer, id uint32) error { return f.WriteGoAway(id-1, http2.ErrCodeNo, nil) }, true},
		"reset":     {func(f *http2.Framer, id uint32) error { return f.WriteRSTStream(id, http2.ErrCodeInternal) }, false},
		"two heads": {func(f *http2.Framer, _ uint32) error { return f.WriteContinuation(1, true, block("200")) }, false},
		"push": {func(f *http2.Framer, _ uint32) error {
			return f.WriteRawFrame(http2.FramePushPromise, 0, 1, make([]byte, 8))
		}, false},
		"no status": {func(f *http2.Framer, id uint32) error {
			return f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, EndStream: true})
		}, false},
		"data first": {func(f *http2.Framer, id uint32) error { return f.WriteData(id, true, []byte("x")) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := scripted(t, 1, func(f *http2.Framer) {
				if f.WriteSettings() != nil {
					return
				}
				if id := nextRequest(t, f); id != 0 && c.end(f, id) == nil {
					nextRequest(t, f)
				}
			})
			_, err := p.greet()
			require.NoError(t, err)
			p.run(t)
			_, err = p.ask(t.Context(), p.plan.targets[0], nil)
			require.Error(t, err)
			var unprocessed *unprocessedError
			require.Equal(t, c.again, errors.As(err, &unprocessed), "%v", err)
		})
	}
}

// A server that admits fewer streams than there are workers is waited for.
func TestH2FewStreams(t *testing.T) {
	p := scripted(t, 8, func(f *http2.Framer) {
		if f.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1}) != nil {
			return
		}
		for id := nextRequest(t, f); id != 0; id = nextRequest(t, f) {
			if f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block("204"), EndHeaders: true, EndStream: true}) != nil {
				return
			}
		}
	})
	s, err := p.greet()
	require.NoError(t, err)
	require.Equal(t, 1, s.streams)
	p.plan.Streams = s.streams
	p.run(t)
	for range 20 {
		a, err := p.ask(t.Context(), p.plan.targets[0], nil)
		require.NoError(t, err)
		require.Equal(t, 204, a.status)
	}
}

// Whatever a server sends, it is an answer or an error.
func FuzzH2Frames(f *testing.F) {
	seed := func(write func(*http2.Framer) error) {
		var b bytes.Buffer
		require.NoError(f, write(http2.NewFramer(&b, nil)))
		f.Add(b.Bytes())
	}
	seed(func(w *http2.Framer) error {
		return w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block("200"), EndHeaders: true, PadLength: 3, Priority: http2.PriorityParam{Weight: 1}})
	})
	seed(func(w *http2.Framer) error {
		if err := w.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: block("103")[:1]}); err != nil {
			return err
		}
		return w.WriteContinuation(3, true, block("103")[1:])
	})
	seed(func(w *http2.Framer) error { return w.WriteDataPadded(1, true, []byte("x"), make([]byte, 9)) })
	seed(func(w *http2.Framer) error { return w.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize}) })
	seed(func(w *http2.Framer) error { return w.WriteGoAway(1, http2.ErrCodeNo, []byte("bye")) })
	seed(func(w *http2.Framer) error { return w.WriteRSTStream(1, http2.ErrCodeCancel) })
	seed(func(w *http2.Framer) error { return w.WritePing(false, [8]byte{1}) })
	seed(func(w *http2.Framer) error { return w.WriteWindowUpdate(0, 1) })
	f.Add(binary.BigEndian.AppendUint32(nil, 1<<30))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := &h2Peer{in: newH2Input(bytes.NewReader(data)), open: map[uint32]*h2Slot{}}
		for _, id := range []uint32{1, 3} {
			p.open[id] = &h2Slot{id: id, done: make(chan struct{}, 1)}
		}
		p.open[3].keep = &Answer{}
		for {
			kind, flags, id, payload, err := p.in.next()
			if err != nil {
				return
			}
			if _, err := p.frame(kind, flags, id, payload); err != nil {
				return
			}
			require.LessOrEqual(t, len(p.in.block), h2MaxBlock)
			require.LessOrEqual(t, len(p.out), 2*len(data), "answers to frames are no longer than the frames")
		}
	})
}
