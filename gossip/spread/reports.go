package spread

import (
	"maps"
	"slices"

	"github.com/letteros/letteredge/gossip"
)

// reports is the latest report of each process, with its envelope to pass on.
type reports struct {
	latest map[gossip.Source]*kept
	of     map[string][]gossip.Source // by node, the process that was heard last at the end
	gone   map[string][]dropped       // by node, those that made room for others
}

// dropped is a process, and the last report of it that was known.
type dropped struct {
	source gossip.Source
	seq    uint64
}

type kept struct {
	report *Report
	wire   []byte
}

// maxProcesses bounds the processes of a node whose reports are kept: what an
// earlier one had applied is a receipt still.
const maxProcesses = 4

// maxGone bounds the processes of a node that are remembered as dropped: nodes that
// keep different ones would else tell each other of them for ever.
const maxGone = 64

func newReports() *reports {
	return &reports{latest: map[gossip.Source]*kept{}, of: map[string][]gossip.Source{}, gone: map[string][]dropped{}}
}

// add takes in a report unless a later one of its process is known, or the process
// is one of former times.
func (s *reports) add(r *Report, wire []byte) bool {
	source, node := r.From.Source(), r.From.Node
	if old := s.latest[source]; old != nil {
		if old.report.Seq >= r.Seq {
			return false
		}
		*old = kept{r, wire}
		if of := s.of[node]; of[len(of)-1] != source {
			s.of[node] = append(slices.DeleteFunc(of, func(o gossip.Source) bool { return o == source }), source)
		}
		return true
	}
	if len(s.of[node]) == 0 && len(s.of) >= maxKnown ||
		slices.ContainsFunc(s.gone[node], func(d dropped) bool { return d.source == source && d.seq >= r.Seq }) {
		return false
	}
	list := append(s.of[node], source)
	if len(list) > maxProcesses {
		gone := append(s.gone[node], dropped{list[0], s.latest[list[0]].report.Seq})
		s.gone[node] = gone[max(0, len(gone)-maxGone):]
		delete(s.latest, list[0])
		list = list[1:]
	}
	s.of[node] = list
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
