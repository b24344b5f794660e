package quota

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSharesMakeUpTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 50).Draw(t, "n")
		q := New("b2b", rapid.Float64Range(0.001, 1000).Draw(t, "rps"))
		q.Burst = rapid.IntRange(1, 200).Draw(t, "burst")
		rps, burst := 0.0, 0
		for rank := range n {
			s := q.part(rank, n)
			rps += s.RPS
			burst += s.Burst
		}
		require.InEpsilon(t, q.RPS, rps, 1e-9)
		require.Equal(t, q.Burst, burst)
		require.Zero(t, q.part(0, 0))
		require.Zero(t, q.part(n, n))
	})
}

// world is a control log and the processes that follow it: each has applied some
// prefix, hears late and by chance what others have applied, may die and start
// again with anything that it once had, leave, and come anew.
type world struct {
	t         *rapid.T
	index     uint64
	log       []entryOfRoll
	processes map[string]*process // by node: the one that runs
	gone      map[string]uint64   // nodes without a process: what the last one had
	last      uint64              // incarnation
}

type entryOfRoll struct {
	kind, node string
	holder     holder
}

type process struct {
	roll    roll
	applied int // entries of the log
}

func (w *world) append(e entryOfRoll) {
	w.index++
	e.holder.index = w.index
	w.log = append(w.log, e)
}

func (w *world) start(node, region string, applied int) {
	w.last++
	p := &process{roll: roll{
		node: node, incarnation: w.last,
		enrolled: map[string]holder{}, admitted: map[string]bool{}, acked: map[string]uint64{},
	}}
	w.processes[node] = p
	for range applied {
		p.step(w)
	}
	w.append(entryOfRoll{kind: "node", node: node, holder: holder{region: region, incarnation: w.last}})
}

// step applies the next entry of the log and acknowledges it to itself.
func (p *process) step(w *world) {
	if p.applied == len(w.log) {
		return
	}
	switch e := w.log[p.applied]; e.kind {
	case "node":
		p.roll.enrol(e.node, e.holder)
	case "share":
		p.roll.admitted[e.node] = true
	case "leave":
		p.roll.leave(e.node)
		p.roll.admitted[e.node] = false
	}
	p.applied++
	p.roll.acknowledge(p.roll.node, uint64(p.applied))
}

func (w *world) check() {
	for _, scope := range []Scope{ScopeGlobal, ScopeRegion} {
		q := Quota{Segment: "b2b", RPS: 1, Burst: rapid.IntRange(1, 12).Draw(w.t, "burst"), Scope: scope}
		rps, burst := map[string]float64{}, map[string]int{}
		for node, p := range w.processes {
			part := "all"
			if scope == ScopeRegion {
				part = regionOf(node)
			}
			s := p.roll.share(q)
			rps[part] += s.RPS
			burst[part] += s.Burst
		}
		for part := range rps {
			require.LessOrEqual(w.t, rps[part], 1+1e-9, "%s %s", scope, part)
			require.LessOrEqual(w.t, burst[part], q.Burst, "%s %s", scope, part)
		}
	}
}

func regionOf(node string) string { return node[:1] }

