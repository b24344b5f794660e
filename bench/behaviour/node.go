package behaviour

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Node is one node that serves, as it was announced.
type Node struct {
	ID     string `json:"id"`
	Region string `json:"region"`
	HTTP   string `json:"http"`
	HTTPS  string `json:"https"`
	H3     string `json:"h3"`
	Admin  string `json:"admin"`
	PID    int    `json:"pid"`
	Config string `json:"config"`
	Token  string `json:"token"`
	CA     string `json:"ca"`

	*Process `json:"-"` // nil in a demo, whose nodes are not ours
	edged    Edged      // what it is a process of
}

// Node starts one node in front of an origin, with all three listeners on free
// ports and its state in a folder of its own, and waits until it serves.
func (e Edged) Node(tb testing.TB, origin string, args ...string) *Node {
	tb.Helper()
	return e.run(tb, append([]string{"--origin", origin, "--listen", "127.0.0.1:0", "--listen-tls", "localhost:0",
		"--admin", "127.0.0.1:0"}, args...)...)
}

// ByConfig starts the node that a file describes, and waits until it serves.
func (e Edged) ByConfig(tb testing.TB, file string) *Node {
	tb.Helper()
	return e.run(tb, "--config", file)
}

// Configured starts a node by a file that has free ports for listeners, a state
// folder, one origin named "origin" with a catch-all route, and the given YAML
// at its end.
func (e Edged) Configured(tb testing.TB, origin, more string) *Node {
	tb.Helper()
	dir := tb.TempDir()
	file := filepath.Join(dir, "edge.yaml")
	text := fmt.Sprintf("listen: {http: \"127.0.0.1:0\", tls: \"localhost:0\", admin: \"127.0.0.1:0\"}\nstate: {dir: %q}\n"+
		"artifacts: {origin: origin}\n%s", filepath.Join(dir, "state"), more)
	if origin != "" {
		text += fmt.Sprintf("\norigins: [{name: origin, url: %q}]\n", origin)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return e.ByConfig(tb, file)
}

func (e Edged) run(tb testing.TB, args ...string) *Node {
	tb.Helper()
	n := &Node{edged: e, Process: e.start(tb, append([]string{"run", "--json"}, args...)...)}
	if err := n.announced(n); err != nil {
		tb.Fatal(err)
	}
	return n
}
