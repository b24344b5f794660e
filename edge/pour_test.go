package edge_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/invalidation"
)

// slowly has the upstream answer each fetch with content that the test writes.
func slowly(n *node, length int64, lines ...string) chan *io.PipeWriter {
	writers := make(chan *io.PipeWriter, 64)
	n.up.set(func(ctx context.Context, _ *edge.Fetch) (*edge.Answer, error) {
		r, w := io.Pipe()
		context.AfterFunc(ctx, func() { _ = w.CloseWithError(context.Cause(ctx)) })
		a := answer(200, "", lines...)
		a.Body, a.Length = r, length
		writers <- w
		return a, nil
	})
	return writers
}

// shown is an answer whose content is still coming.
type shown struct {
	*testing.T
	x *edge.Exchange
}

// open sends a request and returns as soon as there is an answer to show.
func open(t *testing.T, n *node, target string, lines ...string) shown {
	x := &edge.Exchange{Now: n.now()}
	x.Req = edge.Request{Method: edge.MethodGet, MethodText: "GET", Host: "edge.test", Target: target, Fields: fields(lines...)}
	n.core.Serve(context.Background(), x)
	return shown{t, x}
}

// read returns the next bytes.
func (s shown) read(n int) string {
	s.Helper()
	b := make([]byte, n)
	_, err := io.ReadFull(s.x.Rep.Stream, b)
	require.NoError(s, err)
	return string(b)
}

// rest reads to the end and closes.
func (s shown) rest() (string, error) {
	s.Helper()
	if s.x.Rep.Stream == nil {
		return string(s.x.Rep.Body), nil
	}
	b, err := io.ReadAll(s.x.Rep.Stream)
	require.NoError(s, s.x.Rep.Stream.Close())
	return string(b), err
}

func (s shown) whole(want string) {
	s.Helper()
	got, err := s.rest()
	require.NoError(s, err)
	require.Equal(s, want, got)
}

func put(t *testing.T, w io.Writer, text string) {
	t.Helper()
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
}

// All who ask for what is being filled get it as it comes, whenever they come; it
// is stored when it is whole, and who has read it to its end finds it.
func TestContentIsShownWhileItComes(t *testing.T) {
	for name, length := range map[string]int64{"known": 10, "unknown": -1} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			writers := slowly(n, length, "Cache-Control: max-age=60")
			var all []shown
			leader := make(chan shown, 2)
			go func() { leader <- open(t, n, "/slow") }()
			w := <-writers
			go func() { leader <- open(t, n, "/slow") }()
			put(t, w, "01234")
			for range 2 {
				all = append(all, <-leader)
			}
			for _, s := range all {
				require.Equal(t, 200, s.x.Rep.Status)
				require.Equal(t, length, s.x.Rep.Length)
				require.Equal(t, "01234", s.read(5))
			}
			late := open(t, n, "/slow")
			require.Equal(t, "01", late.read(2))
			require.True(t, late.x.Rep.Cache.Collapsed)
			require.Equal(t, length >= 0, late.x.Rep.Cache.Stored, "what has no known length may yet be too long to store")
			put(t, w, "56789")
			require.NoError(t, w.Close())
			late.whole("23456789")
			for _, s := range all {
				s.whole("56789")
			}
			r := n.get("/slow")
			require.Equal(t, "0123456789", r.body)
			require.Contains(t, r.cacheStatus(), "hit")
			require.EqualValues(t, 1, n.up.n.Load())
			eventually(t, func() bool { return n.core.Fills() == edge.FillFigures{} }, "the fill costs nothing any more")
		})
	}
}

