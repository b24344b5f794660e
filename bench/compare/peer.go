package compare

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/letteros/letteredge/bench/load"
)

// Peer is a cache that can be run on this machine.
type Peer struct {
	Name    string `json:"name"`
	Path    string `json:"-"`
	Version string `json:"version"`
	kind    kind
}

// kind is how one cache is set up and run.
type kind struct {
	name    string
	program string   // looked for in PATH and where system programs are
	version []string // arguments that print the version
	secure  bool     // speaks TLS with HTTP/2
	h3      bool
	// files are its configuration, by path below its folder.
	files func(setup) map[string]string
	// args run it in the foreground.
	args func(setup) []string
	// ready is told when it serves; nil for none.
	ready func(context.Context, setup) error
}

// setup is what a configuration is written for.
type setup struct {
	dir    string
	origin string // host:port
	plain  string // host:port of the clear-text listener
	tls    string // host:port of the TLS listener
	admin  string // host:port
	token  string // of an administrator
	cert   string // PEM file: certificate and key
	bytes  int64  // for stored answers
}

const (
	mib = 1 << 20
	// MinCapacity is the least that every peer can be given.
	MinCapacity = 8 * mib
)

func kinds() []kind { return []kind{edged, nginx, varnish, haproxy, trafficserver} }

// Names are the peers that there are configurations for.
func Names() []string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return names
}

// Find returns the programs of these names that are on this machine, and the
// names of those that are not. Node is the path of an edged; "" looks for it.
func Find(ctx context.Context, names []string, node string) (found []Peer, absent []string, err error) {
	for _, name := range names {
		at := -1
		for i, k := range kinds() {
			if k.name == name {
				at = i
			}
		}
		if at < 0 {
			return nil, nil, &load.FieldError{Field: "peer", Reason: fmt.Sprintf("must be one of %s, not %.40q", strings.Join(Names(), ", "), name)}
		}
		k := kinds()[at]
		path := node
		if k.name != edged.name || node == "" {
			path = look(k.program)
		}
		if path == "" {
			absent = append(absent, name)
			continue
		}
		found = append(found, Peer{Name: name, Path: path, Version: versionOf(ctx, path, k.version), kind: k})
	}
	return found, absent, nil
}

// look finds a program; daemons are often outside of a user's PATH.
func look(program string) string {
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin"} {
		if info, err := os.Stat(filepath.Join(dir, program)); err == nil && info.Mode()&0o111 != 0 {
			return filepath.Join(dir, program)
		}
	}
	return ""
}

// versionOf is the first line of what a program says of itself.
func versionOf(ctx context.Context, path string, args []string) string {
	if args == nil {
		return ""
	}
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); strings.ContainsAny(line, "0123456789") {
			return line
		}
	}
	return ""
}

// speaks tells whether a peer can be asked over a protocol.
func (p Peer) speaks(proto load.Proto) bool {
	switch proto {
	case load.H1:
		return true
	case load.H2:
		return p.kind.secure
	default:
		return p.kind.h3
	}
}
