package behaviour

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNghttp2Agrees: nghttp, 30 requests by each process.
func TestNghttp2Agrees(t *testing.T) {
	path := program(t, "nghttp")
	p := newPair(t, 300, Varied{})
	each := func(n int) []Exchange { return p.plan.Alike(n, true) }
	p.agree(t, 30, each, p.apart(func(t *testing.T, n *Node, all []Exchange) []Outcome { return nghttp(t, path, n, all) }))
}

// nghttp makes exchanges that are alike by one process.
func nghttp(t *testing.T, path string, n *Node, all []Exchange) []Outcome {
	args := []string{"--verbose", "--verbose", "--no-verify-peer", "--timeout=30", "--no-dep", "--header=:method: " + all[0].Method}
	if all[0].Content >= 0 {
		args = append(args, "--data="+sent(t, all[0]))
	}
	args = append(args, headers(all[0])...)
	for _, e := range all {
		args = append(args, n.HTTPS+e.Target)
	}
	out, ok := output(t, path, args...)
	require.True(t, ok, "%.4000s", out)
	streams := nghttpStreams(out)
	ids := slices.Sorted(maps.Keys(streams))
	require.Len(t, ids, len(all), "%q\n%.8000s", args, out)
	got := make([]Outcome, len(all))
	for i, id := range ids {
		got[i] = *streams[id]
	}
	return got
}

// headers are arguments for the fields of an exchange; no nghttp sends empty ones.
func headers(e Exchange) (args []string) {
	for field := range slices.Chunk(e.Fields, 2) {
		if field[1] != "" {
			args = append(args, "--header="+field[0]+": "+field[1])
		}
	}
	return args
}

// sent is a file with the content of an exchange.
func sent(t *testing.T, e Exchange) string {
	file := filepath.Join(t.TempDir(), "sent")
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("u", e.Content)), 0o600))
	return file
}

// nghttpStreams reads what nghttp printed: events, with the content between them as
// it came, which belongs to the next DATA frame.
func nghttpStreams(out string) map[int]*Outcome {
	event := regexp.MustCompile(`\[ *\d+\.\d{3}\] (?:recv|send|Connected)[^\n]*\n(?:The negotiated[^\n]*\n|          [^\n]*\n)*`)
	field := regexp.MustCompile(`^\[ *\d+\.\d{3}\] recv \(stream_id=(\d+)(?:, sensitive)?\) (:?[^:]*): ([^\n]*)\n`)
	frame := regexp.MustCompile(`^\[ *\d+\.\d{3}\] (recv|send) (\w+) frame <length=\d+, flags=0x\w+, stream_id=(\d+)>`)
	streams, content, whole := map[int]*Outcome{}, map[int][]byte{}, map[int]bool{}
	of := func(text string) (int, *Outcome) {
		id, _ := strconv.Atoi(text) // digits
		if streams[id] == nil {
			streams[id] = &Outcome{}
		}
		return id, streams[id]
	}
	var pending string
	last := 0
	for _, at := range event.FindAllStringIndex(out, -1) {
		if last > 0 {
			pending += out[last:at[0]]
		}
		last = at[1]
		text := out[at[0]:at[1]]
		if f := field.FindStringSubmatch(text); f != nil {
			_, o := of(f[1])
			o.Field(f[2], f[3])
		}
		f := frame.FindStringSubmatch(text)
		if f == nil || f[3] == "0" {
			continue
		}
		id, o := of(f[3])
		if f[1] == "recv" && strings.Contains(text, "; END_STREAM") {
			whole[id] = true
		}
		switch f[1] + f[2] {
		case "recvDATA":
			content[id] = append(content[id], pending...)
			pending = ""
		case "recvRST_STREAM":
			if whole[id] {
				continue // x/net resets a stream that it has answered before it got the end of an empty upload
			}
			o.Note("reset %s", text[strings.Index(text, "\n"):])
		}
	}
	for id, o := range streams {
		o.Note("whole: %v", whole[id])
		o.Content(content[id])
	}
	return streams
}

// TestH2loadAgrees: h2load counts answers by their status, on several connections of
// many streams. How many bytes it counts is not the same from run to run, whoever
// answers.
func TestH2loadAgrees(t *testing.T) {
	path := program(t, "h2load")
	p := newPair(t, 1000, Varied{})
	counts := regexp.MustCompile(`(?m)^(?:requests|status codes): .*$`)
	for _, all := range [][]Exchange{p.plan.Alike(100, true), p.plan.Alike(100, true)} {
		seen := map[*Node][]string{}
		for _, n := range []*Node{p.lean, p.stock} {
			list := filepath.Join(t.TempDir(), "list")
			var urls strings.Builder
			for _, e := range all {
				fmt.Fprintln(&urls, n.HTTPS+e.Target)
			}
			require.NoError(t, os.WriteFile(list, []byte(urls.String()), 0o600))
			args := []string{"--input-file=" + list, "--clients=4", "--max-concurrent-streams=32", "--requests=" + fmt.Sprint(p.exchanges/2),
				"--header=:method: " + all[0].Method}
			if all[0].Content >= 0 {
				args = append(args, "--data="+sent(t, all[0]))
			}
			args = append(args, headers(all[0])...)
			out, ok := output(t, path, args...)
			require.True(t, ok, out)
			require.Contains(t, out, "protocol: h2")
			seen[n] = counts.FindAllString(out, -1)
			require.Len(t, seen[n], 2, out)
			require.Contains(t, seen[n][0], " 0 errored, 0 timeout")
		}
		require.Equal(t, seen[p.stock], seen[p.lean], "%+v", all[0])
	}
}
