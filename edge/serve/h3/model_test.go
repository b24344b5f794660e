package h3

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// talk is what a client says on one stream, frame by frame, and what RFC 9114 makes of
// it.
type talk struct {
	sent string
	want code // the fault that ends the connection, 0 for none

	// Of a control stream:
	begun        bool
	goaway, push int64 // -1 for none

	// Of a request stream:
	bare    bool   // it needs nothing more to be answered
	outcome string // "" while it is not decided
	length  int64  // -1 where it is not announced
	content string
	trailed bool
	broken  bool // it is within a frame
}

// over reports whether what follows is not read any more.
func (k *talk) over() bool { return k.want != 0 || k.outcome != "" || k.broken }

// stream is the end of what is read, by a fault of the stream alone: an answer that has
// been given stands.
func (k *talk) stream(c code) {
	if k.outcome = fmt.Sprintf("stream %#x", int(c)); k.bare {
		k.outcome = "200 none"
	}
}

// control has the client say one frame on its control stream (RFC 9114 §6.2.1, §7.2,
// RFC 9218 §7.2).
func (k *talk) control(op, arg byte) {
	v := int64(arg)
	first := !k.begun
	switch op % 10 {
	case 0, 1:
		k.sent += settings
		if k.begun {
			k.want = codeFrameUnexpected
		}
		k.begun = true
		return
	case 2:
		k.sent += frame(frameGoAway, ints(uint64(v)))
		switch {
		case k.goaway >= 0 && v > k.goaway:
			k.want = codeID
		}
		k.goaway = v
	case 3:
		k.sent += frame(frameMaxPushID, ints(uint64(v)))
		if v < k.push {
			k.want = codeID
		}
		k.push = v
	case 4:
		k.sent += frame(frameCancelPush, ints(uint64(v)))
		k.want = codeID // nothing was pushed
	case 5, 6:
		k.sent += frame(framePriorityUpdate, ints(uint64(v))+"u=1")
		if v%4 != 0 {
			k.want = codeID
		}
	case 7, 8:
		k.sent += frame(0x21+0x1f*uint64(arg), strings.Repeat("x", int(arg)))
	default:
		k.sent += frame([]uint64{frameData, frameHeaders, framePushPromise, 0x2, 0x6, 0x8, 0x9}[arg%7], "xxxx")
		k.want = codeFrameUnexpected
	}
	if first {
		k.want = codeMissingSettings
	}
}

// request has the client say one frame of a request (RFC 9114 §4.1).
func (k *talk) request(op, arg byte) {
	begun := k.begun
	section := func(sent string, ok, isRequest bool, length int64) {
		k.sent += sent
		switch {
		case begun && k.trailed:
			k.want = codeFrameUnexpected
		case !ok:
			k.want = codeDecompression
		case begun && isRequest, !begun && !isRequest:
			k.stream(codeMessage)
		case begun:
			k.trailed = true
		default:
			k.begun, k.length = true, length
		}
	}
	data := func(n int, whole bool) {
		said := strings.Repeat("d", n)
		if k.sent += ints(frameData, uint64(n+1)) + said; whole {
			k.sent = k.sent[:len(k.sent)-n-varintLen(uint64(n+1))] + ints(uint64(n)) + said
		}
		switch {
		case !begun, k.trailed:
			k.want = codeFrameUnexpected
			return
		}
		k.broken = !whole
		if k.content += said; !k.bare && k.length >= 0 && int64(len(k.content)) > k.length {
			k.stream(codeMessage)
			k.broken = false
		}
	}
	switch op % 12 {
	case 0, 1:
		section(head("POST", "/"), true, true, -1)
	case 2:
		k.bare = k.bare || !begun && arg == 0
		section(head("POST", "/", "content-length", fmt.Sprint(arg)), true, true, int64(arg))
	case 3:
		k.bare = k.bare || !begun
		section(head("GET", "/"), true, true, -1)
	case 4, 5:
		section(frame(frameHeaders, block("x-checksum", "1")), true, false, -1)
	case 6:
		section(frame(frameHeaders, "\x00\x00\x80"), false, false, -1)
	case 7, 8:
		data(int(arg), true)
	case 9:
		data(int(arg), false)
	case 10:
		k.sent += frame(0x21+0x1f*uint64(arg), strings.Repeat("x", int(arg)))
	default:
		k.sent += frame([]uint64{frameSettings, frameGoAway, frameMaxPushID, framePriorityUpdate, frameCancelPush, framePushPromise, 0x2, 0x6}[arg%8], "xxxx")
		k.want = codeFrameUnexpected
	}
}

// end ends a request: with its stream, by a reset, or never.
func (k *talk) end(then error) {
	_, taken := then.(*quic.StreamError)
	switch {
	case k.want != 0 || k.outcome != "":
	case taken && (!k.begun || !k.bare && k.length < 0 && k.content == "" && !k.broken):
		k.stream(codeRequestCancelled) // before it was one, or could be told to have content
	case !k.begun:
		k.stream(codeIncomplete)
	case then == io.EOF && k.broken:
		k.want = codeFrame
	case then == io.EOF && !k.bare && k.length >= 0 && int64(len(k.content)) != k.length:
		k.stream(codeMessage)
	case k.bare, then == io.EOF && k.content == "":
		k.outcome = "200 none"
	case then == io.EOF:
		k.outcome = "200 " + k.content
	case taken:
		k.outcome = "400"
	default:
		k.outcome = "408"
	}
}

