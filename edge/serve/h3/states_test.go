package h3

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	reference "github.com/quic-go/qpack"
	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// block encodes lines as quic-go does.
func block(lines ...string) string {
	var b bytes.Buffer
	e := reference.NewEncoder(&b)
	for i := 0; i < len(lines); i += 2 {
		_ = e.WriteField(reference.HeaderField{Name: lines[i], Value: lines[i+1]}) // a buffer takes all
	}
	return b.String()
}

// head is a HEADERS frame of a request.
func head(method, target string, more ...string) string {
	return frame(frameHeaders, block(append([]string{":method", method, ":scheme", "https", ":authority", "edge.test", ":path", target}, more...)...))
}

// reading answers with what it was sent.
func reading(_ context.Context, x *edge.Exchange) {
	if x.Req.Body == nil {
		says(x, "none")
		return
	}
	b, err := io.ReadAll(x.Req.Body)
	switch {
	case err != nil: // as an origin that got half a request
		x.Rep.Status, x.Rep.Length = 502, 0
	default:
		says(x, string(b))
	}
}

// Every way that a request stream may go wrong (RFC 9114 §4.1, §4.3, §7), and some in
// which it may not; each read at once, in pieces, and after a pause.
func TestStreamStates(t *testing.T) {
	get, post := head("GET", "/"), head("POST", "/")
	data := func(s string) string { return frame(frameData, s) }
	grease := frame(0x21, "grease")
	trailers := frame(frameHeaders, block("x-checksum", "1"))
	reset := &quic.StreamError{Remote: true, ErrorCode: quic.StreamErrorCode(codeRequestCancelled)}
	large := strings.Repeat("x", 30<<10)
	for name, c := range map[string]struct {
		sent string
		then error
		want string
	}{
		"a request":                             {get, io.EOF, "200 none"},
		"a request whose end does not come":     {get, nil, "200 none"},
		"unknown frames first":                  {grease + grease + get, io.EOF, "200 none"},
		"unknown frames behind":                 {get + grease, io.EOF, "200 none"},
		"no byte":                               {"", io.EOF, "stream 0x10d"},
		"unknown frames alone":                  {grease, io.EOF, "stream 0x10d"},
		"nothing ever":                          {"", nil, "stream 0x10d"},
		"half a request for ever":               {get[:len(get)-3], nil, "stream 0x10d"},
		"half a request":                        {get[:len(get)-3], io.EOF, "connection 0x106"},
		"half a type":                           {"\x40", io.EOF, "connection 0x106"},
		"half an unknown frame":                 {ints(0x21, 10) + "abc", io.EOF, "connection 0x106"},
		"taken back at once":                    {"", reset, "stream 0x10c"},
		"taken back within":                     {get[:5], reset, "stream 0x10c"},
		"data first":                            {data("x") + get, io.EOF, "connection 0x105"},
		"settings first":                        {settings + get, io.EOF, "connection 0x105"},
		"goaway":                                {frame(frameGoAway, ints(0)) + get, io.EOF, "connection 0x105"},
		"a push promise":                        {frame(framePushPromise, "xxx") + get, io.EOF, "connection 0x105"},
		"a priority update":                     {frame(framePriorityUpdate, ints(0)) + get, io.EOF, "connection 0x105"},
		"a cancelled push":                      {frame(frameCancelPush, ints(0)) + get, io.EOF, "connection 0x105"},
		"a frame of HTTP/2":                     {frame(0x6, "12345678") + get, io.EOF, "connection 0x105"},
		"a section that is none":                {frame(frameHeaders, "\x00\x00\x80"), io.EOF, "connection 0x200"},
		"an empty section":                      {frame(frameHeaders, ""), io.EOF, "connection 0x200"},
		"no lines":                              {frame(frameHeaders, "\x00\x00"), io.EOF, "stream 0x10e"},
		"a large section":                       {head("GET", "/", "x-a", large[:20<<10]), io.EOF, "200 none"},
		"too large a section":                   {head("GET", "/", "x-a", large, "x-b", large), io.EOF, "431"},
		"too large a section by count":          {head("GET", "/", strings.Split(strings.Repeat("a,b,", 300)+"a,b", ",")...), io.EOF, "431"},
		"a larger section than it comes to":     {ints(frameHeaders, 1<<30) + "abc", nil, "431"},
		"upper case":                            {head("GET", "/", "X-A", "b"), io.EOF, "stream 0x10e"},
		"a connection field":                    {head("GET", "/", "connection", "close"), io.EOF, "stream 0x10e"},
		"te":                                    {head("GET", "/", "te", "gzip"), io.EOF, "stream 0x10e"},
		"te, trailers":                          {head("GET", "/", "te", "trailers"), io.EOF, "200 none"},
		"a method twice":                        {head("GET", "/", ":method", "GET"), io.EOF, "stream 0x10e"},
		"a pseudo-field behind":                 {head("GET", "/", "a", "b", ":x", "y"), io.EOF, "stream 0x10e"},
		"a status":                              {head("GET", "/", ":status", "200"), io.EOF, "stream 0x10e"},
		"no path":                               {frame(frameHeaders, block(":method", "GET", ":scheme", "https", ":authority", "a")), io.EOF, "stream 0x10e"},
		"a line break":                          {head("GET", "/", "a", "b\r\nc: d"), io.EOF, "stream 0x10e"},
		"a fragment":                            {head("GET", "/#a"), io.EOF, "400"},
		"a broken escape":                       {head("GET", "/%zz"), io.EOF, "400"},
		"an unknown expectation":                {head("POST", "/", "expect", "wonders"), io.EOF, "417"},
		"no content":                            {post, io.EOF, "200 none"},
		"empty content":                         {post + data(""), io.EOF, "200 none"},
		"content":                               {post + data("abc") + data("") + data("def"), io.EOF, "200 abcdef"},
		"content among unknown frames":          {post + grease + data("abc") + grease + data("def") + grease, io.EOF, "200 abcdef"},
		"content with trailers":                 {post + data("abc") + trailers, io.EOF, "200 abc"},
		"content with trailers and grease":      {post + data("abc") + trailers + grease, io.EOF, "200 abc"},
		"trailers alone":                        {post + trailers, io.EOF, "200 none"},
		"trailers twice":                        {post + data("abc") + trailers + trailers, io.EOF, "connection 0x105"},
		"data behind trailers":                  {post + data("abc") + trailers + data("def"), io.EOF, "connection 0x105"},
		"settings among the content":            {post + data("abc") + settings + data("def"), io.EOF, "connection 0x105"},
		"a pseudo-field among trailers":         {post + data("abc") + get, io.EOF, "stream 0x10e"},
		"trailers that are none":                {post + data("abc") + frame(frameHeaders, "\x00"), io.EOF, "connection 0x200"},
		"too large trailers":                    {post + data("abc") + ints(frameHeaders, 1<<20), io.EOF, "stream 0x107"},
		"half of the content":                   {post + ints(frameData, 10) + "abc", io.EOF, "connection 0x106"},
		"half of the trailers":                  {post + data("abc") + trailers[:4], io.EOF, "connection 0x106"},
		"content of the length announced":       {head("POST", "/", "content-length", "6") + data("abc") + data("def"), io.EOF, "200 abcdef"},
		"less content than announced":           {head("POST", "/", "content-length", "7") + data("abcdef"), io.EOF, "stream 0x10e"},
		"more content than announced":           {head("POST", "/", "content-length", "5") + data("abcdef"), io.EOF, "stream 0x10e"},
		"no content, though announced":          {head("GET", "/", "content-length", "5"), io.EOF, "stream 0x10e"},
		"a length that is none":                 {head("POST", "/", "content-length", "+5") + data("abcde"), io.EOF, "stream 0x10e"},
		"too much content":                      {head("POST", "/", "content-length", "2000000"), nil, "413"},
		"too much content that is not told":     {post + data(strings.Repeat("x", 2<<20)), io.EOF, "413"},
		"an expectation":                        {head("POST", "/", "expect", "100-continue") + data("abc"), io.EOF, "100 200 abc"},
		"an expectation with length":            {head("POST", "/", "expect", "100-continue", "content-length", "3") + data("abc"), io.EOF, "100 200 abc"},
		"content of a GET":                      {get + data("abc"), io.EOF, "200 none"},
		"content of a GET that does not end":    {get + data("abc"), nil, "200 none"},
		"content of a GET, announced":           {head("GET", "/", "content-length", "3") + data("abc"), io.EOF, "200 abc"},
		"taken back within the content":         {post + data("abc"), reset, "400"},
		"no more content within the time":       {post + data("abc"), nil, "408"},
		"empty frames without end":              {post + strings.Repeat(data(""), 1000) + data("abc"), io.EOF, "stream 0x107"},
		"unknown frames without end":            {strings.Repeat(frame(0x21, ""), 1000) + get, io.EOF, "stream 0x107"},
		"unknown frames without end, behind":    {post + strings.Repeat(frame(0x21, ""), 1000) + data("abc"), io.EOF, "stream 0x107"},
		"too large an unknown frame":            {ints(0x21, 1<<20), nil, "stream 0x107"},
		"CONNECT":                               {frame(frameHeaders, block(":method", "CONNECT", ":authority", "a:1")), nil, "200 none"},
		"crumbs of a cookie, a space in a path": {head("GET", "/a b", "cookie", "a=1", "cookie", "b=2"), io.EOF, "200 none"},
	} {
		t.Run(name, func(t *testing.T) {
			core := coreFunc{serve: reading, waits: func(x *edge.Exchange) bool { return x.Req.Body != nil }}
			for how, parts := range map[string][][]byte{
				"at once": {[]byte(c.sent)}, "by bytes": split(c.sent, 1),
				"by sevens": split(c.sent, 7), "late": append([][]byte{nil}, split(c.sent, 1000)...),
			} {
				if len(c.sent) > 1<<20 && how == "by bytes" {
					continue
				}
				if c.sent == "" {
					parts = nil
				}
				s := &fakeStream{parts: parts, then: c.then}
				p, got := ask(core, s)
				if strings.HasPrefix(c.want, "4") {
					got, _, _ = strings.Cut(got, " ")
				}
				require.Equal(t, c.want, got, how)
				if s.closed && p.closed == 0 {
					require.Equal(t, s.then != io.EOF, s.read == codeNoError, "what does not come is stopped, and nothing else")
				}
			}
		})
	}
}

