package h2

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/letteros/letteredge/edge"
)

// state is what a stream is to its server (RFC 9113 §5.1).
type state int

const (
	idle       state = iota
	open             // the client may send content
	halfClosed       // it has sent all, and waits
	closed           // it has sent all, or taken the request back, and knows that it is over
	reset            // we reset it: what comes may have been on its way
)

// modelStream is one stream of the model.
type modelStream struct {
	state         state
	window        int64 // of ours, for the client's content
	send          int64 // of the client's, for our answer
	declared, got int64 // of its content; declared is -1 where it is not told
}

// model is what RFC 9113 makes of a client's frames, where answers come at once or
// never. What the RFC leaves open is as we do it: HEADERS on a stream that has ended
// end the connection (§5.1 has it so where both ends had ended it, and allows it
// otherwise), DATA on one resets it.
type model struct {
	streams    map[uint32]*modelStream
	last       uint32 // the highest stream that has begun
	send       int64
	peerWindow int64

	resets   []string
	answered []uint32
	pings    int
	acks     int
	fatal    http2.ErrCode // what ended the connection; ErrCodeNo while nothing has
}

func (m *model) of(id uint32) *modelStream {
	st := m.streams[id]
	if st == nil {
		st = &modelStream{}
		m.streams[id] = st
	}
	return st
}

// skipped is a stream that never began, below one that did.
func (m *model) skipped(id uint32) bool { return m.of(id).state == idle && id <= m.last }

func (m *model) reset(id uint32, why http2.ErrCode) {
	m.resets = append(m.resets, fmt.Sprint(id, " ", why))
	m.of(id).state = reset
}

func (m *model) lives() (n int) {
	for _, st := range m.streams {
		if st.state == open || st.state == halfClosed {
			n++
		}
	}
	return n
}

// section is what HEADERS do.
func (m *model) section(id uint32, request, now, ends bool, declared int64) {
	st := m.of(id)
	switch {
	case id%2 == 0, m.skipped(id):
		m.fatal = http2.ErrCodeProtocol
	case st.state == halfClosed || st.state == closed:
		m.fatal = http2.ErrCodeStreamClosed
	case st.state == reset:
	case st.state == open: // trailers
		switch {
		case request || !ends:
			m.reset(id, http2.ErrCodeProtocol)
		default:
			m.end(id)
		}
	default:
		m.last = id
		switch {
		case !request || ends && declared > 0:
			m.reset(id, http2.ErrCodeProtocol)
		case m.lives() == modelStreams:
			m.reset(id, http2.ErrCodeRefusedStream)
		default:
			*st = modelStream{open, streamWindow, m.peerWindow, declared, 0}
			if ends {
				st.state = halfClosed
			}
			if now {
				st.state = closed
				m.answered = append(m.answered, id)
			}
		}
	}
}

// end is the end of what a client sends on an open stream.
func (m *model) end(id uint32) {
	st := m.of(id)
	st.state = halfClosed
	if st.declared >= 0 && st.got != st.declared {
		m.reset(id, http2.ErrCodeProtocol)
	}
}

func (m *model) data(id uint32, n int64, ends bool) {
	st := m.of(id)
	switch {
	case id%2 == 0, id > m.last:
		m.fatal = http2.ErrCodeProtocol
	case st.state == reset:
	case st.state != open:
		m.reset(id, http2.ErrCodeStreamClosed)
	case n > st.window:
		m.reset(id, http2.ErrCodeFlowControl)
	default:
		st.window -= n
		st.got += n
		switch {
		case st.declared >= 0 && st.got > st.declared:
			m.reset(id, http2.ErrCodeProtocol)
		case ends:
			m.end(id)
		}
	}
}

func (m *model) rst(id uint32) {
	switch st := m.of(id); {
	case id%2 == 0, id > m.last:
		m.fatal = http2.ErrCodeProtocol
	case st.state == open || st.state == halfClosed:
		st.state = closed
	}
}

func (m *model) window(id uint32, n int64) {
	st := m.of(id)
	switch {
	case id == 0 && n == 0, id%2 == 0 && id > 0, id > m.last:
		m.fatal = http2.ErrCodeProtocol
	case id == 0 && m.send+n > maxWindow:
		m.fatal = http2.ErrCodeFlowControl
	case id == 0:
		m.send += n
	case st.state != open && st.state != halfClosed:
	case n == 0:
		m.reset(id, http2.ErrCodeProtocol)
	case st.send+n > maxWindow:
		m.reset(id, http2.ErrCodeFlowControl)
	default:
		st.send += n
	}
}

func (m *model) settings(window int64) {
	if window > maxWindow {
		m.fatal = http2.ErrCodeFlowControl
		return
	}
	for _, st := range m.streams {
		if st.state != open && st.state != halfClosed {
			continue
		}
		if st.send += window - m.peerWindow; st.send > maxWindow {
			m.fatal = http2.ErrCodeFlowControl
			return
		}
	}
	m.peerWindow = window
	m.acks++
}

const (
	modelStreams = 8   // that may live at one time
	modelSteps   = 120 // of a client; what they come to is within what we forgive
)