// TestSharesNeverExceedTheWhole: whatever is late, lost, dead or started again,
// those who run never spend more than the whole between them.
func TestSharesNeverExceedTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, processes: map[string]*process{}, gone: map[string]uint64{}}
		nodes := []string{"a1", "a2", "b1", "b2", "b3"}
		node := rapid.SampledFrom(nodes)
		shared := 0
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			id := node.Draw(t, "node")
			p := w.processes[id]
			switch rapid.SampledFrom([]string{"run", "run", "run", "hear", "hear", "hear", "start", "die", "leave", "stop", "note"}).Draw(t, "step") {
			case "start":
				if p == nil {
					// It starts from any state that its last process had made durable.
					w.start(id, regionOf(id), rapid.IntRange(0, int(w.gone[id])).Draw(t, "had"))
				}
			case "run":
				for range rapid.IntRange(1, 6).Draw(t, "entries") {
					if p != nil {
						p.step(w)
					}
				}
			case "hear":
				from := node.Draw(t, "from")
				acked := w.gone[from] // what the dead said goes on spreading
				if other := w.processes[from]; other != nil {
					acked = max(acked, uint64(other.applied))
				}
				if p != nil && acked > 0 {
					p.roll.acknowledge(from, uint64(rapid.IntRange(0, int(acked)).Draw(t, "report")))
				}
			case "die":
				if p != nil {
					w.gone[id] = max(w.gone[id], uint64(p.applied))
					delete(w.processes, id)
				}
			case "leave": // it stops first
				if p != nil {
					w.gone[id] = max(w.gone[id], uint64(p.applied))
					delete(w.processes, id)
					w.append(entryOfRoll{kind: "leave", node: id})
				}
			case "stop": // told to, it says so when it has given its last answer
				if p != nil {
					if h, ok := w.latest(id); ok && h.incarnation == p.roll.incarnation {
						w.append(entryOfRoll{kind: "node", node: id, holder: holder{region: regionOf(id), incarnation: h.incarnation, left: true}})
					}
					w.gone[id] = max(w.gone[id], uint64(p.applied))
					delete(w.processes, id)
				}
			case "note":
				if p != nil && p.roll.open() {
					if h, ok := w.latest(id); ok && h.incarnation == p.roll.incarnation {
						w.append(entryOfRoll{kind: "share", node: id})
					}
				}
			}
			w.check()
			for _, p := range w.processes {
				if p.roll.open() {
					shared++
				}
			}
		}
		// Once all who run hear all, and those who do not have left, all share.
		for _, id := range nodes {
			if _, enrolled := w.latest(id); enrolled && w.processes[id] == nil {
				w.append(entryOfRoll{kind: "leave", node: id})
			}
		}
		for _, p := range w.processes {
			for p.applied < len(w.log) {
				p.step(w)
			}
		}
		for _, p := range w.processes {
			for other := range w.processes {
				p.roll.acknowledge(other, w.index)
			}
			require.True(t, p.roll.open())
		}
		w.check()
	})
}

// latest is the enrolment of a node at the end of the log.
func (w *world) latest(node string) (holder, bool) {
	for _, e := range slices.Backward(w.log) {
		if e.node == node && e.kind != "share" {
			return e.holder, e.kind == "node"
		}
	}
	return holder{}, false
}

// A newcomer waits for all others, also for one that does not answer; a node
// that had been let in does not when it starts again.
func TestWhoWaitsForWhom(t *testing.T) {
	r := roll{node: "c", incarnation: 3, enrolled: map[string]holder{}, admitted: map[string]bool{}, acked: map[string]uint64{}}
	say := func() string {
		rank, n := r.place(ScopeGlobal)
		return fmt.Sprintf("%d/%d", rank, n)
	}
	require.Equal(t, "0/0", say(), "not enrolled")
	r.enrol("a", holder{region: "x", incarnation: 1, index: 10})
	r.enrol("b", holder{region: "x", incarnation: 2, index: 11})
	r.enrol("c", holder{region: "y", incarnation: 3, index: 12})
	r.acknowledge("a", 12)
	r.acknowledge("b", 11)
	r.acknowledge("c", 12)
	require.Equal(t, "0/0", say(), "b has not made room")
	require.Equal(t, Share{RPS: 5, Burst: 10}, r.share(Quota{RPS: 5, Burst: 10, Scope: ScopeNode}), "which needs no room")
	r.acknowledge("b", 12)
	require.Equal(t, "2/3", say())
	rank, n := r.place(ScopeRegion)
	require.Equal(t, "0/1", fmt.Sprintf("%d/%d", rank, n))

	r.admitted["c"] = true
	r.incarnation = 4
	require.Equal(t, "0/0", say(), "a new process that has not enrolled may lack others")
	r.enrol("c", holder{region: "y", incarnation: 4, index: 20})
	require.Equal(t, "0/0", say(), "nor does it know the log that far")
	r.acknowledge("c", 20)
	require.Equal(t, "2/3", say(), "though nobody else acknowledged 20")
	r.leave("a")
	require.Equal(t, "1/2", say())
	r.stopped = true
	require.Equal(t, "0/0", say())
	require.Zero(t, r.share(Quota{RPS: 5, Burst: 10, Scope: ScopeNode}))
}

func TestBurstsByRank(t *testing.T) {
	var got []string
	for rank := range 6 {
		got = append(got, fmt.Sprint(Quota{RPS: 6, Burst: 8}.part(rank, 6).Burst))
	}
	require.Equal(t, "2 2 1 1 1 1", strings.Join(got, " "))
	require.Equal(t, Share{RPS: 1, Burst: 0}, Quota{RPS: 6, Burst: 4}.part(4, 6))
}
