package abuse

import (
	"bytes"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// script writes frames of HTTP/2 down. What it is given may be wrong.
type script struct {
	*http2.Framer
	out   *bytes.Buffer
	block *bytes.Buffer
	enc   *hpack.Encoder
}

// newScript has a preface and settings in it already.
func newScript(settings ...http2.Setting) *script {
	s := &script{out: new(bytes.Buffer), block: new(bytes.Buffer)}
	s.Framer, s.enc = http2.NewFramer(s.out, nil), hpack.NewEncoder(s.block)
	s.AllowIllegalWrites = true
	s.out.WriteString(http2.ClientPreface)
	_ = s.WriteSettings(settings...) // a buffer takes all, here as below
	return s
}

// fields encodes a header section.
func (s *script) fields(lines ...string) []byte {
	s.block.Reset()
	for i := 0; i < len(lines); i += 2 {
		_ = s.enc.WriteField(hpack.HeaderField{Name: lines[i], Value: lines[i+1]})
	}
	return s.block.Bytes()
}

// ask begins a request. More are flags: what ends with it.
func (s *script) ask(id uint32, method, path string, ends bool, more ...string) {
	lines := append([]string{":method", method, ":scheme", "https", ":authority", "edge.test", ":path", path}, more...)
	_ = s.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: s.fields(lines...), EndHeaders: true, EndStream: ends})
}

// take returns what was written down since it was last asked, until it is asked again.
func (s *script) take() []byte {
	b := bytes.Clone(s.out.Bytes())
	s.out.Reset()
	return b
}

// again is a round that is the same each time.
func (s *script) again(say func()) func(int) []byte {
	s.out.Reset()
	say()
	b := s.take()
	return func(int) []byte { return b }
}

// each is a round that is new each time.
func (s *script) each(say func(i int)) func(int) []byte {
	return func(i int) []byte {
		s.out.Reset()
		say(i)
		return s.out.Bytes()
	}
}
