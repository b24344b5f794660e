package edge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

const (
	passKept  = 100 << 10 // MaxObject of these tests
	passBegin = 10        // bytes that are there before the rest is let through
)

// bulk is text no two parts of which are alike.
func bulk(n int) string {
	var b strings.Builder
	for b.Len() < n {
		fmt.Fprintf(&b, "%d,", b.Len())
	}
	return b.String()[:n]
}

// large is an origin of content too large to keep, of a length that it does not tell.
// Of its first answer all but the beginning waits until it is opened; later ones come
// at once, as next makes them.
type large struct {
	t       *testing.T
	n       *node
	content string
	lines   []string
	opened  chan struct{}
	open    func()
	most    atomic.Int64 // bytes that were held
	mu      sync.Mutex
	asked   []*edge.Fetch // after the first
	next    func(ctx context.Context, f *edge.Fetch) (*edge.Answer, error)
}

func newLarge(t *testing.T, size int, lines ...string) *large {
	return newLargeWithin(t, 0, size, lines...)
}

// newLargeWithin is newLarge with so much memory for all fills.
func newLargeWithin(t *testing.T, memory int64, size int, lines ...string) *large {
	l := &large{t: t, content: bulk(size), lines: append(lines, "Cache-Control: max-age=60"), opened: make(chan struct{})}
	l.n = newNode(t, func(c *edge.Config, _ *edge.Deps) { c.MaxObject, c.FillMemory = passKept, memory })
	l.next = l.range206
	l.open = sync.OnceFunc(func() { close(l.opened) })
	t.Cleanup(l.open) // before the node closes
	l.n.up.set(func(ctx context.Context, f *edge.Fetch) (*edge.Answer, error) {
		if l.n.up.n.Load() > 1 {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.asked = append(l.asked, f)
			return l.next(ctx, f)
		}
		a := l.whole()
		a.Body = io.NopCloser(io.MultiReader(strings.NewReader(l.content[:passBegin]), &gatedReader{l, strings.NewReader(l.content[passBegin:])}))
		return a, nil
	})
	return l
}

// gatedReader waits until it is opened, and looks at what is held.
type gatedReader struct {
	l *large
	io.Reader
}

func (g *gatedReader) Read(p []byte) (int, error) {
	<-g.l.opened
	g.l.most.Store(max(g.l.most.Load(), g.l.n.core.Fills().Bytes))
	return g.Reader.Read(p)
}

func (l *large) whole() *edge.Answer {
	a := answer(200, l.content, l.lines...)
	a.Length = -1
	return a
}

// whole200 is an origin that does no ranges.
func (l *large) whole200(context.Context, *edge.Fetch) (*edge.Answer, error) { return l.whole(), nil }

// range206 is one that does, where the fetch names what it has.
func (l *large) range206(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
	a := l.whole()
	first, ok := fetchFrom(f)
	if !ok {
		return a, nil
	}
	a.Status, a.Body, a.Length = 206, io.NopCloser(strings.NewReader(l.content[first:])), int64(len(l.content)-first)
	a.Fields = append(a.Fields, edge.Field{Name: "Content-Range", Value: fmt.Sprintf("bytes %d-%d/%d", first, len(l.content)-1, len(l.content))})
	return a, nil
}

// fetchFrom is where in the content a fetch begins, if it says that.
func fetchFrom(f *edge.Fetch) (int, bool) {
	for _, line := range f.Fields {
		if line.Name == "Range" {
			first, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(line.Value, "bytes="), "-"))
			return first, err == nil
		}
	}
	return 0, false
}

// readers opens n answers, which share one fetch and have its beginning, and lets the
// rest through.
func (l *large) readers(n int) []shown {
	done := make(chan shown)
	var all []shown
	for range n {
		go func() { done <- open(l.t, l.n, "/large") }()
		s := <-done
		require.Equal(l.t, l.content[:passBegin], s.read(passBegin))
		all = append(all, s)
	}
	require.EqualValues(l.t, 1, l.n.up.n.Load())
	l.open()
	return all
}

// steadily reads to the end, some bytes each tick.
func (s shown) steadily(bytes int, tick time.Duration) (string, error) {
	var got strings.Builder
	for {
		n, err := io.CopyN(&got, s.x.Rep.Stream, int64(bytes))
		if err != nil || n == 0 {
			require.NoError(s, s.x.Rep.Stream.Close())
			if err == io.EOF {
				err = nil
			}
			return got.String(), err
		}
		<-time.After(tick)
	}
}

// settled waits until the fills cost nothing any more.
func (l *large) settled() {
	synctest.Wait()
	require.Zero(l.t, l.n.core.Fills().Bytes)
}

// oldDate is a strong validator, in the time of a bubble.
var oldDate = []string{"Last-Modified: Fri, 31 Dec 1999 23:49:37 GMT", "Date: Sat, 01 Jan 2000 00:00:00 GMT"}

