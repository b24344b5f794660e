package h2

import (
	"bytes"
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/section"
)

// script is a connection whose client says what is written down, and goes.
type script struct {
	net.Conn
	in   *bytes.Reader
	step int // bytes at a time
	out  bytes.Buffer
}

func (s *script) Read(p []byte) (int, error)       { return s.in.Read(p[:min(len(p), s.step)]) }
func (s *script) Write(p []byte) (int, error)      { return s.out.Write(p) }
func (s *script) Close() error                     { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }
func (s *script) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// playing answers in the first phase, the second, or bit by bit, as it is asked.
type playing struct{}

func (playing) Begin(x *edge.Exchange) bool {
	if !strings.HasPrefix(x.Req.Target, "/now") {
		return false
	}
	x.Rep.Status, x.Rep.Body = 200, []byte(x.Req.Target)
	x.Rep.Length = int64(len(x.Rep.Body))
	return true
}

func (playing) Finish(_ context.Context, x *edge.Exchange) {
	if x.Req.Body != nil && !strings.HasPrefix(x.Req.Target, "/early") {
		_, _ = io.Copy(io.Discard, x.Req.Body)
	}
	x.Rep.Status, x.Rep.Length = 200, -1
	if strings.HasPrefix(x.Req.Target, "/bits") {
		x.Rep.Stream = io.NopCloser(strings.NewReader(strings.Repeat("bit", 30_000)))
		return
	}
	x.Rep.Body = make([]byte, 20_000)
}

// said checks what the server said: whole frames, in the order that streams have
// them, within the windows that the client gave.
func said(t *testing.T, out []byte, window, connWindow int64) {
	fr := http2.NewFramer(nil, bytes.NewReader(out))
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	state := map[uint32]string{} // "", "headers", "ended"
	var all int64
	sent := map[uint32]int64{}
	for {
		f, err := fr.ReadFrame()
		if err == io.EOF {
			return
		}
		require.NoError(t, err)
		id := f.Header().StreamID
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			require.Empty(t, state[id], "HEADERS twice")
			if f.PseudoValue("status")[0] != '1' {
				state[id] = "headers"
			}
			if f.StreamEnded() {
				state[id] = "ended"
			}
		case *http2.DataFrame:
			require.Equal(t, "headers", state[id])
			sent[id] += int64(len(f.Data()))
			all += int64(len(f.Data()))
			require.LessOrEqual(t, sent[id], window)
			require.LessOrEqual(t, all, connWindow)
			if f.StreamEnded() {
				state[id] = "ended"
			}
		}
	}
}

// talk writes frames down.
func talk(say func(fr *http2.Framer, enc func(lines ...string) []byte)) []byte {
	var b, block bytes.Buffer
	fr := http2.NewFramer(&b, nil)
	fr.AllowIllegalWrites = true
	enc := hpack.NewEncoder(&block)
	say(fr, func(lines ...string) []byte {
		block.Reset()
		for i := 0; i < len(lines); i += 2 {
			_ = enc.WriteField(hpack.HeaderField{Name: lines[i], Value: lines[i+1]})
		}
		return block.Bytes()
	})
	return b.Bytes()
}

// FuzzFrames: whatever a client says, the connection ends, nothing is left of it,
// and what was said to it is HTTP/2.
func FuzzFrames(f *testing.F) {
	request := func(method, path string, more ...string) []string {
		return append([]string{":method", method, ":scheme", "https", ":authority", "a", ":path", path}, more...)
	}
	type enc = func(...string) []byte
	whole := http2.HeadersFrameParam{EndHeaders: true, EndStream: true}
	head := func(p http2.HeadersFrameParam, id uint32, block []byte) http2.HeadersFrameParam {
		p.StreamID, p.BlockFragment = id, block
		return p
	}
	for _, say := range []func(fr *http2.Framer, enc enc){
		func(fr *http2.Framer, e enc) {
			for id := uint32(1); id < 20; id += 2 {
				_ = fr.WriteHeaders(head(whole, id, e(request("GET", "/now", "cookie", "a", "cookie", "b")...)))
			}
		},
		func(fr *http2.Framer, e enc) {
			_ = fr.WriteHeaders(head(whole, 1, e(request("GET", "/bits")...)))
			_ = fr.WriteHeaders(head(whole, 3, e(request("HEAD", "/later")...)))
			_ = fr.WriteWindowUpdate(1, 1000)
			_ = fr.WriteRSTStream(1, http2.ErrCodeCancel)
			_ = fr.WriteData(1, true, []byte("late"))
		},
		func(fr *http2.Framer, e enc) {
			open := http2.HeadersFrameParam{EndHeaders: true}
			_ = fr.WriteHeaders(head(open, 1, e(request("POST", "/up", "expect", "100-continue", "content-length", "8")...)))
			_ = fr.WriteDataPadded(1, false, []byte("some"), []byte{0})
			_ = fr.WriteData(1, false, nil)
			_ = fr.WriteData(1, false, []byte("more"))
			_ = fr.WriteHeaders(head(whole, 1, e("x-sum", "1")))
			_ = fr.WriteHeaders(head(open, 3, e(request("POST", "/early")...)))
			_ = fr.WriteData(3, true, []byte("content"))
			_ = fr.WriteHeaders(head(open, 5, e(request("GET", "/now")...)))
			_ = fr.WriteData(5, true, []byte("content"))
		},
		func(fr *http2.Framer, e enc) {
			b := e(request("GET", "/now/"+strings.Repeat("x", 100))...)
			_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: b[:9], EndStream: true, PadLength: 3,
				Priority: http2.PriorityParam{StreamDep: 3, Weight: 7}})
			_ = fr.WriteContinuation(1, false, b[9:20])
			_ = fr.WriteContinuation(1, true, b[20:])
			_ = fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 5}, http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0})
			_ = fr.WriteSettingsAck()
			_ = fr.WritePing(false, [8]byte{1})
			_ = fr.WritePriority(9, http2.PriorityParam{StreamDep: 1})
			_ = fr.WriteRawFrame(0x10, 0, 0, append([]byte{0, 0, 0, 3}, "u=0, i"...))
			_ = fr.WriteRawFrame(0x77, 3, 5, []byte("unknown"))
			_ = fr.WriteHeaders(head(whole, 3, e(request("GET", "/later")...)))
			_ = fr.WriteGoAway(0, http2.ErrCodeNo, nil)
		},
		func(fr *http2.Framer, _ enc) { _ = fr.WriteContinuation(1, true, nil) },
		func(fr *http2.Framer, e enc) {
			_ = fr.WriteHeaders(head(whole, 1, append(e(":status", "200"), 0x3f, 0xff, 0xff)))
		},
	} {
		f.Add(talk(say), uint16(100))
	}
	s := newServer(f, playing{}, func(c *Config) { c.MaxStreams = 8 })
	f.Fuzz(func(t *testing.T, frames []byte, step uint16) {
		const window = 30_000
		in := []byte(preface)
		in = appendSetting(appendFrameHeader(in, 6, frameSettings, 0, 0), settingWindow, window)
		conn := &script{in: bytes.NewReader(append(in, frames...)), step: int(step) + 1}
		_ = s.ServeConn(context.Background(), &Wire{Conn: conn})
		if !bytes.Contains(frames, []byte{0, 4, byte(frameWindow)}) && !bytes.Contains(frames, []byte{byte(frameSettings), 0}) {
			said(t, conn.out.Bytes(), window, startWindow)
		} else {
			said(t, conn.out.Bytes(), 1<<62, 1<<62)
		}
	})
}

