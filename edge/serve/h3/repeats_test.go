package h3

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"

	reference "github.com/quic-go/qpack"
	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
	"github.com/letteros/letteredge/edge/serve/section"
)

// kept returns what a connection knows of a HEADERS frame.
func kept(c *conn, sent string) *section.Repeat {
	_, _, n := frameHeader([]byte(sent))
	return c.repeats.Find(section.NewBlock(c.srv.seed, []byte(sent[n:]), 0))
}

// A connection that knows its requests shows the core what quic-go's decoder reads, by
// whatever streams they come: whole or in pieces, with content behind them or not.
func TestRepeatsAreWhatTheySay(t *testing.T) {
	all, repeated := 0, 0
	never := []string{ // that waits, has content, or is refused
		head("POST", "/"), head("GET", "/", "x-wait", "1"), head("GET", "/", "content-length", "3"), head("GET", "/%zz"), head("GET", "/", "te", "gzip"),
	}
	heads := append([]string{
		head("GET", "/"), head("GET", "/", "cookie", "a=1"), head("GET", "/", "cookie", "a=2"), head("GET", "/", "cookie", "a=1", "cookie", "b=2"),
		head("HEAD", "/"), head("GET", "/a"), head("GET", "/", "priority", "u=1, i"),
	}, never...)
	behind := []string{"", "", "", frame(frameData, "abc"), frame(0x21, "grease")}
	rapid.Check(t, func(t *rapid.T) {
		var got, want []string
		core := coreFunc{
			serve: func(_ context.Context, x *edge.Exchange) {
				got = append(got, edgetest.Told(x))
				if x.Req.Body != nil {
					_, _ = io.Copy(io.Discard, x.Req.Body)
				}
				says(x, "x")
			},
			waits: func(x *edge.Exchange) bool { return x.Req.Body != nil || x.Req.Fields.Has("X-Wait") },
		}
		c := newConn(newServer(testConfig(), core, slog.New(slog.DiscardHandler)), newFakePeer())
		for i := range 100 {
			sent := rapid.SampledFrom(heads).Draw(t, "head")
			_, _, n := frameHeader([]byte(sent))
			says, is, length := "", true, false
			next := reference.NewDecoder().Decode([]byte(sent[n:]))
			for {
				f, err := next()
				if err == io.EOF {
					break
				}
				require.NoError(t, err)
				switch f.Name {
				case ":method":
					says = f.Value + " edge.test /"
				case ":path":
					says = strings.TrimSuffix(says, "/") + f.Value
					is = is && f.Value != "/%zz"
				case "cookie":
					if strings.Contains(says, "cookie") {
						says += "; " + f.Value
						continue
					}
					says += " cookie=" + f.Value
				case ":scheme", ":authority":
				case "content-length":
					length = true
				default:
					is = is && f.Name != "te"
					says += " " + f.Name + "=" + f.Value
				}
			}
			more := rapid.SampledFrom(behind).Draw(t, "behind")
			if length {
				more = frame(frameData, "abc")
			}
			if is {
				want = append(want, says)
			}
			all++
			if kept(c, sent) != nil {
				repeated++
			}
			c.take(&fakeStream{id: quic.StreamID(4 * i), then: io.EOF, parts: split(sent+more, rapid.SampledFrom([]int{7, 1000, 1000, 1000}).Draw(t, "size"))})
			c.work.Wait()
		}
		require.Equal(t, want, got)
		for _, sent := range never {
			require.Nil(t, kept(c, sent))
		}
	})
	require.Greater(t, repeated, all/10, "of %d", all)
}

// repeating is a connection that knows a request, and what asks that again.
func repeating(t *testing.T, core Core, sent string) (c *conn, p *fakePeer, again func() string) {
	p = newFakePeer()
	c = newConn(newServer(testConfig(), core, slog.New(slog.DiscardHandler)), p)
	again = func() string {
		s := &fakeStream{parts: [][]byte{[]byte(sent)}, then: io.EOF}
		c.take(s)
		c.work.Wait()
		return outcome(p, s)
	}
	for range 2 {
		require.Equal(t, "200 x", again())
	}
	require.NotNil(t, kept(c, sent), "it has come twice")
	return c, p, again
}

