package behaviour

import (
	"bytes"
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
				return o.browse(t, path, proto, p, all)
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

// browse has one browser make all exchanges, with one node after the other.
func (o *briefed) browse(t *testing.T, path, proto string, p *pair, all []Exchange) (stock, lean []Outcome) {
	if proto == "h3" {
		// Chromium 156 fails to fetch some of the long answers of quic-go's server that end in trailer fields.
		all = slices.Clone(all)
		for i, e := range all {
			all[i].Target = strings.Replace(e.Target, "/trailed/", "/flowing/", 1)
		}
	}
	brief, err := json.Marshal(all)
	require.NoError(t, err)
	seen := make(chan report)
	o.mu.Lock()
	o.brief, o.seen, o.next = brief, seen, p.lean.H3
	o.mu.Unlock()
	args := []string{"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--log-level=3", "--user-data-dir=" + t.TempDir(),
		"--ignore-certificate-errors-spki-list=" + pin(t, p.lean) + "," + pin(t, p.stock), "--host-resolver-rules=MAP localhost 127.0.0.1"}
	if proto == "h3" {
		args = append(args, fmt.Sprintf("--origin-to-force-quic-on=%s,%s", strings.TrimPrefix(p.lean.H3, "https://"), strings.TrimPrefix(p.stock.H3, "https://")))
	} else {
		args = append(args, "--disable-quic")
	}
	browser := launch(t, "chromium", path, append(args, p.stock.H3+"/")...)
	defer browser.finish()
	late := time.After(time.Minute + time.Duration(len(all))*10*time.Millisecond)
	for len(stock) < len(all) || len(lean) < len(all) {
		select {
		case some := <-seen:
			for _, one := range some.Seen {
				got := reported(t, proto, one)
				if some.At == p.stock.H3 {
					stock = append(stock, got)
				} else {
					lean = append(lean, got)
				}
			}
		case <-late:
			require.FailNow(t, "the browser has not come to an end", "%d and %d of %d\n%s", len(stock), len(lean), len(all), browser.logs)
		}
	}
	return stock, lean
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