// What comes with a request that needs none of it is looked at nevertheless.
func TestFramesBehindARequest(t *testing.T) {
	for sent, want := range map[string]string{
		settings:                                     "connection 0x105",
		frame(frameData, "abc") + settings:           "connection 0x105",
		frame(frameData, "abc")[:4]:                  "connection 0x106",
		frame(frameHeaders, "\x00\x00\x80"):          "connection 0x200",
		frame(frameData, "abc") + frame(0x21, "abc"): "200 none",
	} {
		core := coreFunc{serve: reading}
		for _, n := range []int{1, 2, 7, 1000} {
			_, got := ask(core, &fakeStream{parts: split(head("GET", "/")+sent, n), then: io.EOF})
			require.Equal(t, want, got, "%q, %d at a time", sent, n)
		}
	}
}

// Content that a core has not read, or not to its end, is looked at from where the
// core has stopped.
func TestContentThatNobodyReads(t *testing.T) {
	post, data := head("POST", "/"), func(s string) string { return frame(frameData, s) }
	for sent, want := range map[string]string{
		post + data("hello"):                                                 "200 x",
		post + data("hello") + data("") + data("world"):                      "200 x",
		post + data("hello") + frame(frameHeaders, block("x-checksum", "1")): "200 x",
		head("POST", "/", "content-length", "5") + data("hello"):             "200 x",
		post + data("hello") + settings:                                      "connection 0x105",
		post + ints(frameData, 10) + "hello":                                 "connection 0x106",
		post + data("hello") + frame(frameData, "world")[:4]:                 "connection 0x106",
	} {
		for read := range 4 {
			core := coreFunc{serve: func(_ context.Context, x *edge.Exchange) {
				_, _ = io.ReadFull(x.Req.Body, make([]byte, read))
				says(x, "x")
			}}
			for _, n := range []int{1, 2, 7, 1000} {
				_, got := ask(core, &fakeStream{parts: split(sent, n), then: io.EOF})
				require.Equal(t, want, got, "%q, %d at a time, %d read", sent, n, read)
			}
		}
	}
}

