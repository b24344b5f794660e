package edgetest

import (
	"sync/atomic"
	"time"

	"github.com/letteros/letteredge/edge"
)

var (
	_ edge.Standing  = (*Standing)(nil)
	_ edge.Previewer = Previewer(nil)
)

// Standing is how a test's node stands to others. The zero value is up to date.
type Standing struct {
	isolated atomic.Bool
	age      atomic.Int64
}

// Isolate cuts the node off, or joins it again.
func (s *Standing) Isolate(isolated bool) { s.isolated.Store(isolated) }

// SetAge sets how old the last watermark is.
func (s *Standing) SetAge(age time.Duration) { s.age.Store(int64(age)) }

// Isolated returns what Isolate set.
func (s *Standing) Isolated(time.Time) bool { return s.isolated.Load() }

// WatermarkAge returns what SetAge set.
func (s *Standing) WatermarkAge(time.Time) time.Duration { return time.Duration(s.age.Load()) }

// Previewer knows candidates by the whole value of Edge-Preview.
type Previewer map[string]edge.Snapshot

// Preview looks the field up.
func (p Previewer) Preview(field string, _ time.Time) (edge.Snapshot, bool) {
	s, ok := p[field]
	return s, ok
}
