package invalidation

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
)

// Record is one purge as it is journalled.
type Record struct {
	Dot      gossip.Dot // names the purge; its text is the purge's id
	Selector cachekey.Selector
	Mode     Mode
	At       time.Time // the acceptor's wall clock at acceptance
	By       string    // who asked, as the audit log names them; may be empty

	// Expected are the nodes that the acceptor knew, itself among them; empty in
	// records of a time when nodes stood alone.
	Expected []Peer
	// Timeout is how long it is pending before it counts as partial.
	Timeout time.Duration

	// Key and Body are Order's, so that whoever has the purge knows it again.
	Key, Body string

	// Applied is this node's receipt, nil until it is settled: a Record in a
	// journal without one was applied at replay.
	Applied *Applied
}

// Applied is what a node has to say of a purge that it applied.
type Applied struct {
	// AfterMS is the node's wall clock at application minus the acceptor's at
	// acceptance, in milliseconds.
	AfterMS float64 `json:"after_ms"`
	// Entries is how many stored entries the purge hit, nil while uncounted.
	Entries *int `json:"entries"`
}

// recordJSON is the stored form. Unknown fields are skipped: a node that goes
// back one release must still read its journal.
type recordJSON struct {
	Purge  string            `json:"purge,omitempty"`
	Select cachekey.Selector `json:"select"`
	Mode   Mode              `json:"mode"`
	At     time.Time         `json:"at"`
	By     string            `json:"by,omitempty"`
	// Nodes are the expected ones' ids by region: that is shorter.
	Nodes     map[string][]string `json:"nodes,omitempty"`
	TimeoutMS int64               `json:"timeout_ms,omitempty"`
	Key       string              `json:"key,omitempty"`
	Body      string              `json:"body,omitempty"`
	Applied   *Applied            `json:"applied,omitempty"`
}

// MarshalJSON writes the stored form.
func (r Record) MarshalJSON() ([]byte, error) {
	raw := recordJSON{
		Purge: r.Dot.String(), Select: r.Selector, Mode: r.Mode, At: r.At, By: r.By,
		TimeoutMS: r.Timeout.Milliseconds(), Key: r.Key, Body: r.Body, Applied: r.Applied,
	}
	for _, p := range r.Expected {
		if raw.Nodes == nil {
			raw.Nodes = map[string][]string{}
		}
		raw.Nodes[p.Region] = append(raw.Nodes[p.Region], p.ID)
	}
	return json.Marshal(raw)
}

// UnmarshalJSON reads the stored form and refuses a record without a valid dot,
// selector, mode or time.
func (r *Record) UnmarshalJSON(data []byte) error {
	var raw recordJSON
	if err := json.Unmarshal(data, &raw); err != nil {
		return fmt.Errorf("purge record: %w", err)
	}
	dot, err := gossip.ParseDot(raw.Purge)
	if err != nil {
		return fmt.Errorf("purge record: purge: %w", err)
	}
	rec, err := raw.record(dot)
	if err != nil {
		return fmt.Errorf("purge record %s: %w", dot, err)
	}
	*r = rec
	return nil
}

func (raw recordJSON) record(dot gossip.Dot) (Record, error) {
	if err := raw.Select.Validate(); err != nil {
		return Record{}, fmt.Errorf("select: %w", err)
	}
	if raw.At.IsZero() {
		return Record{}, errors.New("at: is missing")
	}
	if raw.TimeoutMS < 0 || raw.TimeoutMS > MaxTimeout.Milliseconds() {
		return Record{}, fmt.Errorf("timeout_ms: must be from 0 to %d", MaxTimeout.Milliseconds())
	}
	if len(raw.Key) > maxKey || len(raw.Body) > maxKey {
		return Record{}, fmt.Errorf("key, body: must have at most %d bytes", maxKey)
	}
	rec := Record{
		Dot: dot, Selector: raw.Select, Mode: raw.Mode, At: raw.At, By: raw.By,
		Timeout: time.Duration(raw.TimeoutMS) * time.Millisecond, Key: raw.Key, Body: raw.Body, Applied: raw.Applied,
	}
	for _, region := range slices.Sorted(maps.Keys(raw.Nodes)) {
		for _, id := range raw.Nodes[region] {
			if !gossip.ValidNode(id) || region == "" {
				return Record{}, fmt.Errorf("nodes: %.80q: must be ids of nodes by region", region)
			}
			rec.Expected = append(rec.Expected, Peer{ID: id, Region: region})
		}
	}
	return rec, nil
}
