package edge

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/coding"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/quota"
)

// oneEntry is a store of one entry, whatever its text.
type oneEntry struct{ *Entry }

func (s oneEntry) Get(string) *Entry     { return s.Entry }
func (s oneEntry) Put(_ string, x *Slot) { s.Entry.Put(x) }
func (s oneEntry) Mark(string, int64)    {}
func (s oneEntry) Remove(_ string, x *Slot) {
	s.Entry.Remove(x)
}
func (s oneEntry) Grow(_ string, x *Slot, attach func()) bool {
	_, ok := s.Entry.Grow(x, attach)
	return ok
}

type fetchFunc func(context.Context, *Fetch) (*Answer, error)

func (f fetchFunc) Fetch(ctx context.Context, r *Fetch) (*Answer, error) { return f(ctx, r) }

// codingCore makes one coding at a time, of one page.
func codingCore(t *testing.T) *Core {
	keyer, err := cachekey.NewKeyer([]cachekey.Pattern{{}})
	require.NoError(t, err)
	page := strings.Repeat("<p>A page on offers.</p>", 100)
	up := fetchFunc(func(context.Context, *Fetch) (*Answer, error) {
		now := time.Now()
		return &Answer{Status: 200, Fields: []Field{{"Content-Type", "text/html"}, {"Cache-Control", "max-age=60"}},
			Body: io.NopCloser(strings.NewReader(page)), Length: int64(len(page)), RequestAt: now, ResponseAt: now}, nil
	})
	policy := coding.DefaultPolicy()
	policy.AtOnce = 1
	core, err := New(Config{Node: "n", Keyer: keyer, Routes: []Route{{Upstream: up}}, Artifacts: Route{Upstream: up}, Coding: policy}, Deps{
		Store: oneEntry{NewEntry("x")}, Marks: invalidation.NewMarks(), Gate: quota.NewGate(time.Now), Targets: Unmanaged{}, Now: time.Now,
	})
	require.NoError(t, err)
	t.Cleanup(core.Close)
	ask(core, context.Background(), "")
	return core
}

// ask sends a request and returns the coding of the answer.
func ask(c *Core, ctx context.Context, accept string) string {
	x := &Exchange{Now: time.Now()}
	x.Req = Request{Method: MethodGet, MethodText: "GET", Host: "edge.test", Target: "/x", Fields: fieldLines{{"Accept-Encoding", accept}}}
	c.Serve(ctx, x)
	if x.Rep.Stream != nil {
		_, _ = io.Copy(io.Discard, x.Rep.Stream)
		_ = x.Rep.Stream.Close()
	}
	return x.Rep.Art.Get("Content-Encoding")
}

// Where all places are taken readers get the identity; who refuses that waits.
func TestCodingsAtOnceAreBounded(t *testing.T) {
	c := codingCore(t)
	require.True(t, c.coder.Enter(context.Background(), false))
	require.Empty(t, ask(c, context.Background(), "br"))
	require.Empty(t, ask(c, context.Background(), "gzip"), "who comes later too")
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	require.Empty(t, ask(c, gone, "br, identity;q=0"), "nobody reads it")
	got := make(chan string)
	go func() { got <- ask(c, context.Background(), "br, identity;q=0") }()
	c.coder.Leave()
	require.Equal(t, "br", <-got)
	require.Equal(t, "gzip", ask(c, context.Background(), "gzip"))
	for _, f := range c.Codings() {
		want := map[string]CodingFigures{"br": {Made: 1, NoPlace: 2}, "gzip": {Made: 1, NoPlace: 1}}[f.Coding]
		require.Equal(t, want.Made > 0, f.To > 0 && f.To < f.From, f.Coding)
		want.Coding, want.From, want.To = f.Coding, f.From, f.To
		require.Equal(t, want, f)
	}
}

// Who asks for a coding that is being made waits for it.
func TestWhoAsksForACodingUnderWayWaitsForIt(t *testing.T) {
	c := codingCore(t)
	s := c.Store.Get("").head.Load()
	all := s.Art.askCodings()
	making := make(chan struct{})
	all.of[coding.Brotli].making = making
	got := make(chan string)
	go func() { got <- ask(c, context.Background(), "br") }()
	require.Equal(t, "gzip", ask(c, context.Background(), "gzip"), "another is another's")
	all.of[coding.Brotli].art.Store(s.Art.in(coding.Brotli, []byte("coded")))
	close(making)
	require.Equal(t, "br", <-got)
}

// Of what is coded a pin holds the identity; what is read back is offered again.
func TestPinsHoldTheIdentity(t *testing.T) {
	c := codingCore(t)
	s := c.Store.Get("").head.Load()
	require.Equal(t, "br", ask(c, context.Background(), "br"))
	back, _, err := decodePin(appendPin(nil, s, nil))
	require.NoError(t, err)
	require.Equal(t, s.Art.Body, back.Art.Body)
	require.Empty(t, back.Art.Get("Vary"))
	require.False(t, back.Art.codable)
	d := back.Art.unpack()
	require.True(t, c.offer(d, &back.Rules, -1))
	require.Equal(t, "Accept-Encoding", d.pack().Get("Vary"))
}

// The line that a node adds stands among its like, wherever that is, and hides
// nothing of what is known beside the lines.
func TestTheLineOfItsOwn(t *testing.T) {
	for _, fields := range [][]Field{
		nil,
		{{"Etag", `"v"`}},
		{{"Etag", `"v"`}, {"Vary", "X-A"}, {"Vary", "X-B"}},
		{{"Vary", "X-A"}, {"X-Z", `"v"`}},
		{{"A", "1"}, {"X-Z", `"v"`}},
	} {
		d := &draft{Status: 200, Fields: fields, ETag: `"v"`, codable: true, varies: true}
		a := d.pack()
		require.Equal(t, `"v"`, a.ETag())
		var all []Field
		own := 0
		for name, value := range a.All {
			if name == "Vary" && value == "Accept-Encoding" {
				own++
				require.True(t, len(all) == 0 || all[len(all)-1].Name <= "Vary")
				continue
			}
			require.True(t, own == 0 || name > "Vary")
			all = append(all, Field{name, value})
		}
		require.Equal(t, fields, all)
		require.Equal(t, 1, own)
		require.Equal(t, len(fields), len(a.unpack().Fields))
	}
}
