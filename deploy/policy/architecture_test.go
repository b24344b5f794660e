package policy

import (
	"slices"
	"strings"
)

// architecture is the table of packages, lowest layer last. "bench/…" stands for
// every package below bench that is not named elsewhere. Rooms that are planned
// and not yet built have their place here already.
const architecture = `
L4 cmd/edged cmd/edgectl cmd/edgebench
L3 edge/serve edge/serve/gate edge/serve/section edge/serve/h2 edge/serve/h3 edge/serve/h3/qpack edge/cache edge/origin edge/peer edge/admin edge/console edge/metrics edge/statedb edge/cloudflare
L3 gossip/swim gossip/control invalidation/policy edge/client deploy/… bench/…
L2 edge precompute invalidation/driver edge/pressure edge/slo edge/cost edge/audit edge/config edge/auth
L1 invalidation invalidation/rollout quota quota/lease quota/forecast edge/freshness edge/coding edge/adminapi gossip/spread
L0 cachekey gossip
`

// testRooms are for tests and commands: fakes, harnesses, the demo's origin.
var testRooms = []string{"edge/edgetest", "gossip/simnet", "bench/docsorigin", "bench/behaviour", "bench/abuse", "bench/wan"}

// netHTTPFree are the packages that take data and return data, so that no
// transport can answer differently from another: they know nothing of net/http.
var netHTTPFree = []string{"cachekey", "gossip", "invalidation", "quota", "precompute", "edge", "edge/freshness", "edge/coding"}

// unsafeRooms make strings that view a transport's buffers, each in one file.
var unsafeRooms = map[string]string{
	"cachekey":        "text of a key in the caller's scratch memory",
	"edge":            "a request's views over the transport's buffers",
	"edge/serve/gate": "views over the transports' buffers",
	"edge/edgetest":   "a transport that overwrites its buffers, to find views that were kept",
}

const unknown = -1

func isTestRoom(dir string) bool { return slices.Contains(testRooms, dir) }

func isCommand(dir string) bool { return strings.HasPrefix(dir, "cmd/") }

// layer is the layer of a package by its folder; unknown if the table has no
// place for it. Test rooms stand beside the adapters.
func layer(dir string) int {
	if isTestRoom(dir) {
		return 3
	}
	wild := unknown
	for line := range strings.Lines(strings.TrimSpace(architecture)) {
		fields := strings.Fields(line)
		l := int(fields[0][1] - '0')
		for _, name := range fields[1:] {
			if name == dir {
				return l
			}
			if root, ok := strings.CutSuffix(name, "…"); ok && strings.HasPrefix(dir, root) {
				wild = l
			}
		}
	}
	return wild
}
