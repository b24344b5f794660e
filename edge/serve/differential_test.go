package serve

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// order is one exchange of a client.
type order struct {
	method, target string
	content        int // -1 for none
	told, trailing bool
	header         []string
	quit           int // how much of the answer is read before the client goes, -1: all; 0: it goes at any time
}

func genOrder(t *rapid.T) order {
	o := order{
		method:  rapid.SampledFrom([]string{"GET", "GET", "GET", "HEAD", "POST", "PUT", "BREW"}).Draw(t, "method"),
		content: -1, quit: -1,
	}
	way := rapid.SampledFrom([]string{"hit", "hit", "hit", "hit", "stream", "pieces", "trailed", "early", "broken", "short", "long", "pass", "status", "hang"}).Draw(t, "way")
	size := rapid.SampledFrom(orderSizes).Draw(t, "size")
	if way == "status" {
		size = rapid.SampledFrom([]int{201, 203, 204, 301, 304, 404, 451, 500, 599}).Draw(t, "status")
	}
	o.target = fmt.Sprintf("/%s/%d/%d", way, size, rapid.IntRange(0, orderedOf-1).Draw(t, "which"))
	if way == "trailed" && rapid.Bool().Draw(t, "wanted") {
		o.header = append(o.header, "Te", "trailers")
	}
	switch {
	case way == "hang":
		o.quit = 0
	case rapid.IntRange(0, 9).Draw(t, "goes") == 0:
		o.quit = rapid.SampledFrom([]int{0, 1, size / 2, size}).Draw(t, "quit")
	}
	if o.method != "GET" && o.method != "HEAD" && rapid.Bool().Draw(t, "content") {
		o.content, o.told = rapid.SampledFrom([]int{0, 3, 2000, 70_000, 200_000}).Draw(t, "length"), rapid.Bool().Draw(t, "told")
		o.trailing = !o.told && rapid.Bool().Draw(t, "trailing")
	}
	for _, f := range [][]string{{"Cookie", "a=1; b=2"}, {"X-Many", "x"}, {"X-Many", "y"}, {"X-Many", strings.Repeat("y", 3000)}, {"If-None-Match", `"x"`},
		{"Range", "bytes=1-2"}, {"Range", "bytes=1-2,5-6"}, {"Priority", "u=1, i"}, {"Priority", "u=6"}, {"Expect", "100-continue"}, {"Accept", "*/*"}} {
		if rapid.IntRange(0, 5).Draw(t, f[0]) == 0 {
			o.header = append(o.header, f...)
		}
	}
	return o
}

// genOrders are orders of a few kinds, each of which comes again and again: what a
// connection keeps of a request shows only then.
func genOrders(t *rapid.T) (all []order) {
	switch rapid.IntRange(0, 5).Draw(t, "of") {
	case 0:
		return genPolls(t)
	case 1:
		return genCrowd(t)
	}
	kinds := rapid.SliceOfN(rapid.Custom(genOrder), 1, 8).Draw(t, "kinds")
	for _, turn := range rapid.SliceOfN(rapid.IntRange(0, 4*len(kinds)-1), 1, 16).Draw(t, "turns") {
		all = append(all, slices.Repeat(kinds[turn/4:][:1], 1+turn%4)...)
	}
	return all
}

// genCrowd are requests for different contents of one size, which wait for windows
// beside each other, and some of which are taken back in the middle.
func genCrowd(t *rapid.T) (all []order) {
	size := rapid.SampledFrom([]int{16 << 10, 100 << 10, 300 << 10}).Draw(t, "size")
	ways := rapid.SampledFrom([][]string{{"hit"}, {"hit", "stream"}, {"hit", "pass", "pieces", "trailed"}}).Draw(t, "ways")
	for i, how := range rapid.SliceOfN(rapid.IntRange(0, 9), 6, 24).Draw(t, "how") {
		o := order{method: "GET", content: -1, quit: -1, target: fmt.Sprintf("/%s/%d/%d", ways[i%len(ways)], size, i/len(ways)%orderedOf)}
		if how == 4 {
			o.header = []string{"Te", "trailers"}
		}
		if how%3 == 0 {
			o.header = []string{"Priority", fmt.Sprintf("u=%d, i", how)}
		}
		if how == 1 || how == 2 {
			o.quit = []int{1, size / 2}[how-1]
		}
		all = append(all, o)
	}
	return all
}

// genPolls are two requests for the same thing that differ in a line, each many times,
// and between them one with a line that throws all others out of HPACK's table: the
// two then have the same block.
func genPolls(t *rapid.T) (all []order) {
	o := order{method: "GET", content: -1, quit: -1, target: fmt.Sprintf("/hit/%d/0", rapid.SampledFrom(orderSizes).Draw(t, "size"))}
	with := func(value string) (other order) {
		other = o
		other.header = []string{"X-Many", value}
		return other
	}
	flush := with(strings.Repeat("z", 3990))
	for _, turn := range rapid.SliceOfN(rapid.IntRange(0, 9), 2, 6).Draw(t, "turns") {
		all = append(all, slices.Repeat([]order{with([]string{"x", "y"}[turn%2])}, 2+turn/2)...)
		all = append(all, flush)
	}
	return all
}

