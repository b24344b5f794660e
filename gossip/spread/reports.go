package spread

import (
	"maps"
	"slices"

	"github.com/letteros/letteredge/gossip"
)

// reports is the latest report of each process, with its envelope to pass on.
type reports struct {
	latest map[gossip.Source]*kept
	of     map[string][]gossip.Source // by node, the latest process last
}

type kept struct {
	report *Report
	wire   []byte
}

// maxProcesses bounds the processes of a node whose reports are kept: what an
// earlier one had applied is a receipt still.
const maxProcesses = 4

func newReports() *reports {
	return &reports{latest: map[gossip.Source]*kept{}, of: map[string][]gossip.Source{}}
}

// add takes in a report unless a later one of its process is known.
func (s *reports) add(r *Report, wire []byte) bool {
	source := r.From.Source()
	if old := s.latest[source]; old != nil {
		if old.report.Seq >= r.Seq {
			return false
		}
		*old = kept{r, wire}
		return true
	}
	if len(s.of[r.From.Node]) == 0 && len(s.of) >= maxKnown {
		return false
	}
	list := append(s.of[r.From.Node], source)
	if len(list) > maxProcesses {
		delete(s.latest, list[0])
		list = list[1:]
	}
	s.of[r.From.Node] = list
	s.latest[source] = &kept{r, wire}
	return true
}

// covers reports whether a node has applied a purge.
func (s *reports) covers(node string, d gossip.Dot) bool {
	for _, source := range s.of[node] {
		if s.latest[source].report.Applied.Covers(d) {
			return true
		}
	}
	return false
}

// former returns the latest known report of a node; nil if there is none.
func (s *reports) former(node string) *Report {
	of := s.of[node]
	if len(of) == 0 {
		return nil
	}
	return s.latest[of[len(of)-1]].report
}

// numbers says which reports are known.
func (s *reports) numbers() map[gossip.Source]uint64 {
	all := make(map[gossip.Source]uint64, len(s.latest))
	for source, k := range s.latest {
		all[source] = k.report.Seq
	}
	return all
}

// newer returns the envelopes of reports later than the known ones.
func (s *reports) newer(known map[gossip.Source]uint64, limit int) [][]byte {
	var list [][]byte
	for _, source := range slices.SortedFunc(maps.Keys(s.latest), gossip.Source.Compare) {
		k := s.latest[source]
		if k.wire != nil && known[source] < k.report.Seq {
			if limit -= len(k.wire); limit < 0 {
				break
			}
			list = append(list, k.wire)
		}
	}
	return list
}
