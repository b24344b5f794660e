package peer

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/gossip"
)

// Upstream asks the region's owner of a key before the origin.
type Upstream struct {
	Origin edge.Upstream
	Client *Client
	Self   string
	// Ring returns the region's living nodes, this one among them; Horizon names all
	// that this one has applied, out of turn too.
	Ring    func() []string
	Horizon func() gossip.Vector
	// Patience is how long an owner may take to begin its answer.
	Patience time.Duration

	Stats Stats

	mu   sync.Mutex
	slow map[string]time.Time // owners not asked again until then; guarded by mu
}

// restAfterSlow is how long an owner that was too slow is not asked: each fill
// would wait for it.
const restAfterSlow = 2 * time.Second

func (u *Upstream) rests(owner string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return time.Now().Before(u.slow[owner])
}

func (u *Upstream) rest(owner string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.slow == nil {
		u.slow = map[string]time.Time{}
	}
	u.slow[owner] = time.Now().Add(restAfterSlow)
}

// Stats counts what became of fills.
type Stats struct {
	Own, Answered, Behind, Refused, PassedBy atomic.Uint64
}

var (
	_ edge.Upstream = (*Upstream)(nil)
	_ edge.Owner    = (*Upstream)(nil)
)

// Fetch asks the owner, if that is another node and the fetch may be shared, and
// the origin otherwise or if the owner does not answer.
func (u *Upstream) Fetch(ctx context.Context, f *edge.Fetch) (*edge.Answer, error) {
	if f.Direct || f.Method != http.MethodGet || f.Body != nil || f.Key.Text == "" {
		return u.Origin.Fetch(ctx, f)
	}
	owner := Owner(u.Ring(), f.Key.Text)
	if owner == "" || owner == u.Self {
		u.Stats.Own.Add(1)
		return u.Origin.Fetch(ctx, f)
	}
	if u.rests(owner) {
		u.Stats.PassedBy.Add(1)
		return u.Origin.Fetch(ctx, f)
	}
	a, err := u.ask(ctx, owner, f)
	if err == nil {
		u.Stats.Answered.Add(1)
		return a, nil
	}
	if ctx.Err() != nil {
		return nil, err
	}
	var status *StatusError
	switch {
	case errors.As(err, &status) && status.Code == http.StatusConflict:
		u.Stats.Behind.Add(1)
	case errors.As(err, &status):
		u.Stats.Refused.Add(1)
	default:
		u.Stats.PassedBy.Add(1)
	}
	return u.Origin.Fetch(ctx, f)
}

// Owns reports whether this node is the key's owner in its region.
func (u *Upstream) Owns(text string) bool {
	owner := Owner(u.Ring(), text)
	return owner == "" || owner == u.Self
}

func (u *Upstream) ask(ctx context.Context, owner string, f *edge.Fetch) (*edge.Answer, error) {
	return askNode(ctx, u.Client, owner, f, u.Horizon(), u.Patience, func() { u.rest(owner) })
}
