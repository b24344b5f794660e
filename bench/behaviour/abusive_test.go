package behaviour

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/abuse"
)

// commons is an origin that answers by its target alone: /page and /large are kept by
// caches, /miss is not, /up answers with the sum of what it was sent.
func commons(w http.ResponseWriter, r *http.Request) {
	size := map[string]int{"/page": 16 << 10, "/large": 1 << 20}[r.URL.Path]
	switch r.URL.Path {
	case "/up":
		sum := sha256.New()
		n, _ := io.Copy(sum, r.Body) // an abusive client's may end within
		fmt.Fprintf(w, "%d %x", n, sum.Sum(nil))
		return
	case "/miss":
		w.Header().Set("Cache-Control", "no-store")
	default:
		w.Header().Set("Cache-Control", "max-age=5, stale-while-revalidate=5")
	}
	_, _ = w.Write(bytes.Repeat([]byte("x"), max(size, 1000))) // the reader may have gone
}

// crowd is honest and abusive clients of one node.
type crowd struct {
	t       *testing.T
	node    *Node
	streams int // that one connection may have
	addr    string
	trust   *tls.Config

	mu     sync.Mutex     // guards what follows
	ended  map[string]int // abuses by what became of them
	asked  int
	failed error
}

// TestHonestAmongAbusive: while clients do to a node what HTTP/2 and HTTP/3 let them
// do, honest ones over all three protocols get all of their answers; what the node
// holds has a bound, does not grow, and is given back.
func TestHonestAmongAbusive(t *testing.T) {
	const streams, honest, abusive, pace = 64, 3, 2, 30 * time.Millisecond
	s := newSoak(t, 4*time.Second)
	origin := httptest.NewServer(http.HandlerFunc(commons))
	t.Cleanup(origin.Close)
	// The places at the origin are enough for what all of these connections may ask of
	// it: who is to have them, where they are not, is not what is asked here. Nor is how
	// fast an origin, a client and a node are that share two cores with a flood, so that
	// what honest ones come to is generous; a QUIC connection is over, too, where its
	// client has heard nothing for the idle timeout (RFC 9000 §10.1).
	n := s.edged.Configured(t, "", fmt.Sprintf(`
origins: [{name: origin, url: %q, max_in_flight: 2048, timeouts: {connect: 30s, header: 1m, body: 1m}}]
fills: {wait: 1m, timeout: 2m}
routes: [{name: all, path: "/*", origin: origin}]
limits: {streams: %d, read_timeout: 12s, write_timeout: 1m, idle_timeout: 20s}
`, origin.URL, streams))
	trust, err := trusted(n.CA)
	require.NoError(t, err)
	c := &crowd{t: t, node: n, streams: streams, addr: strings.TrimPrefix(n.HTTPS, "https://"), trust: trust, ended: map[string]int{}}
	admin, readers := n.Administer(t), n.Readers(t)
	for _, proto := range Protos() {
		for _, target := range []string{"/page", "/large", "/miss"} {
			require.Equal(t, http.StatusOK, readers.Get(t, proto, target).Status)
		}
	}
	readers.Idle()
	before := settled(t, admin)[0]

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.begin()
	var all sync.WaitGroup
	for i := range 3 * honest {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		all.Go(func() {
			for !s.over() && ctx.Err() == nil {
				if err := c.ask(ctx, readers, Protos()[i%3], random); err != nil {
					c.fail(err)
					cancel()
				}
				pause(ctx, time.Duration(random.Int64N(int64(2*pace))))
			}
		})
	}
	for i := range abusive {
		all.Go(func() { c.over2(ctx, s, rand.New(rand.NewPCG(seed, uint64(200+i)))) })
		all.Go(func() { c.over3(ctx, s, rand.New(rand.NewPCG(seed, uint64(300+i)))) })
	}
	var seen []vitals
	for !s.over() && ctx.Err() == nil {
		if v, err := admin.gauge(t); err == nil { // an admin API that is late is no honest client's
			seen = append(seen, v)
		}
		pause(ctx, time.Second)
	}
	all.Wait()
	require.NoError(t, c.failed)
	readers.Idle()
	after := before.restored(t, admin, "the node")
	most := most(seen)
	t.Logf("%v: %d honest requests, no error; abuses: %v", s.lasts, c.asked, c.ended)
	t.Logf("before: %v; most: %v; after: %v", before, most, after)
	// A request that waits is a goroutine, over HTTP/2 two of them, and a request at the
	// origin, which is two more; a connection has a few.
	bound := before.Goroutines + 2*abusive*(4*streams+32) + 3*honest*16
	require.LessOrEqual(t, most.Goroutines, bound)
	if s.long {
		third := len(seen) / 3
		first, last := medians(seen[:third]), medians(seen[len(seen)-third:])
		t.Logf("medians of the first third: %v; of the last: %v", first, last)
		require.LessOrEqual(t, last.Runtime, first.Runtime+first.Runtime/4, "it grows")
	}
	s.noRaces()
	require.True(t, n.Running())
}

