package compare

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/letteros/letteredge/bench/load"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// installed returns the node, built from this tree, and the peers of this machine.
func installed(t *testing.T) []Peer {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("processor time and memory of other processes are read from /proc, which only Linux has")
	}
	node := filepath.Join(t.TempDir(), "edged")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", node, "github.com/letteros/letteredge/cmd/edged").CombinedOutput()
	require.NoError(t, err, "%s", out)
	peers, absent, err := Find(t.Context(), Names(), node)
	require.NoError(t, err)
	if len(absent) > 0 && os.Getenv("LETTEREDGE_REQUIRE_ALL") != "" {
		t.Fatalf("not on this machine: %v", absent)
	}
	require.Equal(t, "edged", peers[0].Name)
	return peers
}

// What the node is compared with includes a quota's decision at each request.
func TestNodeIsGoverned(t *testing.T) {
	o, err := NewOrigin(1 << 10)
	require.NoError(t, err)
	defer func() { require.NoError(t, o.Close()) }()
	p, err := Start(t.Context(), installed(t)[0], o.Addr, MinCapacity)
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Stop()) }()
	a, err := load.Fetch(t.Context(), load.Config{URLs: []string{p.URL + "/a"}})
	require.NoError(t, err)
	require.Equal(t, 200, a.Status)
	require.Contains(t, fmt.Sprint(a.Fields), `"compared"`)
}

// Every peer that is here serves, keeps what it was given and is measured.
func TestPeers(t *testing.T) {
	peers := installed(t)
	if len(peers) == 1 {
		t.Skip("no other cache is installed")
	}
	for _, s := range []Scenario{
		{Proto: load.H1, BodyBytes: 1 << 10, Connections: 4, Streams: 1},
		{Proto: load.H1, BodyBytes: 1 << 10, Connections: 4, Streams: 1, Fresh: true},
		{Proto: load.H2, BodyBytes: 16 << 10, Connections: 2, Streams: 8, Open: true},
	} {
		pairs := 0
		h, err := Hits(t.Context(), HitsConfig{Peers: peers, Scenario: s, Rounds: 2, Window: 200 * time.Millisecond, Warmup: 10 * time.Millisecond, OnPair: func(Pair) { pairs++ }})
		require.NoError(t, err)
		require.Equal(t, 2*len(h.Against), pairs)
		for _, a := range h.Against {
			require.Positive(t, a.Other.CPUUS, a.Peer)
			require.LessOrEqual(t, a.CPU.Low, a.CPU.Median)
			require.LessOrEqual(t, a.CPU.Median, a.CPU.High)
		}
		require.Len(t, h.Chart().Series, len(h.Against)+1)
		require.NoError(t, h.Chart().Validate())
	}

	const objects, body = 1300, 64 << 10
	corpus := CorpusConfig{Peers: peers, Objects: objects, BodyBytes: body}
	f, err := Footprint(t.Context(), corpus)
	require.NoError(t, err)
	for _, m := range f.Peers {
		require.InDelta(t, 1, m.Kept, 0.02, "%s keeps all: there is room", m.Peer)
		if m.Peer == haproxy.name {
			require.Greater(t, m.Before, float64(objects*body/mib), "it takes all of its memory when it starts")
			continue
		}
		require.Greater(t, m.PerObject+m.OnDisk, 0.9*body, "%s keeps bodies somewhere", m.Peer)
	}
	r, err := HitRatio(t.Context(), corpus)
	require.NoError(t, err)
	for _, s := range r.Peers {
		require.Greater(t, s.Zipf, 0.3, "%s keeps what is asked for again", s.Peer)
		require.Less(t, s.Zipf, 1.0, "%s cannot keep all", s.Peer)
	}
	var text strings.Builder
	require.NoError(t, (&Report{Memory: f, Ratio: r}).WriteText(&text))
	for _, p := range peers {
		require.Contains(t, text.String(), "\n| "+p.Name+" | ")
	}
}

func TestWrongSettings(t *testing.T) {
	node := Peer{Name: "edged", kind: edged}
	for field, run := range map[string]func() error{
		"peer": func() error { _, _, err := Find(t.Context(), []string{"squid"}, ""); return err },
		"rounds": func() error {
			_, err := Hits(t.Context(), HitsConfig{Peers: []Peer{node, node}, Rounds: -1})
			return err
		},
		"body": func() error {
			_, err := Hits(t.Context(), HitsConfig{Peers: []Peer{node, node}, Scenario: Scenario{BodyBytes: MaxBody + 1}})
			return err
		},
		"objects": func() error {
			_, err := HitRatio(t.Context(), CorpusConfig{Peers: []Peer{node}, Objects: 1000, BodyBytes: 1024})
			return err
		},
	} {
		var wrong *load.FieldError
		require.ErrorAs(t, run(), &wrong, field)
		require.Equal(t, field, wrong.Field)
	}
	_, err := Hits(t.Context(), HitsConfig{Peers: []Peer{node, {Name: "varnish", kind: varnish}}, Scenario: Scenario{Proto: load.H2}})
	require.ErrorContains(t, err, "speaks h2", "Varnish has no TLS")
}

// A program that does not serve is told of with what it said, and leaves nothing.
func TestPeerThatDoesNotServe(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the test's program is a shell")
	}
	t.Setenv("TMPDIR", t.TempDir())
	broken := Peer{Name: "broken", Path: "/bin/sh", kind: kind{files: func(setup) map[string]string { return nil }, args: func(setup) []string { return []string{"-c", "echo no such option >&2; exit 1"} }}}
	_, err := Start(context.Background(), broken, "127.0.0.1:1", MinCapacity)
	require.ErrorContains(t, err, "start broken: it ended by itself: no such option")
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestSection(t *testing.T) {
	file := filepath.Join(t.TempDir(), "RESULTS.md")
	require.NoError(t, os.WriteFile(file, []byte("# Figures\n\nText.\n"), 0o600))
	report := &Report{Command: "edgebench compare", Machine: "m", Absent: []string{"nginx"}}
	require.NoError(t, Section(file, "a", report))
	require.NoError(t, Section(file, "b", report))
	once, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(once), "<!-- edgebench compare: a -->"))
	report.Command = "edgebench compare hits"
	require.NoError(t, Section(file, "a", report))
	again, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, strings.Replace(string(once), "`edgebench compare`", "`edgebench compare hits`", 1), string(again), "nothing else changes")
	require.ErrorContains(t, Section(file, "a --> b", report), "must be a name")
	require.NoError(t, os.WriteFile(file, []byte("<!-- edgebench compare: a -->\n"), 0o600))
	require.ErrorContains(t, Section(file, "a", report), "has no line")
}

func FuzzPSS(f *testing.F) {
	f.Add([]byte("00400000-7ffe ---p 00000000 00:00 0 [rollup]\nRss:  1 kB\nPss:                 972 kB\nPss_Dirty: 1 kB\n"))
	f.Add([]byte("Pss: -1 kB\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if n, err := parsePSS(text); err == nil {
			require.GreaterOrEqual(t, n, int64(0))
			require.Contains(t, string(text), "Pss:")
		}
	})
}