// dialers open a client of one connection to a server, of HTTP/2 or HTTP/3, with
// windows of a size, and say how to end it.
func dialers(roots *x509.CertPool) map[string]func(window int) (http.RoundTripper, func()) {
	// Each has its own: net/http writes into it, also while a former one still dials.
	trust := func() *tls.Config { return &tls.Config{RootCAs: roots} }
	return map[string]func(int) (http.RoundTripper, func()){
		"h2": func(window int) (http.RoundTripper, func()) {
			tr := &http.Transport{DisableCompression: true, TLSClientConfig: trust(), ForceAttemptHTTP2: true,
				HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: window, MaxReceiveBufferPerConnection: max(2*window, 65_535)}} // of less it makes 1 GiB
			return tr, tr.CloseIdleConnections
		},
		"h3": func(window int) (http.RoundTripper, func()) {
			// Its own dial is not safe against Close, where all orders were taken back.
			tr := &http3.Transport{DisableCompression: true, TLSClientConfig: trust(), Dial: quic.DialAddrEarly, QUICConfig: &quic.Config{
				InitialStreamReceiveWindow: uint64(window), MaxStreamReceiveWindow: uint64(window),
				InitialConnectionReceiveWindow: uint64(2 * window), MaxConnectionReceiveWindow: uint64(2 * window),
			}}
			return tr, func() { _ = tr.Close() }
		},
	}
}

// run sends orders over one connection, some at once, and tells what came of each.
func run(base string, tr http.RoundTripper, orders []order, atOnce int) []string {
	told := make([]string, len(orders))
	room := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, o := range orders {
		room <- struct{}{}
		all.Go(func() {
			told[i] = o.tell(tr, base)
			<-room
		})
	}
	all.Wait()
	return told
}

// unwhole reports whether the answer must not look whole. How much of it comes
// before it breaks off, and by what error, is by chance.
func (o order) unwhole() bool {
	way, _, _ := strings.Cut(o.target[1:], "/")
	return o.method != "HEAD" && (way == "broken" || way == "short" || way == "long")
}

func (o order) tell(tr http.RoundTripper, base string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var early strings.Builder
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: func(status int, h textproto.MIMEHeader) error {
		if status != http.StatusContinue { // comes where it is still wanted
			fmt.Fprintf(&early, "%d %v\n", status, h)
		}
		return nil
	}})
	req, err := http.NewRequestWithContext(ctx, o.method, base+o.target, o.body())
	if err != nil {
		return err.Error()
	}
	if o.trailing {
		req.Trailer = http.Header{"X-Behind": {"the content"}}
	}
	for i := 0; i < len(o.header); i += 2 {
		req.Header.Add(o.header[i], o.header[i+1])
	}
	if o.quit == 0 {
		go cancel() // before, within or after the answer
	}
	resp, err := tr.RoundTrip(req)
	switch {
	case err == nil:
		defer resp.Body.Close()
	case o.quit == 0, o.unwhole() && ctx.Err() == nil:
		return "broken off"
	default:
		return err.Error()
	}
	if o.quit >= 0 {
		_, _ = io.CopyN(io.Discard, resp.Body, int64(o.quit))
		return "broken off"
	}
	content, err := io.ReadAll(resp.Body)
	if o.unwhole() && err != nil && ctx.Err() == nil {
		return "broken off"
	}
	return early.String() + describe(answer{resp.StatusCode, resp.Header, string(content), resp.ContentLength, err, nil}) +
		fmt.Sprintf("content: %x %v\ntrailer: %v", sha256.Sum256(content), err, resp.Trailer)
}

func (o order) body() io.Reader {
	if o.content < 0 {
		return nil
	}
	content := strings.NewReader(contentOf("content of "+o.target, o.content))
	if o.told {
		return content
	}
	return io.MultiReader(content)
}

// agreeing is what holds of both servers of a protocol: the same orders, in the same
// order, some at once, some taken back, have the same answers.
func agreeing(tb testing.TB, protos ...string) func(*rapid.T) {
	core := newOrdered(tb)
	// A client's last packet may be lost: what it has left unread is then over with the
	// connection's idle timeout, which a shutdown would wait for.
	const idle = 15 * time.Second
	stock := start(tb, core, func(c *Config) { c.H2, c.H3, c.IdleTimeout = Stock, Stock, idle })
	lean := start(tb, core, func(c *Config) { c.H2, c.H3, c.IdleTimeout = Lean, Lean, idle })
	at := func(r *rig) string { return fmt.Sprintf("https://localhost:%d", r.Addrs().Secure.Port()) }
	toStock, toLean := dialers(stock.roots), dialers(lean.roots)
	return func(rt *rapid.T) {
		orders := genOrders(rt)
		atOnce := rapid.SampledFrom([]int{1, 4, 24}).Draw(rt, "at once")
		window := rapid.SampledFrom([]int{5000, 64 << 10, 4 << 20}).Draw(rt, "window")
		over := func(r *rig, dial func(int) (http.RoundTripper, func())) []string {
			tr, done := dial(window)
			defer done()
			return run(at(r), tr, orders, atOnce)
		}
		for _, proto := range protos {
			want, got := over(stock, toStock[proto]), over(lean, toLean[proto])
			for i := range orders {
				require.Equal(rt, want[i], got[i], "%s: %+v", proto, orders[i])
			}
		}
	}
}

// TestLeanAnswersAsStock: the same random exchanges to both servers of HTTP/2 and of
// HTTP/3.
func TestLeanAnswersAsStock(t *testing.T) {
	if leanly {
		return // it has both
	}
	rapid.Check(t, agreeing(t, "h2", "h3"))
}

// FuzzStacksAgree is the same by a fuzzer's choice.
func FuzzStacksAgree(f *testing.F) {
	for seed := range 24 { // orders are made of what a seed's bytes say
		random := rand.NewChaCha8([32]byte{byte(seed)})
		b := make([]byte, 32<<10) // of fewer some make none
		_, _ = random.Read(b)     // fills it
		f.Add(b)
	}
	f.Fuzz(rapid.MakeFuzz(agreeing(f, "h2", "h3")))
}
