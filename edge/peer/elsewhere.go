package peer

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/gossip"
)

// Elsewhere asks other nodes for what they have stored, where neither the owner
// nor the origin answers: first those of the region, then those of the others.
type Elsewhere struct {
	Client *Client
	Self   string
	// Near returns the region's living nodes, Far those of the other regions.
	Near, Far func() []string
	// Horizon names all that this node has applied, out of turn too.
	Horizon func() gossip.Vector
	// Patience is how long all nodes of one round may take to begin an answer.
	Patience time.Duration

	Stats ElsewhereStats

	searches chan struct{} // a token for each search under way

	mu     sync.Mutex
	missed map[string]time.Time // what nobody had, and until when nobody is asked again; guarded by mu
}

// maxSearches bounds the searches under way at once, and maxAsked the nodes that
// are asked in one round: where everything fails, the nodes must not be each
// other's storm.
const (
	maxSearches = 32
	maxAsked    = 8
)

// restAfterMiss is how long nobody is asked again for what nobody had: an origin
// that answers with errors would have each of them wait for all nodes. maxMissed
// bounds what is remembered.
const (
	restAfterMiss = 2 * time.Second
	maxMissed     = 4096
)

// ElsewhereStats counts searches by what became of them.
type ElsewhereStats struct{ Found, Missed, Skipped atomic.Uint64 }

// NewElsewhere returns one whose fields are to be set.
func NewElsewhere() *Elsewhere {
	return &Elsewhere{searches: make(chan struct{}, maxSearches), missed: map[string]time.Time{}}
}

// rests reports whether nobody had it a moment ago.
func (e *Elsewhere) rests(name string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Now().Before(e.missed[name])
}

func (e *Elsewhere) miss(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.missed) >= maxMissed {
		clear(e.missed)
	}
	e.missed[name] = time.Now().Add(restAfterMiss)
}

var _ edge.Peers = (*Elsewhere)(nil)

// Stored returns the first answer that comes. The error is edge.ErrNotShared.
func (e *Elsewhere) Stored(ctx context.Context, f *edge.Fetch) (*edge.Answer, error) {
	name := f.Key.Text + " " + f.Vector
	for _, line := range f.Fields {
		if line.Name == "Accept-Language" { // another language is another answer
			name += " " + line.Value
		}
	}
	if e.rests(name) {
		e.Stats.Skipped.Add(1)
		return nil, edge.ErrNotShared
	}
	select {
	case e.searches <- struct{}{}:
		defer func() { <-e.searches }()
	default:
		e.Stats.Skipped.Add(1)
		return nil, edge.ErrNotShared
	}
	for _, round := range []func() []string{e.Near, e.Far} {
		nodes := slices.DeleteFunc(slices.Clone(round()), func(n string) bool { return n == e.Self })
		if a := e.first(ctx, ranked(nodes, f.Key.Text), f); a != nil {
			e.Stats.Found.Add(1)
			return a, nil
		}
	}
	e.Stats.Missed.Add(1)
	e.miss(name)
	return nil, edge.ErrNotShared
}

// first asks all nodes at once, and returns the first answer; nil if there is none.
func (e *Elsewhere) first(ctx context.Context, nodes []string, f *edge.Fetch) *edge.Answer {
	nodes = nodes[:min(len(nodes), maxAsked)]
	type result struct {
		node int
		a    *edge.Answer
	}
	applied, results := e.Horizon(), make(chan result, len(nodes))
	cancels := make([]context.CancelFunc, len(nodes))
	for i, n := range nodes {
		ctx, cancel := context.WithCancel(ctx)
		cancels[i] = cancel
		go func() {
			a, err := askNode(ctx, e.Client, n, f, applied, e.Patience, func() {})
			if err != nil {
				a = nil // most do not have it, and which do is all that matters
			}
			results <- result{i, a}
		}()
	}
	var found *edge.Answer
	for range nodes {
		r := <-results
		switch {
		case r.a == nil:
			cancels[r.node]()
		case found != nil:
			_ = r.a.Body.Close() // one is enough
			cancels[r.node]()
		default:
			found = r.a
			found.Body = &callBody{found.Body, cancels[r.node]}
			for i, cancel := range cancels {
				if i != r.node {
					cancel()
				}
			}
		}
	}
	return found
}
