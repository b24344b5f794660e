package edgetest

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/invalidation/rollout"
)

var (
	_ edge.Targets  = (*Targets)(nil)
	_ edge.Snapshot = Snapshot{}
)

// Targets are what a test flips. The zero value shows all as unmanaged.
type Targets struct{ now atomic.Pointer[Snapshot] }

// Flip makes s the targets from now on.
func (t *Targets) Flip(s Snapshot) { t.now.Store(&s) }

// Snapshot returns what Flip set last.
func (t *Targets) Snapshot() edge.Snapshot {
	if s := t.now.Load(); s != nil {
		return s
	}
	return edge.Unmanaged{}
}

// Snapshot names vectors by artifact path.
type Snapshot struct {
	// Vectors of artifacts, in the text form of Docs-Version; "" is unmanaged.
	Vectors map[string]string
	// Other is how the node stands to the paths that Vectors does not have.
	Other rollout.Managed
	// Unmanaged documents of vectors have no entry here; all others must.
	Documents map[string]int64
	// Highest are the highest versions ever pushed; nil while a rollout is open.
	Highest map[string]int64
}

// Released returns the targets of these vectors, by artifact path, with all their
// documents managed.
func Released(vectors map[string]string) Snapshot {
	s := Snapshot{Vectors: vectors, Documents: map[string]int64{}}
	for _, v := range vectors {
		for member := range strings.SplitSeq(v, ", ") {
			id, version, ok := strings.Cut(member, "=")
			if !ok {
				continue
			}
			n, err := strconv.ParseInt(version, 10, 64)
			if err != nil {
				panic(fmt.Sprintf("edgetest: vector %q: %v", v, err))
			}
			s.Documents[id] = n
		}
	}
	return s
}

// Target looks the key's path up.
func (s Snapshot) Target(key cachekey.Key) (string, rollout.Managed) {
	vector, ok := s.Vectors[key.ArtifactPath()]
	switch {
	case !ok:
		return "", s.Other
	case vector == "":
		return "", rollout.Unmanaged
	}
	return vector, rollout.AtTarget
}

// Version looks a document up.
func (s Snapshot) Version(document string) (int64, bool) {
	v, ok := s.Documents[document]
	return v, ok
}

// Unpushed compares with Highest.
func (s Snapshot) Unpushed(document string, version int64) bool {
	highest, ok := s.Highest[document]
	return ok && version > highest
}