// Of those who share content that turns out to be too large to keep the fast ones go at
// their own pace, and one who is slower, or pauses, gets all of it by a fetch of its own.
func TestSlowReaderOfLargeContentGoesOnByItself(t *testing.T) {
	for name, c := range map[string]struct {
		lines   []string
		ranges  bool
		ifRange string
	}{
		"a strong tag":                {[]string{`Etag: "v1"`}, true, `"v1"`},
		"a strong tag, no ranges":     {[]string{`Etag: "v1"`}, false, `"v1"`},
		"a date of long ago":          {oldDate, true, "Fri, 31 Dec 1999 23:49:37 GMT"},
		"a date, no ranges":           {oldDate, false, "Fri, 31 Dec 1999 23:49:37 GMT"},
		"a date of a moment ago":      {[]string{"Last-Modified: Fri, 31 Dec 1999 23:59:30 GMT", "Date: Sat, 01 Jan 2000 00:00:00 GMT"}, true, ""},
		"a weak tag":                  {[]string{`Etag: W/"v1"`}, true, ""},
		"no validator":                {nil, true, ""},
		"no validator, coded content": {[]string{"Content-Encoding: br"}, true, ""},
	} {
		for pace, slowly := range map[string]func(shown) (string, error){
			"steady":  func(s shown) (string, error) { return s.steadily(4<<10, 10*time.Millisecond) },
			"stalled": func(s shown) (string, error) { <-time.After(time.Hour); return s.rest() },
		} {
			t.Run(name+", "+pace, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLarge(t, 2<<20, c.lines...)
					if !c.ranges {
						l.next = l.whole200
					}
					all := l.readers(2)
					begin := time.Now()
					var got string
					var err error
					var wg sync.WaitGroup
					wg.Go(func() { got, err = slowly(all[0]) })
					all[1].whole(l.content[passBegin:])
					require.Less(t, time.Since(begin), time.Second, "it was held up")
					wg.Wait()
					require.NoError(t, err)
					require.Equal(t, l.content[passBegin:], got)
					require.EqualValues(t, 1, l.n.core.Fills().Apart)
					require.Len(t, l.asked, 1)
					require.True(t, l.asked[0].Direct)
					require.Equal(t, c.ifRange, fieldOf(l.asked[0].Fields, "If-Range"))
					l.settled()
				})
			})
		}
	}
}

func fieldOf(fields []edge.Field, name string) string {
	for _, f := range fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// What the origin answers to a slow reader's own fetch is not put behind what the reader
// has unless it is of the same content: the others then go at its pace, as long as it
// takes something.
func TestSlowReaderIsNotGivenOtherContent(t *testing.T) {
	strong, none := []string{`Etag: "v1"`}, []string(nil)
	line := func(name, value string) func(*edge.Answer) {
		return func(a *edge.Answer) {
			for i := range a.Fields {
				if a.Fields[i].Name == name {
					a.Fields[i].Value = value
					return
				}
			}
			a.Fields = append(a.Fields, edge.Field{Name: name, Value: value})
		}
	}
	other := func(a *edge.Answer) { a.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", 2<<20))) }
	for name, c := range map[string]struct {
		lines  []string
		ranges bool
		change func(*edge.Answer)
		tries  int
	}{
		"a part of another tag":      {strong, true, line("Etag", `"v2"`), 1},
		"a part without a tag":       {strong, true, line("Etag", ""), 1},
		"a whole of another tag":     {strong, false, func(a *edge.Answer) { line("Etag", `"v2"`)(a); other(a) }, 1},
		"another part":               {strong, true, line("Content-Range", "bytes 0-2097151/2097152"), 1},
		"less than the rest":         {strong, true, line("Content-Range", "bytes 10-20/2097152"), 1},
		"the whole as a part":        {strong, true, func(a *edge.Answer) { line("Content-Range", "bytes 0-2097151/2097152")(a); a.Length = -1 }, 1},
		"a part without its end":     {strong, true, func(a *edge.Answer) { line("Content-Range", "bytes 10-20/2097152")(a); a.Length = -1 }, 1},
		"a part of unknown size":     {strong, true, line("Content-Range", "bytes 10-2097151/*"), 1},
		"a part of another length":   {strong, true, func(a *edge.Answer) { a.Length++ }, 1},
		"another coding":             {strong, true, line("Content-Encoding", "gzip"), 1},
		"less than was asked for":    {strong, false, func(a *edge.Answer) { a.Degraded = "light" }, 1},
		"not found":                  {strong, true, func(a *edge.Answer) { a.Status = 404 }, 1},
		"another date":               {oldDate, true, line("Last-Modified", "Fri, 31 Dec 1999 23:49:38 GMT"), 1},
		"a tag where there was none": {oldDate, true, line("Etag", `"v2"`), 1},
		"other content":              {none, false, other, 1},
		"shorter content":            {none, false, func(a *edge.Answer) { a.Body = io.NopCloser(strings.NewReader("0")) }, 2},
		"another weak tag":           {[]string{`Etag: W/"v1"`}, false, line("Etag", `W/"v2"`), 1},
		"another type":               {none, false, line("Content-Type", "text/css"), 1},
		"what is private":            {none, false, line("Cache-Control", "private"), 1},
		"what is of no use to store": {none, false, line("Cache-Control", "no-cache"), 1},
		"an error":                   {strong, true, func(a *edge.Answer) { a.Status = 503 }, 2},
		"too many requests":          {strong, true, func(a *edge.Answer) { a.Status = 429 }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLarge(t, 2<<20, c.lines...)
				answers := l.range206
				if !c.ranges {
					answers = l.whole200
				}
				var closed atomic.Int64
				l.next = func(ctx context.Context, f *edge.Fetch) (*edge.Answer, error) {
					a, err := answers(ctx, f)
					c.change(a)
					a.Body = closeFunc{a.Body, func() { closed.Add(1) }}
					return a, err
				}
				all := l.readers(2)
				var got string
				var err error
				var wg sync.WaitGroup
				wg.Go(func() { got, err = all[0].steadily(64<<10, time.Second) })
				all[1].whole(l.content[passBegin:])
				wg.Wait()
				require.NoError(t, err)
				require.Equal(t, l.content[passBegin:], got)
				require.Zero(t, l.n.core.Fills().Apart)
				require.GreaterOrEqual(t, len(l.asked), c.tries)
				if c.tries == 1 {
					require.Len(t, l.asked, 1, "it is not asked again for what is not there")
				}
				require.EqualValues(t, len(l.asked), closed.Load())
				l.settled()
			})
		})
	}
}