// step has the client do one thing, and the model know of it.
func (m *model) step(fr *http2.Framer, enc func(...string) []byte, op, which, arg byte) {
	id, n := uint32(which%32), int64(arg)
	request := func(method, path string, ends bool, declared int64, more ...string) {
		p := http2.HeadersFrameParam{StreamID: id, EndHeaders: true, EndStream: ends}
		p.BlockFragment = enc(append([]string{":method", method, ":scheme", "https", ":authority", "a", ":path", path}, more...)...)
		_ = fr.WriteHeaders(p)
		m.section(id, true, path == "/now", ends, declared)
	}
	lines := func(ends bool, line ...string) {
		_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, EndStream: ends, BlockFragment: enc(line...)})
		m.section(id, false, false, ends, -1)
	}
	data := func(n int64, ends bool) {
		_ = fr.WriteData(id, ends, make([]byte, n))
		m.data(id, n, ends)
	}
	switch op % 20 {
	case 0:
		request("GET", "/held", true, -1)
	case 1, 2:
		request("POST", "/held", false, -1)
	case 3:
		request("POST", "/held", arg%8 == 0, n, "content-length", fmt.Sprint(n))
	case 4, 5:
		request("GET", "/now", true, -1)
	case 6, 7:
		lines(arg%4 > 0, "x-sum", "1")
	case 8:
		data(32*n, false)
	case 9:
		data(n, true)
	case 10:
		data(0, arg%2 == 0)
	case 11:
		_ = fr.WriteRSTStream(id, http2.ErrCodeCancel)
		m.rst(id)
	case 12:
		n = []int64{0, 1, 1000, 1 << 20, maxWindow - 1, maxWindow}[arg%6]
		if arg >= 128 {
			id = 0
		}
		_ = fr.WriteWindowUpdate(id, uint32(n))
		m.window(id, n)
	case 13:
		if id == 0 || id%2 == 0 {
			id++
		}
		_ = fr.WritePriority(id, http2.PriorityParam{StreamDep: id ^ uint32(arg%2)<<5})
		switch {
		case arg%2 == 1:
		case id > m.last:
			m.fatal = http2.ErrCodeProtocol
		default:
			m.reset(id, http2.ErrCodeProtocol)
		}
	case 14:
		_ = fr.WritePing(false, [8]byte{arg})
		m.pings++
	case 15:
		window := []int64{0, 1000, startWindow, 1 << 20, maxWindow, maxWindow + 1}[arg%6]
		_ = fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(window)})
		m.settings(window)
	case 16:
		_ = fr.WriteRawFrame(0x10, 0, 0, []byte{0, 0, 0, byte(id | 1), 'u', '=', '0' + arg%8})
	case 17:
		_ = fr.WriteRawFrame(0x77, http2.Flags(arg), id, make([]byte, arg))
	case 18: // in parts, which something else breaks off or nothing does
		b := bytes.Clone(enc(":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/now"))
		_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndStream: true, BlockFragment: b[:3]})
		if id%2 == 1 && arg%4 == 0 {
			_ = fr.WritePing(false, [8]byte{})
			m.fatal = http2.ErrCodeProtocol
			return
		}
		_ = fr.WriteContinuation(id, true, b[3:])
		m.section(id, true, true, true, -1)
	default:
		if arg < 250 {
			return
		}
		_ = fr.WriteContinuation(id, true, nil) // of nothing
		m.fatal = http2.ErrCodeProtocol
	}
}

// patient answers /now at once, and nothing else ever.
type patient struct{}

func (patient) Begin(x *edge.Exchange) bool {
	if x.Req.Target != "/now" {
		return false
	}
	x.Rep.Status = 204
	return true
}

func (patient) Finish(ctx context.Context, x *edge.Exchange) { <-ctx.Done(); x.Rep.Status = 499 }

// observed is what a server said to a client that has read nothing before it had said
// all.
func observed(t *testing.T, out []byte) *model {
	m := &model{}
	fr := http2.NewFramer(nil, bytes.NewReader(out))
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		f, err := fr.ReadFrame()
		if err == io.EOF {
			return m
		}
		require.NoError(t, err)
		if _, window := f.(*http2.WindowUpdateFrame); !window { // of content that nobody reads any more
			require.Equal(t, http2.ErrCodeNo, m.fatal, "something behind GOAWAY: %v", f)
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			require.Equal(t, "204", f.PseudoValue("status"))
			require.True(t, f.StreamEnded())
			m.answered = append(m.answered, f.StreamID)
		case *http2.RSTStreamFrame:
			m.resets = append(m.resets, fmt.Sprint(f.StreamID, " ", f.ErrCode))
		case *http2.GoAwayFrame:
			m.fatal, m.last = f.ErrCode, f.LastStreamID
		case *http2.PingFrame:
			m.pings++
		case *http2.SettingsFrame:
			if f.IsAck() {
				m.acks++
			}
		case *http2.WindowUpdateFrame:
		default:
			require.Fail(t, "another frame", "%v", f)
		}
	}
}

