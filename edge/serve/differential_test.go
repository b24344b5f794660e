package serve

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
)

// ordered answers what its target orders: /way/size. Hits are answered by Begin, all
// else by Finish.
type ordered struct{ stored map[int]*edge.Artifact }

// orderSizes cross the bounds at which answers are written in other ways.
var orderSizes = []int{0, 1, 1000, 1300, 1500, 5000, 16 << 10, 21 << 10, 100 << 10, 300 << 10}

func newOrdered(t testing.TB) *ordered {
	o := &ordered{stored: map[int]*edge.Artifact{}}
	for _, n := range orderSizes {
		o.stored[n] = edgetest.Artifact(t, strings.Repeat("s", n), "Content-Type", "text/plain", "Date", originDate,
			"Etag", fmt.Sprintf(`"%d"`, n), "Vary", "Accept", "X-Many", "a", "X-Many", "b")
	}
	return o
}

func (o *ordered) Begin(x *edge.Exchange) bool {
	if !strings.HasPrefix(x.Req.Target, "/hit/") || x.Req.Body != nil {
		return false
	}
	o.Serve(context.Background(), x)
	return true
}

func (o *ordered) Finish(ctx context.Context, x *edge.Exchange) { o.Serve(ctx, x) }

func (o *ordered) Serve(ctx context.Context, x *edge.Exchange) {
	var n int
	way, rest, _ := strings.Cut(strings.TrimPrefix(x.Req.Target, "/"), "/")
	_, _ = fmt.Sscanf(rest, "%d", &n)
	sum := 0
	if x.Req.Body != nil {
		content, _ := io.ReadAll(x.Req.Body)
		sum = len(content)
	}
	rep := &x.Rep
	rep.Status, rep.Length = 200, int64(n)
	switch way {
	case "hit":
		rep.Art = o.stored[n]
		rep.Body = rep.Art.Body
		rep.Extra.Add("Age", []byte("3"))
		rep.Extra.Add("Cache-Status", []byte("n; hit"))
		if x.Req.Fields.Get("If-None-Match") != "" {
			rep.Status, rep.Body = 304, nil
		}
	case "stream":
		rep.Stream = io.NopCloser(strings.NewReader(strings.Repeat("t", n)))
	case "events":
		rep.Stream, rep.Length = io.NopCloser(&chunks{strings.SplitAfter(strings.Repeat("eve\n", n%40), "\n")}), -1
	case "hang":
		<-ctx.Done()
		rep.Status, rep.Length = 499, 0
	default:
		rep.Passed = edgetest.Lines("Content-Type", "text/html", "Set-Cookie", "a=1", "Set-Cookie", "b=2", "Date", originDate)
		rep.Body = []byte(strings.Repeat("p", n))
		rep.Extra.Add("X-Sum", fmt.Append(nil, sum))
		rep.Extra.Add("X-Fields", fmt.Append(nil, x.Req.Fields.Combined("Cookie"), " ", x.Req.Fields.Combined("X-Many"), " ", x.Req.Length))
	}
	if x.Req.Method == edge.MethodHead {
		rep.Body = nil
		rep.Stream = nil
	}
}

// order is one exchange of a client.
type order struct {
	method, target string
	content        int // -1 for none
	told           bool
	header         []string
	cancel         bool
}

func genOrder(t *rapid.T) order {
	o := order{
		method:  rapid.SampledFrom([]string{"GET", "GET", "GET", "HEAD", "POST", "PUT", "BREW"}).Draw(t, "method"),
		content: -1,
	}
	way := rapid.SampledFrom([]string{"hit", "hit", "hit", "stream", "events", "pass", "hang"}).Draw(t, "way")
	o.target = fmt.Sprintf("/%s/%d", way, rapid.SampledFrom(orderSizes).Draw(t, "size"))
	o.cancel = way == "hang" || rapid.IntRange(0, 9).Draw(t, "cancel") == 0
	if o.method != "GET" && o.method != "HEAD" && rapid.Bool().Draw(t, "content") {
		o.content, o.told = rapid.SampledFrom([]int{0, 3, 2000, 200_000}).Draw(t, "length"), rapid.Bool().Draw(t, "told")
	}
	for _, f := range [][]string{{"Cookie", "a=1; b=2"}, {"X-Many", "x"}, {"X-Many", strings.Repeat("y", 3000)}, {"If-None-Match", `"x"`},
		{"Priority", "u=1, i"}, {"Expect", "100-continue"}, {"Accept", "*/*"}} {
		if rapid.IntRange(0, 3).Draw(t, f[0]) == 0 {
			o.header = append(o.header, f...)
		}
	}
	return o
}