// A reader that takes nothing while others wait for it, and cannot go on by itself, is
// cut off in the end, and not left to look whole.
func TestReaderThatHoldsUpOthersIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLarge(t, 1<<20, `Etag: "v1"`)
		l.next = func(context.Context, *edge.Fetch) (*edge.Answer, error) { return nil, errors.New("down") }
		all := l.readers(2)
		begin := time.Now()
		all[1].whole(l.content[passBegin:])
		require.Less(t, time.Since(begin), 11*time.Second)
		got, err := all[0].rest()
		require.Error(t, err)
		require.NotErrorIs(t, err, io.EOF)
		require.Empty(t, got)
		l.settled()
	})
}

// What comes to a slow reader's own fetch and breaks off, or has another length than it
// told, does not look whole.
func TestOwnFetchThatBreaksOff(t *testing.T) {
	for name, change := range map[string]func(*edge.Answer){
		"short":  func(a *edge.Answer) { a.Body = io.NopCloser(io.LimitReader(a.Body, 1000)) },
		"long":   func(a *edge.Answer) { a.Body = io.NopCloser(io.MultiReader(a.Body, strings.NewReader("more"))) },
		"broken": func(a *edge.Answer) { a.Body = closeFunc{brokenBody{}, func() {}} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLarge(t, 1<<20, `Etag: "v1"`)
				l.next = func(ctx context.Context, f *edge.Fetch) (*edge.Answer, error) {
					a, err := l.range206(ctx, f)
					change(a)
					return a, err
				}
				all := l.readers(2)
				all[1].whole(l.content[passBegin:])
				got, err := all[0].rest()
				require.Error(t, err)
				require.NotErrorIs(t, err, io.EOF)
				require.True(t, strings.HasPrefix(l.content[passBegin:], got) || name == "long")
				l.settled()
			})
		})
	}
}

// Content that changes beyond what was compared is not put together.
func TestOwnFetchOfContentThatDiffersLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLarge(t, 1<<20)
		compared, goOn := make(chan struct{}), make(chan struct{})
		l.next = func(context.Context, *edge.Fetch) (*edge.Answer, error) {
			a := answer(200, "", l.lines...)
			a.Length = -1
			a.Body = io.NopCloser(io.MultiReader(strings.NewReader(l.content[:passBegin-1]), &onceReader{f: func(p []byte) (int, error) {
				close(compared)
				<-goOn
				return copy(p[:1], l.content[passBegin-1:]), nil
			}}, strings.NewReader(strings.Repeat("x", 1<<20))))
			return a, nil
		}
		all := l.readers(2)
		var wg sync.WaitGroup
		wg.Go(func() { all[1].whole(l.content[passBegin:]) })
		<-compared // it tries, and reads on meanwhile
		require.Equal(t, l.content[passBegin:30], all[0].read(20))
		close(goOn)
		wg.Wait()
		got, err := all[0].rest()
		require.Error(t, err)
		require.Empty(t, got)
	})
}

// onceReader reads once.
type onceReader struct {
	f    func(p []byte) (int, error)
	done bool
}

func (f *onceReader) Read(p []byte) (int, error) {
	if f.done {
		return 0, io.EOF
	}
	f.done = true
	return f.f(p)
}

// A reader that goes away while it tries to go on by itself leaves nothing behind.
func TestSlowReaderThatLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLarge(t, 1<<20, `Etag: "v1"`)
		asked := make(chan struct{})
		l.next = func(ctx context.Context, _ *edge.Fetch) (*edge.Answer, error) {
			close(asked)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		all := l.readers(2)
		var wg sync.WaitGroup
		wg.Go(func() { all[1].whole(l.content[passBegin:]) })
		<-asked
		begin := time.Now()
		require.NoError(t, all[0].x.Rep.Stream.Close())
		wg.Wait()
		require.Less(t, time.Since(begin), time.Second)
		l.settled()
	})
}