// most is the most of each thing.
func most(seen []vitals) (m vitals) {
	for _, v := range seen {
		m = vitals{max(m.Goroutines, v.Goroutines), max(m.Files, v.Files), max(m.Heap, v.Heap), max(m.RSS, v.RSS), max(m.Runtime, v.Runtime)}
	}
	return m
}

// medians are those of each thing.
func medians(seen []vitals) vitals {
	of := func(thing func(v vitals) int64) int64 {
		var all []int64
		for _, v := range seen {
			all = append(all, thing(v))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return vitals{
		int(of(func(v vitals) int64 { return int64(v.Goroutines) })), int(of(func(v vitals) int64 { return int64(v.Files) })),
		of(func(v vitals) int64 { return v.Heap }), of(func(v vitals) int64 { return v.RSS }), of(func(v vitals) int64 { return v.Runtime }),
	}
}

func (c *crowd) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil {
		c.failed = err
	}
}

func (c *crowd) note(abuse, end string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended[abuse+": "+end]++
}

// ask is one request of an honest client, which looks at its answer.
func (c *crowd) ask(ctx context.Context, readers *Readers, proto Proto, random *rand.Rand) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	a := Ask{Method: "GET", Target: []string{"/page", "/page", "/page", "/miss", "/large", "/up"}[random.IntN(6)]}
	size := map[string]int{"/page": 16 << 10, "/large": 1 << 20, "/miss": 1000}[a.Target]
	want := strings.Repeat("x", size)
	if a.Target == "/up" {
		content := bytes.Repeat([]byte{'c'}, random.IntN(200_000))
		a.Method, a.Body = "POST", bytes.NewReader(content)
		want = fmt.Sprintf("%d %x", len(content), sha256.Sum256(content))
	}
	r, err := readers.Do(ctx, proto, a)
	switch {
	case err != nil:
		return fmt.Errorf("%s %s over %s: %w", a.Method, a.Target, proto, err)
	case r.Status != http.StatusOK || string(r.Body) != want:
		return fmt.Errorf("%s %s over %s: %d, %d bytes: %.300s", a.Method, a.Target, proto, r.Status, len(r.Body), r.Body)
	}
	c.mu.Lock()
	c.asked++
	c.mu.Unlock()
	return nil
}

// over2 abuses HTTP/2 until the soak is over, a connection after another.
func (c *crowd) over2(ctx context.Context, s *soak, random *rand.Rand) {
	const rounds = 60_000
	abuses := func() []abuse.H2 { // anew for each connection, as each has tables of its own
		return slices.Concat(abuse.Floods(), abuse.Stalls(), []abuse.H2{
			abuse.ContinuationBomb(), abuse.TableBomb(), abuse.NobodyReads(), abuse.NoWindow(), abuse.NoContent(c.streams), abuse.HalfClosed(c.streams),
		})
	}
	order := random.Perm(len(abuses()))
	trust := c.trust.Clone()
	trust.NextProtos = []string{"h2"}
	dialer := &tls.Dialer{Config: trust}
	for i := 0; !s.over() && ctx.Err() == nil; i++ {
		a := abuses()[order[i%len(order)]]
		conn, err := dialer.DialContext(ctx, "tcp", c.addr)
		if err != nil {
			c.note("h2 "+a.Name, "no connection")
			continue
		}
		code, ended := a.Run(conn, rounds, s.patience())
		_ = conn.Close()
		switch {
		case !ended:
			c.note("h2 "+a.Name, "left by the client")
		case code == abuse.NoCode:
			c.note("h2 "+a.Name, "closed")
		default:
			c.note("h2 "+a.Name, fmt.Sprintf("GOAWAY %#x", code))
		}
	}
}

// over3 does the same over HTTP/3.
func (c *crowd) over3(ctx context.Context, s *soak, random *rand.Rand) {
	const frames = 3000
	all := slices.Concat(abuse.ControlFloods(frames), abuse.EmptyFrames(frames), []abuse.H3{
		abuse.Resets(50_000), abuse.UnknownStreams(500), abuse.Bombs(20), abuse.StalledHeaders(c.streams), abuse.StalledContent(c.streams),
		abuse.SlowReaders(c.streams, "/large"), abuse.Trailing(frames), abuse.EmptyStreams(c.streams),
	})
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i := 0; !s.over() && ctx.Err() == nil; i++ {
		a := all[i%len(all)]
		c.note("h3 "+a.Name, c.attack(ctx, s, a))
	}
}

// attack stays for as long as the server bears it, or some seconds.
func (c *crowd) attack(ctx context.Context, s *soak, a abuse.H3) (end string) {
	ctx, cancel := context.WithTimeout(ctx, s.patience())
	defer cancel()
	trust := c.trust.Clone()
	trust.NextProtos, trust.ServerName = []string{"h3"}, "localhost"
	conn, err := abuse.Dial(ctx, c.addr, trust)
	if err != nil {
		return "no connection"
	}
	defer conn.Close()
	_, _ = a.Do(ctx, conn) // how it ends is told by the connection
	select {
	case <-conn.Gone():
	case <-ctx.Done():
	}
	if code, closed := conn.Code(); closed {
		return fmt.Sprintf("closed %#x", code)
	}
	return "left by the client"
}