// staying is a stream that stays open when all was read of it, until all is over.
type staying struct {
	fakeStream
	read chan struct{} // closed when all was read
	over chan struct{}
	once sync.Once
}

func (s *staying) Read(p []byte) (int, error) {
	n, err := s.fakeStream.Read(p)
	if err == nil {
		return n, nil
	}
	s.once.Do(func() { close(s.read) })
	<-s.over
	return 0, io.EOF
}

// FuzzStates: a client opens streams of all kinds and says frames on them in any
// order; each request has the outcome, and the connection the end, that RFC 9114 says.
func FuzzStates(f *testing.F) {
	for _, seed := range []string{
		"\x00\x03\x00\x00\x01\x08\x05\x04\x02\x09",             // a control stream
		"\x00\x02\x02\x08\x00\x00",                             // GOAWAY before SETTINGS
		"\x00\x01\x00\x00\x00\x01\x00\x00",                     // two control streams
		"\x01\x00\x02\x00\x01\x00",                             // two encoders
		"\x08\x03\x00\x00\x07\x05\x07\x06",                     // an upload
		"\x08\x03\x02\x05\x07\x05\x04\x00",                     // of a known length, with trailers
		"\x08\x02\x02\x05\x07\x06",                             // more than announced
		"\x00\x03\x00\x00\x03\x05\x03\x04",                     // MAX_PUSH_ID that falls
		"\x00\x03\x00\x00\x02\x05\x02\x06",                     // GOAWAY that rises
		"\x00\x01\x00\x00\x08\x01\x00\x00\x00\x01\x00\x00",     // a request between two control streams
		"\x08\x04\x00\x00\x07\x05\x04\x00\x04\x00",             // trailers twice
		"\x08\x03\x00\x00\x04\x00\x07\x01",                     // data behind trailers
		"\x09\x02\x00\x00\x07\x05\x0a\x02\x00\x00\x07\x05",     // that does not end, and is taken back
		"\x08\x01\x03\x00\x08\x02\x03\x00\x07\x01\x08\x01\x07", // a GET, an upload, and no request
		"\x08\x02\x00\x00\x09\x05",                             // half a frame
		"\x08\x02\x0a\x05\x0b\x02",                             // what does not belong there
		"\x0a\x03\x02\x00\x04\x00\x00\x00",                     // that is answered, behind trailers, before it is taken back
	} {
		f.Add([]byte(seed), byte(7))
	}
	core := coreFunc{serve: reading, waits: func(x *edge.Exchange) bool { return x.Req.Body != nil }}
	f.Fuzz(func(t *testing.T, said []byte, pace byte) {
		p := newFakePeer()
		c := newConn(newServer(testConfig(), core, slog.New(slog.DiscardHandler)), p)
		next := func() (b byte) {
			if len(said) > 0 {
				b, said = said[0], said[1:]
			}
			return b
		}
		parts := func(sent string) [][]byte {
			if sent == "" {
				return nil
			}
			return split(sent, int(pace)+1)
		}
		unis := map[byte]bool{}
		over := make(chan struct{})
		var all sync.WaitGroup
		defer all.Wait()
		defer close(over)
		for id := quic.StreamID(4); len(said) > 0 && id < 4*20; id += 4 {
			kind, n := next()%16, int(next()%24)
			k := &talk{goaway: -1, push: -1, length: -1}
			if kind < 8 { // control and QPACK, which the client may open once
				kind = min(kind, 3)
				if kind == 0 {
					for ; n > 0 && !k.over(); n-- {
						k.control(next(), next())
					}
				}
				if kind == 3 {
					c.uni(&fakeStream{parts: parts("\x21" + strings.Repeat("x", n)), then: io.EOF})
					continue
				}
				if unis[kind] {
					k.want = codeStreamCreation
				}
				unis[kind] = true
				str := &staying{fakeStream: fakeStream{parts: parts(string([]byte{[]byte{streamControl, streamEncoder, streamDecoder}[kind]}) + k.sent)},
					read: make(chan struct{}), over: over}
				done := make(chan struct{})
				all.Go(func() { c.uni(str); close(done) })
				select {
				case <-str.read:
					require.Zero(t, k.want, "%q", k.sent)
				case <-done:
					require.NotZero(t, k.want, "%q", k.sent)
					require.Equal(t, k.want, p.closed, "%q", k.sent)
					return
				}
				continue
			}
			for ; n > 0 && !k.over(); n-- {
				k.request(next(), next())
			}
			var then error
			switch kind % 4 {
			case 1:
			case 2:
				then = &quic.StreamError{Remote: true, ErrorCode: quic.StreamErrorCode(codeRequestCancelled)}
			default:
				then = io.EOF
			}
			k.end(then)
			s := &fakeStream{parts: parts(k.sent), then: then, id: id}
			c.take(s)
			c.work.Wait()
			got := outcome(p, s)
			if k.want != 0 {
				require.Equal(t, k.want, p.closed, "%q", k.sent)
				return
			}
			if strings.HasPrefix(k.outcome, "4") {
				got, _, _ = strings.Cut(got, " ")
			}
			require.Equal(t, k.outcome, got, "%q then %v", k.sent, then)
		}
	})
}
