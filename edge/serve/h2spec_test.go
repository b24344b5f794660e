package serve

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// patient is how many seconds the suite waits for an answer: its own two are little for
// a machine that does more than this.
const patient = "20"

// TestH2Spec has h2spec, a suite of others, look at the lean server.
func TestH2Spec(t *testing.T) {
	program := h2spec(t)
	answer := coreFunc(someContent)
	for name, core := range map[string]Core{"finished elsewhere": answer, "answered at once": atOnce{answer}} {
		t.Run(name, func(t *testing.T) {
			r := start(t, core, func(c *Config) { c.H2 = Lean })
			cmd := exec.CommandContext(t.Context(), program, "-t", "-k", "-S", "-o", patient, "-h", "127.0.0.1",
				"-p", fmt.Sprint(r.Addrs().Secure.Port()))
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Contains(t, string(out), " 0 failed", "%s", out)
			require.Contains(t, string(out), " 0 skipped", "%s", out)
			t.Log(lastLine(out))
		})
	}
}

// h2spec is the suite's program.
func h2spec(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("h2spec")
	if err != nil {
		if os.Getenv("LETTEREDGE_REQUIRE_ALL") != "" {
			require.NoError(t, err)
		}
		t.Skip("h2spec is not installed: go install github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible")
	}
	return program
}

func someContent(_ context.Context, x *edge.Exchange) {
	if x.Req.Body != nil {
		_, _ = io.Copy(io.Discard, x.Req.Body) // an answer that is earlier than the content is no fault
	}
	x.Rep.Status, x.Rep.Body = 200, []byte(strings.Repeat("content ", 64))
	x.Rep.Length = int64(len(x.Rep.Body))
}

// TestH2SpecOfStock: the stock server fails nothing that Go's own passes. What it fails, DESIGN.md argues.
func TestH2SpecOfStock(t *testing.T) {
	if leanly {
		return // it is the same server both times
	}
	t.Parallel()
	program := h2spec(t)
	failed := func(port string) (names []string, of int) {
		report := filepath.Join(t.TempDir(), "report.xml")
		// It exits with 1 where a test fails: the report says which.
		out, err := exec.CommandContext(t.Context(), program, "-t", "-k", "-h", "127.0.0.1", "-p", port, "-j", report).CombinedOutput()
		data, rerr := os.ReadFile(report)
		require.NoError(t, rerr, "%v: %s", err, out)
		var suites struct {
			Suites []struct {
				Cases []struct {
					Package string    `xml:"package,attr"`
					Name    string    `xml:"classname,attr"`
					Failure *struct{} `xml:"failure"`
					Error   *struct{} `xml:"error"`
				} `xml:"testcase"`
			} `xml:"testsuite"`
		}
		require.NoError(t, xml.Unmarshal(data, &suites))
		for _, s := range suites.Suites {
			for _, c := range s.Cases {
				if of++; c.Failure != nil || c.Error != nil {
					names = append(names, c.Package+": "+c.Name)
				}
			}
		}
		return names, of
	}
	own := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // a client that has gone is not answered
		_, _ = io.WriteString(w, strings.Repeat("content ", 64))
	}))
	own.EnableHTTP2, own.Config.ErrorLog = true, slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	own.StartTLS()
	defer own.Close()
	_, port, err := net.SplitHostPort(own.Listener.Addr().String())
	require.NoError(t, err)
	allowed, all := failed(port)
	r := start(t, coreFunc(someContent), func(c *Config) { c.H2 = Stock })
	got, of := failed(fmt.Sprint(r.Addrs().Secure.Port()))
	// Some pass or fail by what comes first, a last word or the end of its connection, on
	// both servers: a fault is what fails each time, and never where Go's own is asked.
	for again := 0; again < 5 && !within(got, allowed); again++ {
		once, _ := failed(fmt.Sprint(r.Addrs().Secure.Port()))
		got = slices.DeleteFunc(got, func(name string) bool { return !slices.Contains(once, name) })
		more, _ := failed(port)
		allowed = append(allowed, more...)
	}
	t.Logf("net/http fails %d of %d: %q; the stock server %d: %q", len(allowed), all, allowed, len(got), got)
	require.Equal(t, all, of)
	require.Greater(t, of, 140)
	require.Subset(t, allowed, got)
}

// within reports whether all of some names are among others.
func within(some, others []string) bool {
	return !slices.ContainsFunc(some, func(name string) bool { return !slices.Contains(others, name) })
}

// atOnce is a core that answers all without waiting.
type atOnce struct{ coreFunc }

func (c atOnce) Begin(x *edge.Exchange) bool {
	c.coreFunc(context.Background(), x)
	return true
}

// lastLine is how many tests there were.
func lastLine(out []byte) string {
	all := strings.Split(strings.TrimSpace(string(out)), "\n")
	return all[len(all)-1]
}