// Content that breaks off, or has another length than was told, ends as an error
// for all, and is not stored.
func TestContentThatBreaksOffIsNotStored(t *testing.T) {
	for name, c := range map[string]struct {
		length int64
		end    func(w *io.PipeWriter)
	}{
		"broken":          {-1, func(w *io.PipeWriter) { _ = w.CloseWithError(errors.New("reset")) }},
		"broken of known": {20, func(w *io.PipeWriter) { _ = w.CloseWithError(errors.New("reset")) }},
		"too short":       {20, func(w *io.PipeWriter) { _ = w.Close() }},
		"too long":        {6, func(w *io.PipeWriter) { _, _ = w.Write([]byte("6789")) }},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			writers := slowly(n, c.length, "Cache-Control: max-age=60")
			done := make(chan shown)
			go func() { done <- open(t, n, "/slow") }()
			w := <-writers
			put(t, w, "01234")
			leader, waiter := <-done, open(t, n, "/slow")
			c.end(w)
			for _, s := range []shown{leader, waiter} {
				got, err := s.rest()
				require.Error(t, err)
				require.NotErrorIs(t, err, io.EOF)
				require.True(t, strings.HasPrefix(got, "01234"))
			}
			n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
				return answer(200, "sound", "Cache-Control: max-age=60"), nil
			})
			r := n.get("/slow")
			require.Equal(t, "sound", r.body)
			require.Contains(t, r.cacheStatus(), "fwd=uri-miss")
		})
	}
}

// A purge while the content comes ends the storing; who comes after it is not shown
// what was asked for before.
func TestPurgeWhileContentComes(t *testing.T) {
	for name, sel := range map[string]cachekey.Selector{
		"key":               {Keys: []string{"edge.test/slow"}},
		"all":               {All: true},
		"tag of the answer": {Tags: []string{"products"}},
	} {
		for _, mode := range []invalidation.Mode{invalidation.ModeHard, invalidation.ModeSoft} {
			t.Run(name+" "+mode.String(), func(t *testing.T) {
				n := newNode(t)
				writers := slowly(n, -1, "Cache-Control: max-age=60", "Cache-Tag: products")
				done := make(chan shown)
				go func() { done <- open(t, n, "/slow") }()
				w := <-writers
				put(t, w, "old ")
				leader := <-done
				n.marks.Raise(sel, mode)
				go func() { done <- open(t, n, "/slow") }()
				w2 := <-writers // a fetch of its own
				put(t, w2, "new ")
				after := <-done
				third := open(t, n, "/slow") // and that one may be joined
				put(t, w, "text")
				require.NoError(t, w.Close())
				leader.whole("old text")
				put(t, w2, "text")
				require.NoError(t, w2.Close())
				after.whole("new text")
				third.whole("new text")
				r := n.get("/slow")
				require.Equal(t, "new text", r.body)
				require.Contains(t, r.cacheStatus(), "hit")
				require.EqualValues(t, 2, n.up.n.Load())
			})
		}
	}
}

// A purge hits what the origin has not begun to answer: whoever asked before it is
// shown that, and nobody after.
func TestPurgeBeforeContentComes(t *testing.T) {
	for name, sel := range map[string]cachekey.Selector{"key": {Keys: []string{"edge.test/slow"}}, "tag of the answer": {Tags: []string{"products"}}} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			g := newGated(n)
			saying := func(text string) func(*edge.Fetch) (*edge.Answer, error) {
				return func(*edge.Fetch) (*edge.Answer, error) {
					return answer(200, text, "Cache-Control: max-age=60", "Cache-Tag: products"), nil
				}
			}
			var before response
			var wg sync.WaitGroup
			wg.Go(func() { before = n.get("/slow") })
			<-g.asked
			n.marks.Raise(sel, invalidation.ModeHard)
			g.answer <- saying("old")
			wg.Wait()
			require.Equal(t, "old", before.body)
			require.NotContains(t, before.cacheStatus(), "stored")
			g.answer <- saying("new")
			require.Equal(t, "new", n.get("/slow").body)
		})
	}
}

