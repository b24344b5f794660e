package behaviour

import (
	"bytes"
	"fmt"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCurlAgrees: curl over HTTP/2, many transfers at a time, some of which it gives
// up when it is told how long they are.
func TestCurlAgrees(t *testing.T) {
	path := program(t, "curl")
	p := newPair(t, 300, Varied{})
	p.agree(t, 500, p.any, p.apart(func(t *testing.T, n *Node, all []Exchange) []Outcome {
		return curl(t, path, n, all)
	}))
}

// curl makes all exchanges by one process.
func curl(t *testing.T, path string, n *Node, all []Exchange) []Outcome {
	dir := t.TempDir()
	file := func(i int, kind string) string { return filepath.Join(dir, fmt.Sprint(i, ".", kind)) }
	var config strings.Builder
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	say := func(name, value string) { fmt.Fprintf(&config, "%s = \"%s\"\n", name, escaped.Replace(value)) }
	for i, e := range all {
		// Of a stream that is over before curl looks at it, curl 7.88 drops the trailer fields, whoever sent them.
		e.Target = strings.Replace(e.Target, "/trailed/", "/flowing/", 1)
		if i > 0 {
			config.WriteString("next\n")
		}
		config.WriteString("http2\nsilent\npath-as-is\ngloboff\n")
		say("url", n.HTTPS+e.Target)
		say("cacert", n.CA)
		say("dump-header", file(i, "head"))
		say("output", file(i, "content"))
		fmt.Fprintf(&config, "write-out = \"%d %%{exitcode} %%{http_version}\\n\"\n", i)
		if e.Method == "HEAD" {
			config.WriteString("head\n")
		} else {
			say("request", e.Method)
		}
		if e.Content >= 0 {
			require.NoError(t, os.WriteFile(file(i, "sent"), bytes.Repeat([]byte{'u'}, e.Content), 0o600))
			say("data-binary", "@"+file(i, "sent"))
		}
		if e.Quit > 0 {
			say("max-filesize", fmt.Sprint(e.Quit))
		}
		for j := 0; j < len(e.Fields); j += 2 {
			line := e.Fields[j] + ": " + e.Fields[j+1]
			if e.Fields[j+1] == "" {
				line = e.Fields[j] + ";" // that is how curl writes an empty one
			}
			say("header", line)
		}
	}
	require.NoError(t, os.WriteFile(file(0, "config"), []byte(config.String()), 0o600))
	out, _ := output(t, path, "--disable", "--parallel", "--parallel-max", "30", "--config", file(0, "config"))
	got := make([]Outcome, len(all))
	ended := 0
	for line := range strings.Lines(out) {
		var i, exit int
		var version string
		if _, err := fmt.Sscan(line, &i, &exit, &version); err != nil {
			continue
		}
		ended++
		require.Equal(t, "2", version, "%+v", all[i])
		got[i].Note("exit %d", exit)
		head, err := os.ReadFile(file(i, "head"))
		require.NoError(t, err)
		for field := range strings.Lines(string(head)) {
			if name, value, ok := strings.Cut(field, ":"); ok {
				got[i].Field(textproto.TrimString(name), textproto.TrimString(value))
			} else {
				got[i].Note(":head %s", strings.TrimSpace(field))
			}
		}
		if exit != 0 || all[i].Method == "HEAD" {
			continue // how much came before is as it happened; of HEAD it writes the fields
		}
		content, err := os.ReadFile(file(i, "content")) // none is written where none came
		if err != nil && !os.IsNotExist(err) {
			require.NoError(t, err)
		}
		got[i].Content(content)
	}
	require.Equal(t, len(all), ended, "%.2000s", out)
	return got
}
