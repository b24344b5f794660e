package driver

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// sequence numbers the envelopes of a process.
type sequence struct{ last atomic.Uint64 }

func (s *sequence) next() uint64 { return s.last.Add(1) }

// preview is a job that looks at this node: at a candidate, or as a reader does.
type preview struct {
	snapshot *rollout.Snapshot
	versions string
	jobs     int
}

// leave is the payload of an Edge-Preview field.
type leave struct {
	Rollout  string `json:"rollout"`
	Versions string `json:"versions"` // of the candidate: a field for another is none
	Expires  int64  `json:"expires"`  // milliseconds since 1970
	Reader   bool   `json:"reader"`   // looks as a reader does, at what is released
}

const (
	previewLife = 10 * time.Second
	maxPreview  = 8 << 10 // bytes of the field
)

// versionsOf writes what a rollout brings.
func versionsOf(r rollout.Rollout) string {
	text := ""
	for _, v := range r.Documents {
		text += fmt.Sprintf("%s=%d,", v.ID, v.Version)
	}
	return rollout.TextDigest(text)
}

// open lets r be looked at until end is called.
func (w *Worker) open(r rollout.Rollout, s *rollout.Snapshot) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.previews[r.ID]
	if p == nil {
		p = &preview{}
		w.previews[r.ID] = p
	}
	p.snapshot, p.versions = s, versionsOf(r)
	p.jobs++
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if p.jobs--; p.jobs == 0 {
			delete(w.previews, r.ID)
		}
	}
}

// seal writes the field that shows r's candidate to whoever sends it, or, for
// one that looks as a reader does, tells only that it is a check.
func (w *Worker) seal(r rollout.Rollout, reader bool) (string, error) {
	payload, err := json.Marshal(leave{r.ID, versionsOf(r), w.Now().Add(previewLife).UnixMilli(), reader})
	if err != nil {
		return "", fmt.Errorf("seal a preview: %w", err)
	}
	e := gossip.Envelope{Kind: gossip.KindPreview, From: w.Self, Seq: w.seq.next(), Payload: payload}
	if err := e.Seal(w.Signer); err != nil {
		return "", err
	}
	wire, err := e.MarshalBinary()
	if err != nil {
		return "", fmt.Errorf("seal a preview: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(wire), nil
}

// Preview returns what an Edge-Preview field lets its sender see, nil for what
// readers see. It is good on the node that made it only, for one candidate, while
// that is being looked at there. What costs most is looked at last: anybody may send a field.
func (w *Worker) Preview(field string, now time.Time) (*rollout.Snapshot, bool) {
	w.mu.Lock()
	none := len(w.previews) == 0
	w.mu.Unlock()
	if none || field == "" || len(field) > maxPreview {
		return nil, false
	}
	wire, err := base64.RawURLEncoding.Strict().DecodeString(field)
	if err != nil {
		return nil, false
	}
	var e gossip.Envelope
	var l leave
	if e.UnmarshalBinary(wire) != nil || e.Kind != gossip.KindPreview || e.From != w.Self || json.Unmarshal(e.Payload, &l) != nil {
		return nil, false
	}
	if at := time.UnixMilli(l.Expires); now.After(at) || at.Sub(now) > 2*previewLife {
		return nil, false
	}
	w.mu.Lock()
	var s *rollout.Snapshot
	if p := w.previews[l.Rollout]; p != nil && p.versions == l.Versions {
		s = p.snapshot
	}
	w.mu.Unlock()
	if s == nil || e.Open(w.Verifier) != nil {
		return nil, false
	}
	if l.Reader {
		return nil, true
	}
	return s, true
}