// What is known of a request leaves with one that goes on in a goroutine of its own:
// nobody else may work with it then.
func TestRepeatsLeaveWithTheirRequest(t *testing.T) {
	waits := false
	hold, got := make(chan struct{}), make(chan string, 8)
	core := coreFunc{
		waits: func(*edge.Exchange) bool { return waits },
		serve: func(_ context.Context, x *edge.Exchange) {
			if waits {
				<-hold
				got <- edgetest.Told(x)
			}
			says(x, "x")
		},
	}
	a, b := head("GET", "/a"), head("GET", "/b")
	c, _, _ := repeating(t, core, a)
	waits = true
	c.take(&fakeStream{id: 8, parts: [][]byte{[]byte(a)}, then: io.EOF})
	require.Nil(t, kept(c, a), "it is another goroutine's now")
	c.take(&fakeStream{id: 12, parts: [][]byte{[]byte(b)}, then: io.EOF})
	close(hold)
	c.work.Wait()
	require.ElementsMatch(t, []string{"GET edge.test /a", "GET edge.test /b"}, []string{<-got, <-got})
}

// Requests that come again, in whatever order, have each their own answer, also where
// there are more of them than a connection knows, and one takes the place of another.
func TestRepeatsHaveTheirOwnAnswers(t *testing.T) {
	up := &edgetest.Upstream{FetchFunc: func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		return edgetest.Answer(200, f.Target+" "+(*edgetest.Fields)(&f.Fields).Get("Accept-Language"), "Cache-Control", "max-age=600", "Vary", "Accept-Language"), nil
	}}
	core := edgetest.NewCore(t, up)
	rapid.Check(t, func(t *rapid.T) {
		c := newConn(newServer(testConfig(), core, slog.New(slog.DiscardHandler)), newFakePeer())
		for range 300 {
			target := fmt.Sprintf("/page?%d", rapid.IntRange(0, 9).Draw(t, "page"))
			lang := rapid.SampledFrom([]string{"ja", "de"}).Draw(t, "lang")
			s := &fakeStream{parts: [][]byte{[]byte(head("GET", target, "accept-language", lang))}, then: io.EOF}
			for range rapid.IntRange(1, 4).Draw(t, "times") {
				c.take(s)
				c.work.Wait()
				require.Equal(t, "200 "+target+" "+lang, outcome(newFakePeer(), s))
				s.at, s.off, s.closed, s.read, s.write = 0, 0, false, 0, 0
				s.sent.Reset()
			}
		}
	})
}

// Of whom a request is, and whether it may be a replay, is not kept with it.
func TestRepeatsAreOfTheirMoment(t *testing.T) {
	var client netip.Addr
	var early bool
	core := coreFunc{serve: func(_ context.Context, x *edge.Exchange) {
		client, early = x.Req.Client, x.Req.Early
		says(x, "x")
	}}
	sent := head("GET", "/")
	c, p, again := repeating(t, core, sent)
	require.Equal(t, "127.0.0.1", client.String())
	require.False(t, early)
	p.addr, p.done = &net.UDPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 1}, make(chan struct{})
	require.NotNil(t, kept(c, sent))
	require.Equal(t, "200 x", again())
	require.Equal(t, "192.0.2.7", client.String())
	require.True(t, early)
}

// A panic gives up what the connection knew of its request.
func TestRepeatsAreGivenUpWithAPanic(t *testing.T) {
	panics := false
	sent := head("GET", "/")
	c, _, again := repeating(t, coreFunc{serve: func(_ context.Context, x *edge.Exchange) {
		if panics {
			panic("in the core")
		}
		says(x, "x")
	}}, sent)
	panics = true
	require.Contains(t, again(), "500 ")
	require.Nil(t, kept(c, sent))
	panics = false
	require.Equal(t, "200 x", again())
}
