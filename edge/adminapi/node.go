package adminapi

// Node is one edge process.
type Node struct {
	ID     string `json:"id"`
	Region string `json:"region"`
	State  string `json:"state"` // starting, ready, isolated, unreachable, left
	// Address is where other nodes reach it; on a node that stands alone, where
	// readers do.
	Address string `json:"address"`
	// Incarnation names the process start, in 16 hexadecimal digits as in the ids
	// of purges.
	Incarnation string `json:"incarnation"`
	// SeenMS is how long ago it was heard of, in milliseconds.
	SeenMS int64 `json:"seen_ms"`
}

// The states of a node.
const (
	NodeStarting    = "starting"    // it does not serve yet
	NodeReady       = "ready"       // it serves, and lacks nothing that the voters name
	NodeIsolated    = "isolated"    // it serves, but has heard of no majority of the voters
	NodeUnreachable = "unreachable" // it does not answer
	NodeLeft        = "left"        // it said that it goes
)

// Region is the nodes near each other.
type Region struct {
	ID    string `json:"id"`
	Nodes int    `json:"nodes"` // how many there are
	Ready int    `json:"ready"` // how many of them are ready
	// State is "ready" if all are, "degraded" if some are, "down" if none is.
	State string `json:"state"`
}

// Regions sums nodes up by region, in the order in which these first appear.
// Those that have left do not count.
func Regions(nodes []Node) []Region {
	regions := []Region{}
	at := make(map[string]int)
	for _, n := range nodes {
		if n.State == NodeLeft {
			continue
		}
		i, known := at[n.Region]
		if !known {
			i = len(regions)
			at[n.Region] = i
			regions = append(regions, Region{ID: n.Region})
		}
		regions[i].Nodes++
		if n.State == NodeReady {
			regions[i].Ready++
		}
	}
	for i := range regions {
		switch r := &regions[i]; r.Ready {
		case r.Nodes:
			r.State = "ready"
		case 0:
			r.State = "down"
		default:
			r.State = "degraded"
		}
	}
	return regions
}
