package behaviour

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/require"
)

// pair is a node of the lean stacks and one of the stock ones, before one origin and
// with the same things in their caches.
type pair struct {
	lean, stock *Node
	origin      string
	plan        *Plan
	exchanges   int
}

// newPair starts both. How many exchanges a test makes is by its own word, or
// LETTEREDGE_EXCHANGES.
func newPair(t *testing.T, few int, origin http.Handler) *pair {
	t.Helper()
	p := &pair{exchanges: few}
	if text := os.Getenv("LETTEREDGE_EXCHANGES"); text != "" {
		var err error
		p.exchanges, err = strconv.Atoi(text)
		require.NoError(t, err, "LETTEREDGE_EXCHANGES")
	}
	seed := rand.Uint64()
	if text := os.Getenv("LETTEREDGE_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, "LETTEREDGE_SEED")
	}
	t.Logf("LETTEREDGE_SEED=%d LETTEREDGE_EXCHANGES=%d", seed, p.exchanges)
	server := httptest.NewServer(origin)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	p.origin = server.URL
	start := func(stack string) *Node {
		return edged.Configured(t, server.URL, fmt.Sprintf("transport: {h2: %s, h3: %[1]s}\n"+
			`routes: [{name: all, path: "/*", origin: origin, query: {names: ["*"]}}]`, stack))
	}
	p.lean, p.stock = start("lean"), start("stock")
	tags := warm(t, p.lean)
	require.Equal(t, warm(t, p.stock), tags)
	p.plan = NewPlan(seed, tags)
	return p
}

// warm asks for all that is kept until all of it is a hit in each coding, and returns
// the entity tags of each.
func warm(t *testing.T, n *Node) map[string][]string {
	t.Helper()
	r := n.Readers(t)
	tags := map[string][]string{}
	for _, target := range keptTargets() {
		for _, coding := range preferences() {
			var got *Reply
			Until(t, "a hit of "+target, func() bool {
				got = r.Get(t, H2, target, "Accept-Encoding", coding)
				require.Equal(t, 200, got.Status, target)
				coded := slices.Contains([]string{"gzip", "br", "zstd"}, coding) && strings.HasPrefix(target, "/text/") && len(got.Body) > 800
				return got.Hit() && !(coded && got.Header.Get("Content-Encoding") == "")
			})
			if tag := got.Header.Get("Etag"); tag != "" && !slices.Contains(tags[target], tag) {
				tags[target] = append(tags[target], tag)
			}
		}
		slices.Sort(tags[target])
		if tags[target] == nil {
			tags[target] = []string{}
		}
	}
	return tags
}

// bothWays is a client that makes the same exchanges with both nodes.
type bothWays func(t *testing.T, all []Exchange) (stock, lean []Outcome)

// apart is one that knows of one node at a time.
func (p *pair) apart(client func(t *testing.T, n *Node, all []Exchange) []Outcome) bothWays {
	return func(t *testing.T, all []Exchange) (stock, lean []Outcome) {
		return client(t, p.stock, all), client(t, p.lean, all)
	}
}

// agree makes the same exchanges with both nodes, in parts of at most so many, and
// holds what a client saw of one against what it saw of the other.
func (p *pair) agree(t *testing.T, part int, plan func(n int) []Exchange, client bothWays) {
	t.Helper()
	for left := p.exchanges; left > 0; left -= part {
		all := plan(min(part, left))
		stock, lean := client(t, all)
		require.Len(t, stock, len(all))
		require.Len(t, lean, len(all))
		var apart []string
		for i := range all {
			if want, got := at(p.stock, stock[i]), at(p.lean, lean[i]); want != got {
				apart = append(apart, fmt.Sprintf("%+v: the stock node\n%s\nthe lean node\n%s", all[i], want, got))
			}
		}
		require.Empty(t, apart[:min(len(apart), 10)], "%d of %d differ", len(apart), len(all))
	}
}

