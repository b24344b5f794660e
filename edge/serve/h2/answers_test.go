package h2

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// answersOp has a client do one thing on one of eight streams, of which most is right.
func answersOp(fr *http2.Framer, enc func(...string) []byte, op, which, arg byte) {
	id := uint32(which%8)*2 + 1
	path := []string{"/now", "/later", "/early", "/bits", "/%zz", "/now/" + strings.Repeat("x", 20_000)}[which/8%6]
	ask := func(method string, ends bool, more ...string) {
		_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, EndStream: ends,
			BlockFragment: enc(append([]string{":method", method, ":scheme", "https", ":authority", "a", ":path", path}, more...)...)})
	}
	switch op % 8 {
	case 0:
		ask("GET", true)
	case 1:
		ask([]string{"POST", "GET", "HEAD", "PUT"}[arg%4], false)
	case 2:
		ask("POST", false, "expect", []string{"100-continue", "wonders"}[arg%2], "content-length", "9")
	case 3:
		_ = fr.WriteData(id, arg%4 == 0, make([]byte, int(arg)*64))
	case 4:
		_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, EndStream: arg%4 > 0, BlockFragment: enc("x-sum", "1")})
	case 5:
		_ = fr.WriteRSTStream(id, http2.ErrCodeCancel)
	case 6:
		if arg%2 == 0 {
			id = 0
		}
		_ = fr.WriteWindowUpdate(id, 1+uint32(arg)*64)
	default:
		_ = fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(arg%4) * 5000})
	}
}

// FuzzAnswers: whatever requests are refused, answered and broken off by whom, while
// windows open and close, the answers are HTTP/2 and nothing breaks.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte("\x07\x00\x00\x01\x20\x00\x03\x20\x01\x03\x20\x00\x06\x20\x03"), uint16(9)) // refused, its window shut, content behind it
	f.Add([]byte("\x07\x00\x00\x02\x21\x01\x04\x21\x01\x00\x02\x00\x06\x21\x05"), uint16(99))
	f.Add([]byte("\x01\x00\x00\x00\x19\x00\x03\x00\x08\x05\x19\x00\x07\x00\x02\x00\x2a\x00\x06\x2a\x09"), uint16(7))
	s := newServer(f, playing{}, func(c *Config) { c.MaxStreams = 8 })
	f.Fuzz(func(t *testing.T, steps []byte, pace uint16) {
		frames := talk(func(fr *http2.Framer, enc func(...string) []byte) {
			_ = fr.WriteSettings()
			for i := 0; i+3 <= len(steps) && i < 3*modelSteps; i += 3 {
				answersOp(fr, enc, steps[i], steps[i+1], steps[i+2])
			}
		})
		conn := &script{in: bytes.NewReader(append([]byte(preface), frames...)), step: int(pace) + 1}
		_ = s.ServeConn(context.Background(), &Wire{Conn: conn})
		said(t, conn.out.Bytes(), 1<<62, 1<<62)
	})
}
