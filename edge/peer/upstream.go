package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/gossip"
)

// FillPath is where an owner is asked.
const FillPath = "/fill"

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

var _ edge.Upstream = (*Upstream)(nil)

// maxHead bounds the description of an answer.
const maxHead = 256 << 10

// ask is what the asker tells the owner.
type ask struct {
	Key     string        `json:"key"`
	Host    string        `json:"host"`
	Target  string        `json:"target"`
	Fields  []edge.Field  `json:"fields"`
	Vector  string        `json:"vector,omitempty"`
	Applied gossip.Vector `json:"applied"`
}

// head is what comes before an answer's body.
type head struct {
	Status   int          `json:"status"`
	Fields   []edge.Field `json:"fields"`
	Length   int64        `json:"length"`
	Degraded string       `json:"degraded,omitempty"`
}

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

func (u *Upstream) ask(ctx context.Context, owner string, f *edge.Fetch) (*edge.Answer, error) {
	body, err := json.Marshal(ask{f.Key.Text, f.Host, f.Target, f.Fields, f.Vector, u.Horizon()})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	patience := time.AfterFunc(u.Patience, func() {
		u.rest(owner)
		cancel()
	})
	begin := time.Now()
	res, err := u.Client.post(ctx, owner, FillPath, body)
	if err != nil {
		patience.Stop()
		cancel()
		return nil, err
	}
	a, err := readAnswer(res.Body, begin)
	if err != nil || !patience.Stop() {
		cancel()
		_ = res.Body.Close() // nobody reads it
		return nil, errors.Join(err, errors.New("the owner was too slow"))
	}
	a.Body = &callBody{res.Body, cancel}
	return a, nil
}

// callBody ends the call with the body.
type callBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *callBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

func readAnswer(r io.Reader, begin time.Time) (*edge.Answer, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, fmt.Errorf("the owner's answer: %w", err)
	}
	n := int(size[0])<<24 | int(size[1])<<16 | int(size[2])<<8 | int(size[3])
	if n > maxHead {
		return nil, fmt.Errorf("the owner's answer: its head has %d bytes, at most %d are allowed", n, maxHead)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, fmt.Errorf("the owner's answer: %w", err)
	}
	var h head
	if err := json.Unmarshal(text, &h); err != nil {
		return nil, fmt.Errorf("the owner's answer: %w", err)
	}
	return &edge.Answer{
		Status: h.Status, Fields: h.Fields, Length: h.Length, Degraded: h.Degraded,
		RequestAt: begin, ResponseAt: time.Now(),
	}, nil
}

// Source answers fetches of other nodes from this node's cache: edge.Core.
type Source interface {
	// ServePeer answers as a reader would be answered, asking no further peer. An
	// error means that the asker has to ask the origin itself.
	ServePeer(ctx context.Context, f *edge.Fetch) (*edge.Answer, error)
}

// Fills answers askers. applied is what this node has applied.
func (s *Server) Fills(source Source, applied func() gossip.Vector) {
	s.stream(FillPath, func(w http.ResponseWriter, r *http.Request, _ gossip.Member, body []byte) error {
		var a ask
		if err := json.Unmarshal(body, &a); err != nil {
			return &StatusError{http.StatusBadRequest, err.Error()}
		}
		key, err := cachekey.ParseText(a.Key)
		if err != nil {
			return &StatusError{http.StatusBadRequest, "key: " + err.Error()}
		}
		// Whoever has not seen a purge must not answer one who has: the purged copy
		// would come back as a newborn (SEMANTICS §6).
		if !applied().CoversAll(a.Applied) {
			return &StatusError{http.StatusConflict, "behind"}
		}
		ans, err := source.ServePeer(r.Context(), &edge.Fetch{
			Key: key, Method: http.MethodGet, Host: a.Host, Target: a.Target, Fields: a.Fields, Vector: a.Vector, Direct: true,
		})
		if err != nil {
			return &StatusError{http.StatusMisdirectedRequest, err.Error()}
		}
		defer ans.Body.Close()
		text, err := json.Marshal(head{ans.Status, ans.Fields, ans.Length, ans.Degraded})
		if err != nil {
			return err
		}
		n := len(text)
		if n > maxHead {
			return &StatusError{http.StatusMisdirectedRequest, "the answer's fields are too long"}
		}
		_, err = w.Write(append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, text...))
		if err == nil {
			_, err = io.Copy(w, ans.Body)
		}
		if err != nil {
			panic(http.ErrAbortHandler) // cut off, so that the asker does not take it for whole
		}
		return nil
	})
}