// staying is a client that leaves when its last PING is answered, or when it is sent
// away: a server may keep to itself what it has still to say to one that has gone.
type staying struct {
	script
	once  sync.Once
	heard chan struct{}
}

const lastPing = "the last"

func (s *staying) Read(p []byte) (int, error) {
	if s.in.Len() == 0 {
		<-s.heard
	}
	return s.script.Read(p)
}

func (s *staying) Write(p []byte) (int, error) {
	n, err := s.script.Write(p)
	for b := s.out.Bytes(); len(b) >= headerLen; {
		length, typ := int(b[0])<<16|int(b[1])<<8|int(b[2]), frameType(b[3])
		if len(b) < headerLen+length {
			break
		}
		if typ == frameGoAway || typ == framePing && string(b[headerLen:headerLen+length]) == lastPing {
			s.leave()
		}
		b = b[headerLen+length:]
	}
	return n, err
}

func (s *staying) Close() error { s.leave(); return nil }

func (s *staying) leave() { s.once.Do(func() { close(s.heard) }) }

// FuzzStates: whatever frames a client sends on whatever streams, each stream is in
// the state that RFC 9113 says, and so is the connection: what is answered, reset, and
// ended for what is what the model says.
func FuzzStates(f *testing.F) {
	for _, seed := range []string{
		"\x00\x01\x00\x00\x01\x00",                                     // a request, and once more
		"\x01\x03\x00\x08\x03\xff\x09\x03\x07\x09\x03\x00\x09\x03\x00", // an upload, and content behind its end
		"\x03\x05\x09\x08\x05\x00\x09\x05\x09",                         // as much content as announced
		"\x03\x05\x09\x09\x05\x0a\x09\x05\x09",                         // more of it, and what was on its way
		"\x01\x01\x00\x06\x01\x01\x06\x01\x01",                         // trailers, twice
		"\x01\x01\x00\x06\x01\x04\x06\x01\x01",                         // trailers that do not end
		"\x04\x07\x00\x08\x07\x01\x0b\x07\x00\x04\x07\x00",             // of a stream that was answered
		"\x04\x07\x00\x04\x05\x00",                                     // of a stream that was skipped
		"\x01\x01\x00\x0b\x01\x00\x08\x01\x01\x0b\x01\x00\x01\x01\x00", // of one that was taken back
		"\x00\x01\x00\x0c\x01\x01\x0c\x01\x05\x0c\x01\x00",             // windows
		"\x00\x01\x00\x0c\x01\x02\x0f\x00\x04",                         // a window too large by SETTINGS
		"\x0c\x00\x85\x0c\x00\x85",                                     // the connection's
		"\x12\x03\x01\x12\x05\x00",                                     // in parts, and broken off
		"\x0d\x03\x01\x01\x03\x00\x0d\x03\x00\x0d\x05\x00",             // PRIORITY
		"\x0e\x00\x07\x10\x05\x03\x11\x09\x10\x0b\x01\x00",             // what has no state, and an idle stream
		"\x13\x01\xff",             // CONTINUATION of nothing
		"\x0a\x01\x01\x0a\x02\x01", // DATA on an idle stream
		"\x00\x01\x00\x00\x03\x00\x00\x05\x00\x00\x07\x00\x00\x09\x00\x00\x0b\x00\x00\x0d\x00\x00\x0f\x00\x00\x11\x00\x00\x13\x00", // too many
		"y70010010010010010010010010010010010010010010010010010010010010010070000",                                                 // a window given back as the connection ends
	} {
		f.Add([]byte(seed), uint16(40))
	}
	s := newServer(f, patient{}, func(c *Config) { c.MaxStreams = modelStreams })
	f.Fuzz(func(t *testing.T, steps []byte, pace uint16) {
		want := &model{streams: map[uint32]*modelStream{}, send: startWindow, peerWindow: startWindow, acks: 1}
		frames := talk(func(fr *http2.Framer, enc func(...string) []byte) {
			_ = fr.WriteSettings()
			for i := 0; i+3 <= len(steps) && i < 3*modelSteps && want.fatal == http2.ErrCodeNo; i += 3 {
				want.step(fr, enc, steps[i], steps[i+1], steps[i+2])
			}
			if want.fatal == http2.ErrCodeNo {
				_ = fr.WritePing(false, [8]byte([]byte(lastPing)))
				want.pings++
			}
		})
		conn := &staying{script: script{in: bytes.NewReader(append([]byte(preface), frames...)), step: int(pace) + 1}, heard: make(chan struct{})}
		if want.fatal != http2.ErrCodeNo {
			conn.leave()
		}
		_ = s.ServeConn(context.Background(), &Wire{Conn: conn})
		got := observed(t, conn.out.Bytes())
		require.Equal(t, want.resets, got.resets)
		require.Equal(t, want.answered, got.answered)
		require.Equal(t, want.fatal, got.fatal)
		require.Equal(t, want.pings, got.pings)
		require.Equal(t, want.acks, got.acks)
		if want.fatal != http2.ErrCodeNo {
			require.Equal(t, want.last, got.last)
		}
	})
}
