package behaviour

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fetcher is the page that makes exchanges.
//
//go:embed fetcher.html
var fetcher string

// TestChromiumAgrees: a browser's fetch() over HTTP/2 and HTTP/3, some of them
// aborted. Its own cache is not used.
func TestChromiumAgrees(t *testing.T) {
	path := program(t, "chromium", "chromium-browser", "google-chrome")
	o := &briefed{}
	p := newPair(t, 200, o)
	for _, proto := range []string{"h2", "h3"} {
		t.Run(proto, func(t *testing.T) {
			p.agree(t, 10_000, p.any, func(t *testing.T, all []Exchange) (stock, lean []Outcome) {
				got := o.visit(t, path, proto, []*Node{p.stock, p.lean}, all)
				return got[0], got[1]
			})
		})
	}
}

// briefed is a Varied origin that has a page and a list of exchanges for a browser,
// and gets back what it saw.
type briefed struct {
	Varied
	mu    sync.Mutex
	brief []byte
	next  string // where the page goes on when it has come to an end
	seen  chan report
}

// report is what a page has seen of some exchanges.
type report struct {
	At   string // the page's origin
	Seen []json.RawMessage
}

func (o *briefed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	brief, seen, next := o.brief, o.seen, o.next
	o.mu.Unlock()
	switch r.URL.Path {
	case "/":
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(strings.ReplaceAll(fetcher, "NEXT", next))) // a browser that has gone is not waited for
	case "/brief":
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(brief) // as above
	case "/seen":
		var some report
		if err := json.NewDecoder(r.Body).Decode(&some); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		select {
		case seen <- some:
		case <-r.Context().Done():
		}
	default:
		o.Varied.ServeHTTP(w, r)
	}
}

// TestChromiumReadsTrailedAnswers: a browser has all of an answer whose origin has
// trailer fields for it. Chromium 156 does not, over HTTP/3, where they are sent to it:
// 41 of 60 such answers, of either server, ended in ERR_CONNECTION_CLOSED.
func TestChromiumReadsTrailedAnswers(t *testing.T) {
	path := program(t, "chromium", "chromium-browser", "google-chrome")
	o := &briefed{}
	p := newPair(t, 200, o)
	var all []Exchange
	for i := range p.exchanges {
		all = append(all, Exchange{Method: "GET", Target: fmt.Sprintf("/trailed/%d/t%d", p.plan.r.IntN(300_000), i), Content: -1, Quit: -1})
	}
	for _, proto := range []string{"h2", "h3"} {
		t.Run(proto, func(t *testing.T) {
			var not []string
			for i, got := range o.visit(t, path, proto, []*Node{p.lean}, all)[0] {
				var size int
				_, err := fmt.Sscanf(all[i].Target, "/trailed/%d/", &size)
				require.NoError(t, err)
				want := fmt.Sprintf("content: %d bytes, %x\n", size, sha256.Sum256(contentOf(all[i].Target, size)))
				if said := got.String(); !strings.Contains(said, "\n:status: 200\n") || !strings.Contains(said, want) {
					not = append(not, all[i].Target+": "+said)
				}
			}
			require.Empty(t, not, "%d of %d", len(not), len(all))
		})
	}
}

// TestChromiumReadsEarlyAnswers: a browser's fetch() of a large POST has the answer that comes before all of
// the content was read, of the node (404, 405, 413) and of its origin. Chromium 156 waits for ever where an HTTP/3
// server tells it to stop sending, as the stock one does.
func TestChromiumReadsEarlyAnswers(t *testing.T) {
	path := program(t, "chromium", "chromium-browser", "google-chrome")
	o := &briefed{}
	p := newPair(t, 3, o)
	var all []Exchange
	var want []string
	for i := range p.exchanges {
		for _, size := range []int{70_000, 300_000, 3_000_000} {
			for target, status := range map[string]int{"/v1/segments/b2b/x": 404, "/v1/segments/b2b/ctas/trial": 405, fmt.Sprintf("/status/403/e%d", len(all)): 403} {
				all = append(all, Exchange{Method: "POST", Target: target, Content: size, Quit: -1})
				want = append(want, fmt.Sprintf("\n:status: %d\n", status))
			}
		}
		all = append(all, Exchange{Method: "POST", Target: fmt.Sprintf("/echo/0/e%d", i), Content: 17_000_000, Quit: -1})
		want = append(want, "\n:status: 413\n")
	}
	for _, proto := range []string{"h2", "h3"} {
		t.Run(proto, func(t *testing.T) {
			for i, got := range o.visit(t, path, proto, []*Node{p.lean}, all)[0] {
				require.Contains(t, got.String(), want[i], "%s, %d bytes", all[i].Target, all[i].Content)
			}
		})
	}
}

// visit has one browser make all exchanges with one or two nodes, and returns what it
// saw of each.
func (o *briefed) visit(t *testing.T, path, proto string, nodes []*Node, all []Exchange) [][]Outcome {
	brief, err := json.Marshal(all)
	require.NoError(t, err)
	seen := make(chan report)
	o.mu.Lock()
	o.brief, o.seen, o.next = brief, seen, nodes[len(nodes)-1].H3
	o.mu.Unlock()
	var pins, origins []string
	for _, n := range nodes {
		pins, origins = append(pins, pin(t, n)), append(origins, strings.TrimPrefix(n.H3, "https://"))
	}
	args := []string{"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--log-level=3", "--user-data-dir=" + t.TempDir(),
		"--ignore-certificate-errors-spki-list=" + strings.Join(pins, ","), "--host-resolver-rules=MAP localhost 127.0.0.1"}
	if proto == "h3" {
		args = append(args, "--origin-to-force-quic-on="+strings.Join(origins, ","))
	} else {
		args = append(args, "--disable-quic")
	}
	browser := launch(t, "chromium", path, append(args, nodes[0].H3+"/")...)
	defer browser.finish()
	late := time.After(time.Minute + time.Duration(len(all))*10*time.Millisecond)
	got := make([][]Outcome, len(nodes))
	for left := len(nodes) * len(all); left > 0; {
		select {
		case some := <-seen:
			i := slices.IndexFunc(nodes, func(n *Node) bool { return n.H3 == some.At })
			require.NotEqual(t, -1, i, some.At)
			for _, one := range some.Seen {
				got[i] = append(got[i], reported(t, proto, one))
				left--
			}
		case <-late:
			require.FailNow(t, "the browser has not come to an end", "%d left of %d\n%s", left, len(all), browser.logs)
		}
	}
	return got
}

// reported is what the page told of an exchange.
func reported(t *testing.T, proto string, one json.RawMessage) (o Outcome) {
	var r struct {
		Status  int
		Fields  [][2]string
		Content string // its hash
		Size    int
		Proto   string
		Ended   string // "" is well
	}
	d := json.NewDecoder(bytes.NewReader(one))
	require.NoError(t, d.Decode(&r))
	if r.Proto != "" {
		require.Equal(t, proto, r.Proto)
	}
	if o.Note("%s", strings.TrimSpace(r.Ended)); r.Ended != "" {
		return o
	}
	o.Note(":status: %d", r.Status)
	for _, f := range r.Fields {
		o.Field(f[0], f[1])
	}
	o.Note("content: %d bytes, %s", r.Size, r.Content)
	return o
}