// longInteger reports whether a block may hold an integer of more octets than any here needs.
func longInteger(block []byte) bool {
	on := 0 // octets in a row that say that another follows
	for _, b := range block {
		if on++; b < 0x80 {
			on = 0
		}
		if on == 5 {
			return true
		}
	}
	return false
}

// FuzzBlocks: what x/net's decoder reads, ours reads as the same, and after any
// number of blocks both have the same table.
func FuzzBlocks(f *testing.F) {
	both := func(say func(enc *hpack.Encoder)) []byte {
		var b bytes.Buffer
		say(hpack.NewEncoder(&b))
		return b.Bytes()
	}
	f.Add(both(func(e *hpack.Encoder) {
		for range 3 {
			_ = e.WriteField(hpack.HeaderField{Name: "x-name", Value: "value"})
			_ = e.WriteField(hpack.HeaderField{Name: ":path", Value: "/x"})
		}
	}), []byte{0x80 | 62, 0x80 | 63})
	f.Add(both(func(e *hpack.Encoder) {
		e.SetMaxDynamicTableSize(64)
		_ = e.WriteField(hpack.HeaderField{Name: "a", Value: strings.Repeat("b", 100)})
		_ = e.WriteField(hpack.HeaderField{Name: "c", Value: "d", Sensitive: true})
	}), []byte{0x3f, 0xe1, 0x1f, 0x40, 1, 'a', 1, 'b'})
	f.Add([]byte{0x20}, []byte{0x40, 0x81, 0xff, 0})
	f.Add([]byte("A\x010"), []byte("?00"))
	f.Add([]byte("@\x010\x00"), []byte("@\x011\x010")) // a line without a value, and another in its memory
	f.Add([]byte{0x41, 0x00, 0x82}, []byte{0x7f, 0x80, 0x00, 0x00})
	static := newStatic()
	f.Fuzz(func(t *testing.T, one, two []byte) {
		ours := newDecoder(static)
		theirs := hpack.NewDecoder(tableSize, func(hpack.HeaderField) {})
		var s section.Section
		s.Limit(1<<30, 1<<30)
		for _, block := range [][]byte{one, two} {
			s.Reset()
			ok := ours.decode(block, &s)
			_, err := theirs.DecodeFull(block)
			if ok && err != nil { // it has no second update ahead of the lines, which RFC 7541 §4.2 has
				_, rest, _ := section.Int(block, 5)
				require.True(t, block[0]&0xe0 == 0x20 && rest[0]&0xe0 == 0x20, "%x: %v", block, err)
				return
			}
			if !ok && err == nil { // it allows an update amid lines, where the table is empty, and longer integers (RFC 7541 §5.1)
				update := slices.ContainsFunc(block, func(b byte) bool { return b&0xe0 == 0x20 })
				require.True(t, update || longInteger(block), "%x", block)
				return
			}
			if err != nil {
				return
			}
		}
		for i := range 140 {
			var want hpack.HeaderField
			all, err := theirs.DecodeFull(section.AppendInt(nil, 0x80, 7, i))
			if err == nil {
				want = all[0]
			}
			l := ours.line(i)
			require.Equal(t, err == nil, l != nil, "index %d", i)
			if l != nil {
				require.Equal(t, want.Value, l.Value)
				require.True(t, strings.EqualFold(want.Name, l.Name.Text), "%q %q", want.Name, l.Name.Text)
			}
		}
	})
}
