package behaviour

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNgtcp2Agrees: ngtcp2's client of HTTP/3, 60 requests by each process. It cannot
// be told fields.
func TestNgtcp2Agrees(t *testing.T) {
	program(t, "gtlsclient")
	p := newPair(t, 240, Varied{})
	each := func(n int) []Exchange { return p.plan.Alike(n, false) }
	p.agree(t, 60, each, p.apart(func(t *testing.T, n *Node, all []Exchange) []Outcome { return newGTLS(t, n).all(t, all) }))
}

// all makes exchanges that are alike by one process.
func (g gtls) all(t *testing.T, all []Exchange) []Outcome {
	dir := t.TempDir()
	args := []string{"--no-http-dump", "--download=" + dir, "--http-method=" + all[0].Method}
	if all[0].Content > 0 { // it cannot send a file of none
		args = append(args, "--data="+sent(t, all[0]))
	}
	var targets []string
	for _, e := range all {
		targets = append(targets, e.Target)
	}
	streams := gtlsStreams(g.askAll(t, targets, args...))
	ids := slices.Sorted(maps.Keys(streams))
	require.Len(t, ids, len(all), "%q", args)
	got := make([]Outcome, len(all))
	for i, id := range ids {
		require.EqualValues(t, 4*i, id)
		got[i] = *streams[id]
		name, _, _ := strings.Cut(path.Base(all[i].Target), "?")
		content, err := os.ReadFile(filepath.Join(dir, name)) // none is written where none came
		if err != nil && !os.IsNotExist(err) {
			require.NoError(t, err)
		}
		got[i].Content(content)
	}
	return got
}

// gtlsStreams reads its trace.
func gtlsStreams(trace string) map[uint64]*Outcome {
	streams := map[uint64]*Outcome{}
	of := func(text string, base int) *Outcome {
		id, _ := strconv.ParseUint(text, base, 62) // digits
		if streams[id] == nil {
			streams[id] = &Outcome{}
		}
		return streams[id]
	}
	line := regexp.MustCompile(`(?m)^http: stream 0x(\w+) \[(:?[^:]*): (.*)\]$|^HTTP stream (\d+) closed with error code (\d+)$|^http: stream 0x(\w+) (trailers started)`)
	for _, m := range line.FindAllStringSubmatch(trace, -1) {
		switch {
		case m[1] != "":
			of(m[1], 16).Field(m[2], m[3])
		case m[4] != "":
			of(m[4], 10).Note("closed with %s", m[5])
		default:
			of(m[6], 16).Note("%s", m[7])
		}
	}
	return streams
}