// at is an outcome without the address of the node.
func at(n *Node, o Outcome) string {
	return strings.ReplaceAll(o.String(), strings.TrimPrefix(n.HTTPS, "https://"), "NODE")
}

// any plans exchanges of all kinds.
func (p *pair) any(n int) (all []Exchange) {
	for range n {
		all = append(all, p.plan.Next())
	}
	return all
}

// TestGoAgrees: Go's clients of HTTP/2 and HTTP/3, in windows of several sizes and
// many requests at a time, some of which they cancel.
func TestGoAgrees(t *testing.T) {
	p := newPair(t, 600, Varied{})
	t.Run("h2", func(t *testing.T) { p.agree(t, 2000, p.any, p.apart(goClient(overH2))) })
	t.Run("h3", func(t *testing.T) { p.agree(t, 2000, p.any, p.apart(goClient(overH3))) })
}

// overH2 and overH3 make a client whose windows are of a size.
func overH2(t *testing.T, trust *tls.Config, window int) http.RoundTripper {
	tr := &http.Transport{
		Protocols: new(http.Protocols), DisableCompression: true, TLSClientConfig: trust,
		HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: window, MaxReceiveBufferPerConnection: 2 * window},
	}
	tr.Protocols.SetHTTP2(true)
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func overH3(t *testing.T, trust *tls.Config, window int) http.RoundTripper {
	tr := &http3.Transport{TLSClientConfig: trust, DisableCompression: true, QUICConfig: &quic.Config{
		HandshakeIdleTimeout: 10 * time.Second, MaxIdleTimeout: time.Minute,
		InitialStreamReceiveWindow: uint64(window), InitialConnectionReceiveWindow: uint64(2 * window),
	}}
	t.Cleanup(func() { _ = tr.Close() }) // the test is over: nobody to tell
	return tr
}

func goClient(over func(*testing.T, *tls.Config, int) http.RoundTripper) func(*testing.T, *Node, []Exchange) []Outcome {
	return func(t *testing.T, n *Node, all []Exchange) []Outcome {
		trust, err := trusted(n.CA)
		require.NoError(t, err)
		var clients []http.RoundTripper
		for _, window := range []int{64 << 10, 1 << 20, 4 << 20} {
			clients = append(clients, over(t, trust, window))
		}
		got := make([]Outcome, len(all))
		turn := make(chan struct{}, 24)
		var done sync.WaitGroup
		for i, e := range all {
			turn <- struct{}{}
			done.Go(func() {
				defer func() { <-turn }()
				got[i] = e.by(t, clients[i%len(clients)], n)
			})
		}
		done.Wait()
		return got
	}
}

// by makes the exchange. Of one that it quits it tells no more than that.
func (e Exchange) by(t *testing.T, client http.RoundTripper, n *Node) (o Outcome) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var content io.Reader
	if e.Content >= 0 {
		content = strings.NewReader(strings.Repeat("u", e.Content))
	}
	req, err := http.NewRequestWithContext(ctx, e.Method, n.HTTPS+e.Target, content)
	if err != nil {
		t.Errorf("%+v: %v", e, err)
		return o
	}
	for field := range slices.Chunk(e.Fields, 2) {
		req.Header.Add(field[0], field[1])
	}
	if e.Quit == 0 {
		time.AfterFunc(time.Duration(len(e.Target))*10*time.Microsecond, cancel) // soon: any moment will do
	}
	res, err := client.RoundTrip(req)
	if e.Quit >= 0 {
		if err == nil {
			_, _ = io.CopyN(io.Discard, res.Body, int64(e.Quit))
			_ = res.Body.Close() // that is how it goes
		} else if !errors.Is(err, context.Canceled) {
			t.Errorf("%+v: %v", e, err)
		}
		o.Note("quit")
		return o
	}
	if err != nil {
		o.Note("error: %v", err)
		return o
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	o.Note(":status: %d, length %d, error %v", res.StatusCode, res.ContentLength, err)
	o.Header("", res.Header)
	o.Header("trailer ", res.Trailer)
	o.Content(body)
	return o
}
