package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/letteros/letteredge/bench/load"
	"github.com/letteros/letteredge/bench/load/bare"
	"github.com/letteros/letteredge/bench/load/floor"
)

// The test program is edgebench itself when floor starts it as a bare server.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "bare-child" {
		os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
	}
	goleak.VerifyTestMain(m,
		// fasthttp's clock of the Date field runs as long as the process, and its
		// cleaner of idle workers wakes every 10 s to see that its server has ended.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}

// edgebench runs the program and returns what it wrote.
func edgebench(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, streams{strings.NewReader(""), &out, &errs})
	return code, out.String(), errs.String()
}

func serve(t *testing.T, status int) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/", asked
}

func TestWrongUse(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk.json")
	require.NoError(t, os.WriteFile(junk, []byte(`{"latency":{}}`), 0o600))
	const u = "http://127.0.0.1:1/"
	for _, c := range []struct{ want, args string }{
		{"load", ""},
		{"nonsense", "nonsense"},
		{"URL", "load"},
		{"URL", "load ftp://a/"},
		{"URL", "load http://192.0.2.1/"},
		{"--proto", "load --proto h4 " + u},
		{"URL", "load --proto h2 " + u},
		{"--rate", "load --rate x " + u},
		{"--rate", "load --rate -1 " + u},
		{"--spacing", "load --spacing even " + u},
		{"--choice", "load --choice best " + u},
		{"--zipf-s", "load --zipf-s -2 " + u},
		{"--method", "load -X POST " + u},
		{"--header", "load -H novalue " + u},
		{"--header", "load -H te:x " + u},
		{"--ca", "load --ca " + dir + "/none.pem " + u},
		{"--ca", "load --ca " + junk + " " + u},
		{"--urls", "load --urls " + dir + "/none"},
		{"--connections", "load -c 99999 " + u},
		{"--streams", "load -s 4 " + u},
		{"--duration", "load -d 99h " + u},
		{"--duration", "load -d 5 " + u},
		{"--warmup", "load -w -1s " + u},
		{"--timeout", "load --timeout 0s " + u},
		{"--requests", "load -n -5 " + u},
		{"--expect-status", "load --expect-status 2x " + u},
		{"--max-error-rate", "load --max-error-rate 2 " + u},
		{"--pid", "load --pid 0 " + u},
		{"--pid", "load --pid 4194305 " + u},
		{"--output", "load -o yaml " + u},
		{"--plot", "load --plot a.png " + u},
		{"--plot", "load --plot " + dir + "/none/a.svg " + u},
		{"--nonsense", "load --nonsense " + u},
		{"--pid", "floor " + u},
		{"--rounds", "floor --pid 1 --rounds 0 " + u},
		{"--rounds", "floor --pid 1 --rounds 5000 " + u},
		{"URL", "floor --pid 1"},
		{"URL", "bare"},
		{"--size", "origin --size -1"},
		{"--out", "plot " + junk},
		{"--out", "plot --out a.gif " + junk},
		{"FILE", "plot --out " + dir + "/a.svg"},
		{"FILE", "plot --out " + dir + "/a.svg " + junk},
		{"FILE", "plot --out " + dir + "/a.svg " + dir + "/none.json"},
		{"--name", "plot --out " + dir + "/a.svg --name a --name b " + junk},
	} {
		code, stdout, stderr := edgebench(t, strings.Fields(c.args)...)
		require.Equal(t, exitUsage, code, "%s: %s", c.args, stderr)
		require.Contains(t, stderr, c.want, c.args)
		require.Equal(t, 1, strings.Count(stderr, "\n"), "%s: one line: %s", c.args, stderr)
		require.Empty(t, stdout, c.args)
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"load", "--help"}, {"floor", "--help"}} {
		code, stdout, stderr := edgebench(t, args...)
		require.Equal(t, exitDone, code)
		require.Contains(t, stdout, "Usage: edgebench")
		require.NotContains(t, stdout, "bare-child")
		require.Empty(t, stderr)
	}
}

func TestLoad(t *testing.T) {
	url, asked := serve(t, 200)
	list := filepath.Join(t.TempDir(), "urls")
	require.NoError(t, os.WriteFile(list, []byte("# more\n"+url+"b\n"), 0o600))
	svg := filepath.Join(t.TempDir(), "out.svg")
	args := []string{"load", "-n", "50", "-o", "json", "--urls", list, "--plot", svg, "--name", "one", url}
	if runtime.GOOS == "linux" {
		args = append(args, "--pid", strconv.Itoa(os.Getpid()))
	}
	code, stdout, stderr := edgebench(t, args...)
	require.Equal(t, exitDone, code, stderr)
	var res load.Result
	require.NoError(t, json.Unmarshal([]byte(stdout), &res))
	require.EqualValues(t, 50, res.Answered)
	require.EqualValues(t, 50, asked.Load())
	require.Equal(t, 2, res.URLs)
	require.Equal(t, runtime.GOOS == "linux", len(res.CPU) == 1)
	drawing, err := os.ReadFile(svg)
	require.NoError(t, err)
	require.Contains(t, wellFormed(t, drawing), "one")
}

func TestLoadText(t *testing.T) {
	url, _ := serve(t, 200)
	code, stdout, stderr := edgebench(t, "load", "--rate", "100", "-d", "1200ms", url)
	require.Equal(t, exitDone, code, stderr)
	lines := strings.Split(stdout, "\n")
	require.Regexp(t, `^ +1\.\ds of 1\.2s .* errors 0$`, lines[0], "a plain line of progress each second")
	require.Contains(t, stdout, "h1 open loop, 100/s constant")
	require.Contains(t, stdout, "120 answered, 0 failed")
	require.Contains(t, stdout, "send lag")
	require.NotContains(t, stdout, "\x1b")
}

