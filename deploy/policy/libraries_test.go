package policy

import (
	"slices"
	"strings"
)

// library is an outside package, with everything below it, and the rooms that
// alone may import it outside of tests. "cmd/…" is every command.
type library struct {
	path  string
	rooms []string
}

// libraries: the longest path that is a prefix of an import decides.
var libraries = []library{
	{"github.com/HdrHistogram/hdrhistogram-go", []string{"bench/load"}},
	{"github.com/KimMachineGun/automemlimit", []string{"cmd/…"}},
	{"github.com/alecthomas/kong", []string{"cmd/…"}},
	{"github.com/cloudflare/cloudflare-go", []string{"edge/cloudflare"}},
	{"github.com/dgraph-io/ristretto/v2", []string{"edge/cache"}},
	{"github.com/dunglas/httpsfv", []string{"edge/freshness", "edge/serve/section", "bench/behaviour"}},
	{"github.com/failsafe-go/failsafe-go", []string{"edge/origin"}},
	{"github.com/goccy/go-yaml", []string{"edge/config", "bench/docsorigin"}},
	{"github.com/hashicorp/go-hclog", []string{"gossip/control"}}, // the logger that raft wants
	{"github.com/hashicorp/memberlist", []string{"gossip/swim"}},
	{"github.com/hashicorp/raft", []string{"gossip/control"}},
	{"github.com/invopop/jsonschema", []string{"edge/adminapi", "edge/config"}},
	{"github.com/klauspost/compress", []string{"edge/coding"}},
	{"github.com/mattn/go-isatty", []string{"cmd/…"}},
	{"github.com/molecule-man/go-brrr", []string{"edge/coding"}},
	{"github.com/prometheus/client_golang", []string{"edge/metrics"}},
	{"github.com/quic-go/qpack", []string{"bench/abuse"}},
	// The load tool is a client of its own, and bare is what the transports are measured against.
	{"github.com/quic-go/quic-go", []string{"edge/serve/h3", "edge/peer", "bench/load", "bench/load/bare", "bench/behaviour", "bench/abuse"}},
	{"github.com/stretchr/testify", []string{"edge/edgetest", "gossip/simnet", "bench/behaviour"}},
	{"github.com/valyala/fasthttp", []string{"edge/serve", "bench/load/bare"}},
	{"github.com/yuin/goldmark", []string{"bench/docsorigin"}},
	{"go.etcd.io/bbolt", []string{"edge/statedb"}},
	{"golang.org/x/net/http/httpguts", []string{"edge/serve", "edge/serve/section", "edge/origin", "bench/load", "bench/load/bare"}},
	{"golang.org/x/net/http2", []string{"edge/serve", "edge/serve/h2", "edge/serve/h3/qpack", "bench/load", "bench/load/bare", "bench/behaviour", "bench/abuse"}},
	{"golang.org/x/net/netutil", []string{"edge/admin"}},
	{"golang.org/x/sync/errgroup", []string{"cmd/…", "bench/load", "bench/compare", "invalidation/driver"}},
	{"golang.org/x/sys/unix", []string{"bench/load"}},
	{"golang.org/x/time/rate", []string{"quota"}},
}

// owner is the entry that decides about an import.
func owner(path string) (library, bool) {
	best, found := library{}, false
	for _, l := range libraries {
		if within(path, l.path) && len(l.path) > len(best.path) {
			best, found = l, true
		}
	}
	return best, found
}

func (l library) admits(dir string) bool {
	return slices.Contains(l.rooms, dir) || isCommand(dir) && slices.Contains(l.rooms, "cmd/…")
}

// within reports whether an import path is root or lies below it.
func within(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}

// isStandard reports whether an import path is of the standard library: only
// module paths have a dot in their first element.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}
