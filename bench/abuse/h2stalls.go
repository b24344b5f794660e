package abuse

import "golang.org/x/net/http2"

// Stalls begin something and do not go on; all a server can do is to wait, and not
// for ever.
func Stalls() []H2 {
	stall := func(name string, say func(s *script)) H2 {
		s := newScript()
		say(s)
		return H2{Name: name, Open: s.take()}
	}
	return []H2{
		{Name: "no preface"},
		{Name: "half a frame", Open: []byte(http2.ClientPreface + "\x00\x00")},
		stall("half a block", func(s *script) { _ = s.WriteHeaders(http2.HeadersFrameParam{StreamID: 1}) }),
		stall("no request", func(*script) {}),
		stall("after answers", func(s *script) {
			s.ask(1, "GET", "/page", true)
			s.ask(3, "GET", "/page", true)
		}),
	}
}

// NoWindow asks for what it leaves no window for.
func NoWindow() H2 {
	s := newScript(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	s.ask(1, "GET", "/page", true)
	return H2{Name: "no window", Open: s.take()}
}

// NoContent begins so many uploads and sends nothing of them.
func NoContent(streams int) H2 {
	s := newScript()
	for i := range streams {
		s.ask(uint32(2*i+1), "POST", "/up", false)
	}
	return H2{Name: "no content", Open: s.take()}
}

// HalfClosed asks for that many answers, ends its requests, and leaves each a window
// of one byte.
func HalfClosed(streams int) H2 {
	s := newScript(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1})
	for i := range streams {
		s.ask(uint32(2*i+1), "GET", "/page", true)
	}
	return H2{Name: "half-closed", Open: s.take()}
}