// dialers open a client of one connection to a server, of HTTP/2 or HTTP/3, and say
// how to end it.
func dialers(roots *x509.CertPool) map[string]func() (http.RoundTripper, func()) {
	trust := &tls.Config{RootCAs: roots}
	return map[string]func() (http.RoundTripper, func()){
		"h2": func() (http.RoundTripper, func()) {
			tr := &http.Transport{DisableCompression: true, TLSClientConfig: trust, ForceAttemptHTTP2: true}
			return tr, tr.CloseIdleConnections
		},
		"h3": func() (http.RoundTripper, func()) {
			tr := &http3.Transport{DisableCompression: true, TLSClientConfig: trust}
			return tr, func() { _ = tr.Close() }
		},
	}
}

// run sends orders over one connection, some at once, and tells what came of each.
func run(base string, dial func() (http.RoundTripper, func()), orders []order, atOnce int) []string {
	tr, done := dial()
	defer done()
	c := &http.Client{Transport: tr}
	told := make([]string, len(orders))
	room := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, o := range orders {
		room <- struct{}{}
		all.Go(func() {
			told[i] = o.tell(c, base)
			<-room
		})
	}
	all.Wait()
	return told
}

func (o order) tell(c *http.Client, base string) string {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var body io.Reader
	if o.content >= 0 {
		body = strings.NewReader(strings.Repeat("c", o.content))
		if !o.told {
			body = io.MultiReader(body)
		}
	}
	req, err := http.NewRequestWithContext(ctx, o.method, base+o.target, body)
	if err != nil {
		return err.Error()
	}
	for i := 0; i < len(o.header); i += 2 {
		req.Header.Add(o.header[i], o.header[i+1])
	}
	if o.cancel {
		go cancel() // before, within or after the answer
		if resp, err := c.Do(req); err == nil {
			_ = resp.Body.Close()
		}
		return "cancelled"
	}
	resp, err := c.Do(req)
	if err != nil {
		return err.Error()
	}
	content, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return describe(answer{resp.StatusCode, resp.Header, string(content), resp.ContentLength, err}) + fmt.Sprint(err)
}

// agreeing is what holds of both servers of a protocol: the same orders, in the same
// order, some at once, some taken back, have the same answers.
func agreeing(tb testing.TB, protos ...string) func(*rapid.T) {
	core := newOrdered(tb)
	stock := start(tb, core, func(c *Config) { c.H2, c.H3 = Stock, Stock })
	lean := start(tb, core, func(c *Config) { c.H2, c.H3 = Lean, Lean })
	at := func(r *rig) string { return fmt.Sprintf("https://localhost:%d", r.Addrs().Secure.Port()) }
	toStock, toLean := dialers(stock.roots), dialers(lean.roots)
	return func(rt *rapid.T) {
		orders := rapid.SliceOfN(rapid.Custom(genOrder), 1, 24).Draw(rt, "orders")
		atOnce := rapid.SampledFrom([]int{1, 4, 24}).Draw(rt, "at once")
		for _, proto := range protos {
			want := run(at(stock), toStock[proto], orders, atOnce)
			got := run(at(lean), toLean[proto], orders, atOnce)
			for i := range orders {
				require.Equal(rt, want[i], got[i], "%s: %+v", proto, orders[i])
			}
		}
	}
}

// TestLeanAnswersAsStock: the same random exchanges to both servers of HTTP/3.
func TestLeanAnswersAsStock(t *testing.T) {
	if leanly {
		return // it has both
	}
	rapid.Check(t, agreeing(t, "h3"))
}

// FuzzStacksAgree is the same by a fuzzer's choice, over HTTP/2 too.
func FuzzStacksAgree(f *testing.F) {
	for seed := range 6 { // orders are made of what a seed's bytes say
		random := rand.NewChaCha8([32]byte{byte(seed)})
		b := make([]byte, 32<<10) // of fewer some make none
		_, _ = random.Read(b)     // fills it
		f.Add(b)
	}
	f.Fuzz(rapid.MakeFuzz(agreeing(f, "h2", "h3")))
}