func TestErrorsAboveLimit(t *testing.T) {
	url, _ := serve(t, 503)
	code, stdout, stderr := edgebench(t, "load", "-q", "-n", "10", url)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "503: 10", "the result is printed all the same")
	require.Contains(t, stderr, "--max-error-rate")
	code, _, _ = edgebench(t, "load", "-q", "-n", "10", "--max-error-rate", "1", url)
	require.Equal(t, exitDone, code)
	code, _, _ = edgebench(t, "load", "-q", "-n", "10", "--expect-status", "503", url)
	require.Equal(t, exitDone, code)
}

func TestUnreachable(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	url := "http://" + ln.Addr().String() + "/"
	require.NoError(t, ln.Close())
	for _, args := range [][]string{{"load", url}, {"bare", url}, {"floor", "--pid", "1", url}} {
		code, _, stderr := edgebench(t, args...)
		require.Equal(t, exitUnreachable, code, stderr)
		require.Contains(t, stderr, "cannot be reached")
	}
}

func TestInterruptPrintsWhatItHas(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if asked.Add(1) == 100 {
			cancel()
		}
	}))
	defer s.Close()
	var out, errs bytes.Buffer
	code := run(ctx, []string{"load", "-d", "1h", s.URL}, streams{nil, &out, &errs})
	require.Equal(t, exitDone, code, errs.String())
	require.Contains(t, out.String(), "interrupted")
	require.Contains(t, out.String(), "p99.9")
}

func TestPlot(t *testing.T) {
	url, _ := serve(t, 200)
	dir := t.TempDir()
	files := []string{filepath.Join(dir, "first.json"), filepath.Join(dir, "second.json")}
	for _, file := range files {
		code, stdout, stderr := edgebench(t, "load", "-q", "-n", "20", "-o", "json", url)
		require.Equal(t, exitDone, code, stderr)
		require.NoError(t, os.WriteFile(file, []byte(stdout), 0o600))
	}
	page := filepath.Join(dir, "both.html")
	code, _, stderr := edgebench(t, "plot", "--out", page, "--name", "named", files[0], files[1])
	require.Equal(t, exitDone, code, stderr)
	doc, err := os.ReadFile(page)
	require.NoError(t, err)
	text := wellFormed(t, bytes.TrimPrefix(doc, []byte("<!DOCTYPE html>\n")))
	require.Contains(t, text, "named")
	require.Contains(t, text, "second")
}

// The origin of a comparison that a person makes by hand.
func TestOrigin(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	from, to := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"origin", "--size", "100", "--type", "application/json", "-o", "json"}, streams{nil, to, io.Discard})
	}()
	var info bare.Info
	require.NoError(t, json.NewDecoder(from).Decode(&info))
	answer, err := load.Fetch(t.Context(), load.Config{URLs: []string{info.URL + "a"}})
	require.NoError(t, err)
	require.Len(t, answer.Body, 100)
	require.Contains(t, answer.Fields, load.Field{Name: "Content-Type", Value: "application/json"})
	require.Contains(t, answer.Fields, load.Field{Name: "Cache-Control", Value: "public, max-age=86400"})
	cancel()
	require.Equal(t, exitDone, <-code)
}

// A bare server beside a bare server, by the command alone.
func TestFloor(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processor time of other processes is read from /proc, which only Linux has")
	}
	node, err := startBare(t.Context(), bare.Spec{Status: 200, Body: []byte("x")})
	require.NoError(t, err)
	defer func() { require.NoError(t, node.Stop()) }()
	code, stdout, stderr := edgebench(t, "floor", "--pid", strconv.Itoa(node.PID), "--rounds", "2", "-n", "5000", "-w", "1ms", "-o", "json", node.URL)
	require.Equal(t, exitDone, code, stderr)
	var report floor.Report
	require.NoError(t, json.Unmarshal([]byte(stdout), &report))
	require.Len(t, report.Rounds, 2)
	require.Positive(t, report.Low)
	require.Equal(t, 2, strings.Count(stderr, "round "), "progress beside a JSON result goes to stderr")
}

func TestBare(t *testing.T) {
	node, err := startBare(t.Context(), bare.Spec{Status: 200, Body: []byte("body"), TLS: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, node.Stop()) }()
	dir := t.TempDir()
	nodeCA, bareCA := filepath.Join(dir, "node.pem"), filepath.Join(dir, "bare.pem")
	require.NoError(t, os.WriteFile(nodeCA, []byte(node.CA), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"bare", "--ca", nodeCA, "--ca-out", bareCA, "-o", "json", node.URL}, streams{nil, w, io.Discard})
	}()
	var info bare.Info
	require.NoError(t, json.NewDecoder(r).Decode(&info))
	go func() { _, _ = io.Copy(io.Discard, r) }()
	ca, err := os.ReadFile(bareCA)
	require.NoError(t, err)
	a, err := load.Fetch(t.Context(), load.Config{URLs: []string{info.URL}, CA: ca})
	require.NoError(t, err)
	require.Equal(t, "body", string(a.Body))
	cancel()
	require.Equal(t, exitDone, <-code)
	require.NoError(t, w.Close())
}

func wellFormed(t *testing.T, doc []byte) string {
	t.Helper()
	var text strings.Builder
	for dec := xml.NewDecoder(bytes.NewReader(doc)); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		require.NoError(t, err)
		if data, ok := token.(xml.CharData); ok {
			text.Write(data)
		}
	}
}
