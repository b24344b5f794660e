package serve

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
)

// mixed answers by its target alone, in the phases that the target asks for: at
// once, later, or bit by bit.
type mixed struct{ art *edge.Artifact }

func (m mixed) Serve(ctx context.Context, x *edge.Exchange) {
	if !m.Begin(x) {
		m.Finish(ctx, x)
	}
}

func (m mixed) Begin(x *edge.Exchange) bool {
	if !strings.HasPrefix(x.Req.Target, "/hit") || x.Req.Body != nil {
		return false
	}
	m.answer(x)
	return true
}

func (m mixed) Finish(ctx context.Context, x *edge.Exchange) {
	var got int64
	if x.Req.Body != nil {
		sum := sha256.New()
		got, _ = io.Copy(sum, x.Req.Body)
		x.Rep.Extra.Add("X-Sum", fmt.Appendf(nil, "%d %x", got, sum.Sum(nil)[:4]))
	}
	if strings.HasPrefix(x.Req.Target, "/held") {
		<-ctx.Done() // only a client that gives up comes here
	}
	m.answer(x)
}

func (m mixed) answer(x *edge.Exchange) {
	var size int
	kind := ""
	_, _ = fmt.Sscanf(strings.ReplaceAll(x.Req.Target[1:], "/", " "), "%s %d", &kind, &size)
	x.Rep.Status = 200
	switch kind {
	case "hit", "held":
		x.Rep.Art, x.Rep.Body = m.art, m.art.Body[:size]
		x.Rep.Extra.Add("Age", []byte("7"))
	case "miss":
		x.Rep.Passed, x.Rep.Body = edgetest.Lines("Set-Cookie", "a=1", "Set-Cookie", "b=2", "Content-Type", "text/plain"), m.art.Body[:size]
	case "none":
		x.Rep.Status, x.Rep.Art = 304, m.art
	case "bits", "known":
		x.Rep.Stream, x.Rep.Length = io.NopCloser(strings.NewReader(string(m.art.Body[:size]))), -1
		if kind == "known" {
			x.Rep.Length = int64(size)
		}
		return
	}
	x.Rep.Length = int64(size)
	if x.Req.Method == edge.MethodHead {
		x.Rep.Body = nil
	}
}

// exchanges are the same random ones for whoever serves them.
type exchange struct {
	method, target string
	header         []string
	upload, quit   int // quit: how much of the answer is read before the client goes; -1: all
}

func randomExchange(r *rand.Rand) exchange {
	sizes := []int{0, 1, 100, 1024, 16 << 10, 65_535, 100_000, 300_000}
	kinds := []string{"hit", "hit", "hit", "miss", "none", "bits", "known", "held"}
	e := exchange{method: "GET", upload: -1, quit: -1}
	size := sizes[r.IntN(len(sizes))]
	if size > 1 {
		size -= r.IntN(size)
	}
	e.target = fmt.Sprintf("/%s/%d", kinds[r.IntN(len(kinds))], size)
	switch r.IntN(6) {
	case 0:
		e.method = "HEAD"
	case 1:
		e.method, e.upload = "POST", r.IntN(400_000)
	}
	if r.IntN(6) == 0 || strings.HasPrefix(e.target, "/held") {
		e.quit = r.IntN(size + 1)
	}
	for range r.IntN(4) {
		e.header = append(e.header, fmt.Sprintf("X-H%d", r.IntN(5)), strings.Repeat("v", r.IntN(200)))
	}
	if r.IntN(3) == 0 {
		e.header = append(e.header, "Priority", fmt.Sprintf("u=%d, i", r.IntN(8)))
	}
	return e
}

// run is what a client sees of an exchange: without the time, and of one that it
// quits no more than that it is no other.
func (e exchange) run(c *http.Client, base string) (string, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var body io.Reader
	if e.upload >= 0 {
		body = io.LimitReader(zeroes{}, int64(e.upload))
	}
	req, err := http.NewRequestWithContext(ctx, e.method, base+e.target, body)
	if err != nil {
		return "", err
	}
	for i := 0; i < len(e.header); i += 2 {
		req.Header.Add(e.header[i], e.header[i+1])
	}
	if strings.HasPrefix(e.target, "/held") {
		cancel()
	}
	resp, err := c.Do(req)
	if err != nil {
		if e.quit >= 0 && errors.Is(err, context.Canceled) {
			return "quit", nil
		}
		return "", fmt.Errorf("%+v: %w", e, err)
	}
	defer resp.Body.Close()
	resp.Header.Del("Date")
	resp.Header.Del("Alt-Svc")
	if e.quit >= 0 {
		_, _ = io.CopyN(io.Discard, resp.Body, int64(e.quit))
		return "quit", nil
	}
	sum := sha256.New()
	n, err := io.Copy(sum, resp.Body)
	if err != nil {
		return "", fmt.Errorf("%+v: content: %w", e, err)
	}
	return fmt.Sprintf("%d %v length=%d content=%d:%x", resp.StatusCode, resp.Header, resp.ContentLength, n, sum.Sum(nil)[:4]), nil
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestH2StacksAgree sends the same random exchanges, many at a time, over few
// connections and by clients of several windows, to the stock and to the lean
// server of HTTP/2: what is answered is the same.
func TestH2StacksAgree(t *testing.T) {
	if leanly {
		return // it has both
	}
	n := 2000
	if testing.Short() {
		n = 300
	}
	const atATime = 24
	seed := rand.Uint64()
	t.Logf("seed %d, %d exchanges", seed, n)
	core := mixed{edgetest.Artifact(t, strings.Repeat("0123456789", 30_000), "Content-Type", "text/plain", "Etag", `"x"`, "X-Many", "a", "X-Many", "b")}
	answers := map[Stack][]string{}
	for _, stack := range []Stack{Stock, Lean} {
		rig := start(t, core, func(c *Config) { c.H2 = stack; c.Plain = "" })
		var clients []*http.Client
		for _, window := range []int{64 << 10, 1 << 20, 4 << 20} {
			tr := &http.Transport{
				DisableCompression: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: rig.roots},
				HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: window, MaxReceiveBufferPerConnection: 2 * window},
			}
			t.Cleanup(tr.CloseIdleConnections)
			clients = append(clients, &http.Client{Transport: tr})
		}
		base := fmt.Sprintf("https://localhost:%d", rig.Addrs().Secure.Port())
		r := rand.New(rand.NewPCG(seed, 0))
		seen := make([]string, n)
		errs := make(chan error, n)
		var all sync.WaitGroup
		turn := make(chan struct{}, atATime)
		for i := range n {
			e := randomExchange(r)
			turn <- struct{}{}
			all.Go(func() {
				got, err := e.run(clients[i%len(clients)], base)
				if err != nil {
					errs <- fmt.Errorf("%s: %w", stack, err)
				}
				seen[i] = fmt.Sprintf("%+v: %s", e, got)
				<-turn
			})
		}
		all.Wait()
		select {
		case err := <-errs:
			require.NoError(t, err)
		default:
		}
		answers[stack] = seen
	}
	for i := range n {
		require.Equal(t, answers[Stock][i], answers[Lean][i])
	}
}