// What is the leader's alone is known from its header section: nobody waits for the
// content, nor gets any of it.
func TestNobodyWaitsForContentThatIsNotShared(t *testing.T) {
	for _, line := range []string{"Cache-Control: private", "Set-Cookie: a=b", "Cache-Control: no-cache", "Cache-Control: no-cache, max-age=60", "Vary: *"} {
		t.Run(line, func(t *testing.T) {
			n := newNode(t)
			writers := slowly(n, -1, "Etag: \"x\"", line)
			done := make(chan shown)
			go func() { done <- open(t, n, "/slow") }()
			first := <-writers
			go func() { done <- open(t, n, "/slow") }()
			second := <-writers
			a, b := <-done, <-done
			go put(t, first, "1")
			go put(t, second, "2")
			require.NotEqual(t, a.read(1), b.read(1))
			require.NoError(t, first.Close())
			require.NoError(t, second.Close())
			a.whole("")
			b.whole("")
		})
	}
}

// A reader that takes nothing keeps nobody waiting, nor the content from the store.
func TestSlowReaderSlowsNobody(t *testing.T) {
	n := newNode(t)
	writers := slowly(n, -1, "Cache-Control: max-age=60")
	done := make(chan shown)
	go func() { done <- open(t, n, "/slow") }()
	w := <-writers
	put(t, w, "first")
	leader := <-done // and reads nothing
	quick := open(t, n, "/slow")
	body := strings.Repeat("0123456789abcdef", 1<<16)
	put(t, w, body)
	require.NoError(t, w.Close())
	quick.whole("first" + body)
	require.Contains(t, n.get("/slow").cacheStatus(), "hit")
	leader.whole("first" + body)
}

// Content that turns out to be too large passes to all who have a place; who comes
// later asks anew.
func TestContentTooLargeToKeepPasses(t *testing.T) {
	n := newNode(t, func(c *edge.Config, _ *edge.Deps) { c.MaxObject = 1000 })
	writers := slowly(n, -1, "Cache-Control: max-age=60")
	done := make(chan shown)
	go func() { done <- open(t, n, "/slow") }()
	w := <-writers
	put(t, w, "first")
	all := []shown{<-done, open(t, n, "/slow")}
	// One that wants a part waits for the whole, and gets the whole of what passes.
	go func() { done <- open(t, n, "/slow", "Range: bytes=0-1") }()
	eventually(t, func() bool { return n.core.Waiting() == 1 }, "it waits")
	want := bytes.Repeat([]byte("x"), 5000)
	go func() {
		for range 50 {
			_, _ = w.Write(want[:100])
		}
		_ = w.Close()
	}()
	part := <-done
	require.Equal(t, 200, part.x.Rep.Status)
	var wg sync.WaitGroup
	for _, s := range append(all, part) {
		wg.Go(func() {
			got, err := s.rest()
			if err != nil || got != "first"+string(want) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	wg.Wait()
	n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
		return answer(200, "sound", "Cache-Control: max-age=60"), nil
	})
	require.NotContains(t, n.get("/slow").cacheStatus(), "hit")
}

// All fills together hold no more memory than they may.
func TestFillsShareTheirMemory(t *testing.T) {
	n := newNode(t, func(c *edge.Config, _ *edge.Deps) { c.FillMemory = 100 })
	n.up.set(sound)
	r := n.get(trial)
	require.Equal(t, 503, r.status)
	require.Equal(t, "1", r.header.Get("Retry-After"))
	require.Contains(t, r.cacheStatus(), "detail=memory")

	writers := slowly(n, 5000, "Cache-Control: max-age=60")
	done := make(chan shown)
	go func() { done <- open(t, n, "/slow") }()
	w := <-writers
	leader := <-done
	want := strings.Repeat("x", 5000)
	go func() {
		put(t, w, want)
		_ = w.Close()
	}()
	leader.whole(want)
	require.False(t, leader.x.Rep.Cache.Stored)
	eventually(t, func() bool { return n.core.Fills() == edge.FillFigures{Denied: 2} }, "the fills cost nothing any more")
	n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
		return answer(200, "small", "Cache-Control: max-age=60"), nil
	})
	n.get("/small")
	require.Contains(t, n.get("/small").cacheStatus(), "hit")
}

