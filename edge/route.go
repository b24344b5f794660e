package edge

import "github.com/letteros/letteredge/edge/freshness"

// Route is what is done with the requests of one pattern of the Keyer.
type Route struct {
	Name     string
	Upstream Upstream
	// Segment is the quota that requests of this route count against; "" for
	// the default one. Artifact routes take it from the path.
	Segment string
	// Policy is how freshness is judged.
	Policy freshness.Policy
	// Isolated is what readers get while the node is isolated and the origin does
	// not answer.
	Isolated Isolation
}