func split(s string, n int) (parts [][]byte) {
	for len(s) > n {
		parts = append(parts, []byte(s[:n]))
		s = s[n:]
	}
	return append(parts, []byte(s))
}

func TestAnAnswerThatDoesNotFitIsWrittenApart(t *testing.T) {
	core := coreFunc{serve: func(_ context.Context, x *edge.Exchange) { says(x, strings.Repeat("x", 5000)) }}
	s := &fakeStream{parts: [][]byte{[]byte(head("GET", "/"))}, then: io.EOF, full: true}
	_, got := ask(core, s)
	require.Equal(t, "200 "+strings.Repeat("x", 5000), got)
}

func TestAClientThatWantsNoAnswer(t *testing.T) {
	for _, n := range []int{10, 5000, 50000} {
		core := coreFunc{serve: func(_ context.Context, x *edge.Exchange) { says(x, strings.Repeat("x", n)) }}
		s := &fakeStream{parts: [][]byte{[]byte(head("GET", "/"))}, then: io.EOF, deaf: true}
		_, got := ask(core, s)
		require.Equal(t, "stream 0x10c", got)
	}
}

type stream5 struct {
	io.Reader
	closed int
}

func (s *stream5) Close() error { s.closed++; return nil }

func TestStreamsThatAreNotWhatTheySay(t *testing.T) {
	for name, c := range map[string]struct {
		length int64
		from   io.Reader
		want   string
	}{
		"known":     {5, strings.NewReader("abcde"), "200 abcde"},
		"unknown":   {-1, strings.NewReader("abcde"), "200 abcde"},
		"empty":     {-1, strings.NewReader(""), "200"},
		"too short": {6, strings.NewReader("abcde"), "stream 0x102"},
		"too long":  {4, strings.NewReader("abcde"), "stream 0x102"},
		"broken":    {-1, io.MultiReader(strings.NewReader("ab"), broken{}), "stream 0x102"},
		"panicking": {-1, panicking{}, "stream 0x102"},
	} {
		t.Run(name, func(t *testing.T) {
			from := &stream5{Reader: c.from}
			core := coreFunc{serve: func(_ context.Context, x *edge.Exchange) {
				x.Rep.Status, x.Rep.Length, x.Rep.Stream = 200, c.length, from
			}}
			s := &fakeStream{parts: [][]byte{[]byte(head("GET", "/"))}, then: io.EOF}
			_, got := ask(core, s)
			require.Equal(t, c.want, got)
			require.Equal(t, 1, from.closed)
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("in a stream") }

func TestAPanicCostsOneRequest(t *testing.T) {
	for _, waits := range []bool{false, true} {
		core := coreFunc{
			serve: func(context.Context, *edge.Exchange) { panic("in the core") },
			waits: func(*edge.Exchange) bool { return waits },
		}
		_, got := ask(core, &fakeStream{parts: [][]byte{[]byte(head("GET", "/"))}, then: io.EOF})
		require.Contains(t, got, "500 ")
		s := &fakeStream{parts: [][]byte{[]byte(head("HEAD", "/"))}, then: io.EOF}
		_, _ = ask(core, s)
		require.Equal(t, []uint64{frameHeaders}, frames(t, s.sent.Bytes()))
	}
}

// frames are the types of what was sent.
func frames(t *testing.T, b []byte) (types []uint64) {
	for len(b) > 0 {
		typ, length, n := frameHeader(b)
		require.NotZero(t, n)
		types, b = append(types, typ), b[n+int(length):]
	}
	return types
}

// TestRefusalsOfHEAD have no content (RFC 9110 §9.3.2).
func TestRefusalsOfHEAD(t *testing.T) {
	for name, sent := range map[string]string{
		"400": head("HEAD", "/%zz"),
		"417": head("HEAD", "/", "expect", "wonders"),
		"431": head("HEAD", "/", strings.Split(strings.Repeat("a,b,", 300)+"a,b", ",")...),
	} {
		s := &fakeStream{parts: [][]byte{[]byte(sent)}, then: io.EOF}
		_, got := ask(coreFunc{serve: reading}, s)
		require.Contains(t, got, name)
		require.Equal(t, []uint64{frameHeaders}, frames(t, s.sent.Bytes()), name)
	}
}

func TestInterimResponses(t *testing.T) {
	core := coreFunc{
		waits: func(*edge.Exchange) bool { return true },
		serve: func(_ context.Context, x *edge.Exchange) {
			x.Informer.Inform(103, []edge.Field{{Name: "Link", Value: "</a>"}, {Name: "Connection", Value: "close"}})
			says(x, "done")
		}}
	_, got := ask(core, &fakeStream{parts: [][]byte{[]byte(head("GET", "/"))}, then: io.EOF})
	require.Equal(t, "103 200 done", got)
}

// FuzzStream: whatever comes on a request stream, in whatever pieces, the request is
// answered, or its stream is reset, or its connection closed; and that is all.
func FuzzStream(f *testing.F) {
	seed := func(sent string, size byte, end bool) { f.Add([]byte(sent), size, end) }
	seed(head("GET", "/"), 0, true)
	seed(head("POST", "/", "content-length", "3")+frame(frameData, "abc"), 3, true)
	seed(head("POST", "/")+frame(frameData, "abc")+frame(frameHeaders, block("x", "y")), 1, true)
	seed(frame(0x21, "grease")+head("GET", "/", "priority", "u=1, i"), 5, false)
	seed(frame(frameHeaders, "\x00\x00\xd1\xd7\x51\x01/\x50\x01a"), 2, true)
	seed(settings, 0, true)
	seed(head("GET", "/")+"\x21", 1, true)
	seed("\x01\r\x000\xd4\xd7P\x86002\xfc\x1fA\xc1\x03", 1, true)    // refused, and half a frame behind it
	seed("\x01\r\x000\xd2\xd7P\x86002\xfc\x7f\x00\xc1\x03", 1, true) // answered, and half a frame behind it
	seed("\x01\r\x000\xd4\xd7P\x860\x00\x00\x03\xe8A\xc10\x0300", 6, true)
	core := coreFunc{serve: reading, waits: func(x *edge.Exchange) bool { return x.Req.Body != nil }}
	f.Fuzz(func(t *testing.T, sent []byte, size byte, end bool) {
		s := &fakeStream{parts: [][]byte{sent}}
		if size > 0 {
			s.parts = split(string(sent), int(size))
		}
		if len(sent) == 0 {
			s.parts = nil
		}
		if end {
			s.then = io.EOF
		}
		p, got := ask(core, s)
		if p.closed == 0 && s.write == 0 && !s.closed || strings.HasPrefix(got, "a frame") {
			t.Fatal(got)
		}
		// The same bytes mean the same, however they come.
		_, whole := ask(core, &fakeStream{parts: [][]byte{sent}, then: s.then})
		if end && len(sent) > 0 && whole != got {
			t.Fatalf("%q by %d: %s, at once: %s", sent, size, got, whole)
		}
	})
}