// A fill that takes too long is given up where nobody reads it, and goes on,
// unstored, where somebody does.
func TestFillThatTakesTooLong(t *testing.T) {
	n := newNode(t, func(c *edge.Config, _ *edge.Deps) { c.FillTimeout = 50 * time.Millisecond })
	writers := slowly(n, -1, "Cache-Control: max-age=60")
	done := make(chan shown)
	go func() { done <- open(t, n, "/slow") }()
	w := <-writers
	s := <-done
	eventually(t, func() bool {
		put(t, w, "x")
		s.read(1)
		return n.core.Fills() == edge.FillFigures{}
	}, "it passes")
	require.NoError(t, w.Close())
	_, err := s.rest()
	require.NoError(t, err)

	go func() { done <- open(t, n, "/left") }()
	w = <-writers
	s = <-done
	require.NoError(t, s.x.Rep.Stream.Close())
	eventually(t, func() bool {
		_, err := w.Write([]byte("x"))
		return err != nil
	}, "it is given up")
}

// A part is cut from the whole, and a condition needs none of it.
func TestPartsAndConditionsOfWhatComes(t *testing.T) {
	n := newNode(t)
	writers := slowly(n, 10, "Cache-Control: max-age=60", `Etag: "v1"`)
	done := make(chan shown)
	go func() { done <- open(t, n, "/slow") }()
	w := <-writers
	put(t, w, "01234")
	leader := <-done
	same := open(t, n, "/slow", `If-None-Match: "v1"`)
	require.Equal(t, 304, same.x.Rep.Status)
	require.Nil(t, same.x.Rep.Stream)
	go func() { done <- open(t, n, "/slow", "Range: bytes=8-9") }()
	eventually(t, func() bool { return n.core.Waiting() == 1 }, "it waits for the whole")
	put(t, w, "56789")
	require.NoError(t, w.Close())
	part := <-done
	require.Equal(t, 206, part.x.Rep.Status)
	part.whole("89")
	leader.whole("0123456789")
}

// Who cannot be sent content of unknown length waits until it is known.
func TestWhoNeedsTheLengthGetsTheWhole(t *testing.T) {
	n := newNode(t)
	writers := slowly(n, -1, "Cache-Control: max-age=60")
	done := make(chan shown)
	go func() { done <- open(t, n, "/slow") }()
	w := <-writers
	put(t, w, "01234")
	leader := <-done
	old := &edge.Exchange{Now: n.now()}
	old.Req = edge.Request{Method: edge.MethodGet, MethodText: "GET", Host: "edge.test", Target: "/slow", Fields: fields(), Whole: true}
	go func() {
		n.core.Serve(context.Background(), old)
		done <- shown{t, old}
	}()
	eventually(t, func() bool { return n.core.Waiting() == 1 }, "it waits for the whole")
	put(t, w, "56789")
	require.NoError(t, w.Close())
	leader.whole("0123456789")
	got := <-done
	require.EqualValues(t, 10, got.x.Rep.Length)
	got.whole("0123456789")
}

// A stale copy that may stand in for an error is not given up for an answer of
// which only the beginning is there, however long the rest takes to fail.
func TestStaleCopyStandsInForContentThatBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t)
		n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
			return answer(200, "sound", "Cache-Control: max-age=1"), nil
		})
		n.get("/page")
		n.skew.Store(int64(10 * time.Second))
		writers := slowly(n, -1, "Cache-Control: max-age=60")
		done := make(chan shown, 1)
		go func() { done <- open(t, n, "/page") }()
		w := <-writers
		put(t, w, "broken")
		time.Sleep(time.Second) // longer than any reader is kept from what has come
		synctest.Wait()
		require.Empty(t, done, "nothing is shown of it")
		require.NoError(t, w.CloseWithError(errors.New("reset")))
		s := <-done
		require.Equal(t, 200, s.x.Rep.Status)
		require.Equal(t, "stale", s.x.Rep.Degraded)
		s.whole("sound")
	})
}
