package invalidation

import (
	"encoding/json"
	"fmt"
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
	Purge   string            `json:"purge"`
	Select  cachekey.Selector `json:"select"`
	Mode    Mode              `json:"mode"`
	At      time.Time         `json:"at"`
	By      string            `json:"by,omitempty"`
	Applied *Applied          `json:"applied,omitempty"`
}

// MarshalJSON writes the stored form.
func (r Record) MarshalJSON() ([]byte, error) {
	return json.Marshal(recordJSON{
		Purge: r.Dot.String(), Select: r.Selector, Mode: r.Mode, At: r.At, By: r.By, Applied: r.Applied,
	})
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
	if err := raw.Select.Validate(); err != nil {
		return fmt.Errorf("purge record %s: select: %w", raw.Purge, err)
	}
	if raw.At.IsZero() {
		return fmt.Errorf("purge record %s: at: is missing", raw.Purge)
	}
	*r = Record{Dot: dot, Selector: raw.Select, Mode: raw.Mode, At: raw.At, By: raw.By, Applied: raw.Applied}
	return nil
}
