package edge

import "github.com/letteros/letteredge/cachekey"

// Pins keep copies of managed artifacts on disk, as bytes, so that what was
// released can be shown after a restart, and an undo needs no origin. Load is
// called by any number of fills, while one goroutine at a time saves and sweeps. An error costs
// pins, never answers.
type Pins interface {
	// Load returns what was saved under a canonical text and a vector, one item
	// for each variant.
	Load(text, vector string) ([][]byte, error)
	// Save keeps data, in place of what has the same three names.
	Save(text, vector, variant string, data []byte) error
	// Sweep deletes every pin that drop names. drop asks neither Pins nor PurgeLog.
	Sweep(drop func(text, vector string, data []byte) bool) error
}

// PurgeLog tells what this node has applied, beyond one process: a pin is held
// against the purges since it was fetched.
type PurgeLog interface {
	// Position names all purges that the node has applied at this moment.
	Position() []byte
	// Since returns what was selected by the purges that the node applied, or was
	// about to, beyond a position, in any order. known is false where the log does
	// not reach back to it, or the position is none.
	Since(position []byte) (hard, soft []cachekey.Selector, known bool)
}

// NoPins keeps nothing.
type NoPins struct{}

// Load returns nothing.
func (NoPins) Load(string, string) ([][]byte, error) { return nil, nil }

// Save does nothing.
func (NoPins) Save(string, string, string, []byte) error { return nil }

// Sweep does nothing.
func (NoPins) Sweep(func(string, string, []byte) bool) error { return nil }
