package behaviour

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Admin speaks to a node's admin API. It knows nothing but the contract: plain
// JSON, no type of the product's own.
type Admin struct {
	base, token string
	http        *http.Client
}

// Administer opens a client of the node's admin API, with the node's token.
func (n *Node) Administer(tb testing.TB) *Admin {
	transport := &http.Transport{}
	tb.Cleanup(transport.CloseIdleConnections)
	return &Admin{n.Admin, n.Token, &http.Client{Transport: transport, Timeout: 40 * time.Second}}
}

// As returns a client of the same API with another token; "" for none.
func (a *Admin) As(token string) *Admin { return &Admin{a.base, token, a.http} }

// Try sends a request with a body as it is ("" for none), and fields in pairs of
// name and value.
func (a *Admin) Try(ctx context.Context, method, path, body string, fields ...string) (*Reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for field := range slices.Chunk(fields, 2) {
		if req.Header.Set(field[0], field[1]); field[0] == "Host" {
			req.Host = field[1]
		}
	}
	res, err := a.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer to %s %s: %w", method, path, err)
	}
	return &Reply{res.StatusCode, res.Header, text}, nil
}

// Do is Try, but fails the test if no answer comes.
func (a *Admin) Do(tb testing.TB, method, path, body string, fields ...string) *Reply {
	tb.Helper()
	r, err := a.Try(tb.Context(), method, path, body, fields...)
	if err != nil {
		tb.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

// Want is Do, fails the test unless the answer has that status, and decodes it
// unless into is nil.
func (a *Admin) Want(tb testing.TB, status int, into any, method, path, body string, fields ...string) *Reply {
	tb.Helper()
	r := a.Do(tb, method, path, body, fields...)
	if r.Status != status {
		tb.Fatalf("%s %s %s: %d, want %d: %s", method, path, body, r.Status, status, r.Body)
	}
	if into != nil {
		if err := json.Unmarshal(r.Body, into); err != nil {
			tb.Fatalf("%s %s: %v: %s", method, path, err, r.Body)
		}
	}
	return r
}

// Purge is what the API tells of a purge.
type Purge struct {
	Purge string `json:"purge"`
	State string `json:"state"`
	Nodes []struct {
		ID             string  `json:"id"`
		Region         string  `json:"region"`
		State          string  `json:"state"`
		AppliedAfterMS float64 `json:"applied_after_ms"`
		ReceiptAfterMS float64 `json:"receipt_after_ms"`
		Entries        *int    `json:"entries"`
		Signature      string  `json:"signature"`
	} `json:"nodes"`
	Regions []struct {
		Region string `json:"region"`
		State  string `json:"state"`
	} `json:"regions"`
}

// Entries is the sum over all nodes, and whether all have counted.
func (p Purge) Entries() (sum int, counted bool) {
	for _, n := range p.Nodes {
		if n.Entries == nil {
			return 0, false
		}
		sum += *n.Entries
	}
	return sum, true
}

// The modes of a purge.
const (
	Hard = "hard"
	Soft = "soft"
)

// Purge purges what a selector (JSON) selects, and returns when every node has
// applied it.
func (a *Admin) Purge(tb testing.TB, selector, mode string) Purge {
	tb.Helper()
	p, err := a.TryPurge(tb.Context(), selector, mode)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// TryPurge is Purge with an error instead of a test that fails.
func (a *Admin) TryPurge(ctx context.Context, selector, mode string) (p Purge, err error) {
	r, err := a.Try(ctx, "POST", "/v1/purges?wait=all&timeout=10s", fmt.Sprintf(`{"select":%s,"mode":%q}`, selector, mode))
	if err != nil {
		return p, fmt.Errorf("purge %s: %w", selector, err)
	}
	if r.Status != http.StatusOK {
		return p, fmt.Errorf("purge %s: %d %s", selector, r.Status, r.Body)
	}
	if err := json.Unmarshal(r.Body, &p); err != nil {
		return p, fmt.Errorf("purge %s: %w", selector, err)
	}
	if p.State != "complete" {
		return p, fmt.Errorf("purge %s of %s was waited for, and is %s", p.Purge, selector, p.State)
	}
	return p, nil
}

// DryRun counts what a selector selects.
func (a *Admin) DryRun(tb testing.TB, selector string) int {
	tb.Helper()
	var d struct {
		DryRun  bool `json:"dry_run"`
		Entries int  `json:"entries"`
	}
	a.Want(tb, http.StatusOK, &d, "POST", "/v1/purges", fmt.Sprintf(`{"select":%s,"dry_run":true}`, selector))
	if !d.DryRun {
		tb.Fatalf("a dry run of %s does not say that it was one", selector)
	}
	return d.Entries
}

// Metric returns the sum of a metric's samples whose line holds every label
// text; 0 where there is none.
func (a *Admin) Metric(tb testing.TB, name string, labels ...string) (sum float64) {
	tb.Helper()
	r := a.Want(tb, http.StatusOK, nil, "GET", "/metrics", "")
	for line := range strings.SplitSeq(string(r.Body), "\n") {
		if !strings.HasPrefix(line, name+"{") && !strings.HasPrefix(line, name+" ") {
			continue
		}
		if slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(line, l) }) {
			continue
		}
		v, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		if err != nil {
			tb.Fatalf("metric line %q: %v", line, err)
		}
		sum += v
	}
	return sum
}
