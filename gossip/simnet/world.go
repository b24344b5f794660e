package simnet

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// Guards are rules that a run goes without.
type Guards struct {
	LateEpoch       bool // a fill takes its epoch when the answer comes, not before it asks
	UntoldOwner     bool // an owner does not hear what the asker has applied
	SameIncarnation bool // a process start takes up the numbers of the former one
	BlindJoin       bool // a request joins a fill whatever has been purged since it began
	BlindStages     bool // a stage begins without a word from the nodes of the one before
	RoleSlots       bool // slots are named candidate and released, and not by versions
	EndlessShares   bool // a node spends its share of a quota however long it has heard nothing
	SplitSnapshot   bool // each part of a Summary is looked up by the targets of its own moment
}

// World is one run.
type World struct {
	seed   uint64
	rand   *rand.Rand
	now    time.Time
	events events
	count  uint64 // orders events of the same moment
	guards Guards

	nodes   []*node
	voters  []string
	log     []gossip.Txn    // the control log
	truth   *gossip.Records // what it says
	reader  *rollout.Reader // of it
	leader  *process        // who writes it for others
	term    uint64
	origin  map[string]int
	docs    map[string]int64 // the documents' versions there
	pushes  []*push
	purges  []*purged
	limits  []*limit
	defined definition
	groups  map[string]int // who is cut off from whom
	loss    float64
	calm    bool // faults have ended
	failure error

	// Answers counts what readers were given; Marked how many of these were marked.
	Answers, Marked int
	admitted        []time.Time // requests, by a quota

	// Bound counts what was admitted while a limit was said to bind.
	Bound int
	// Done and Undone count rollouts.
	Done, Undone int
}

type event struct {
	at time.Time
	n  uint64
	do func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at.Before(e[j].at) || e[i].at.Equal(e[j].at) && e[i].n < e[j].n
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	last := old[len(old)-1]
	*e = old[:len(old)-1]
	return last
}

// after has do called in virtual time.
func (w *World) after(d time.Duration, do func()) {
	w.count++
	heap.Push(&w.events, event{w.now.Add(d), w.count, do})
}

// between is a random duration.
func (w *World) between(low, high time.Duration) time.Duration {
	return low + time.Duration(w.rand.Int64N(int64(high-low)))
}

func (w *World) fail(format string, args ...any) {
	if w.failure == nil {
		w.failure = fmt.Errorf("seed %d, after %s: %s", w.seed, w.now.Sub(epoch()), fmt.Sprintf(format, args...))
	}
}

// epoch is when every run begins.
func epoch() time.Time { return time.Unix(1_800_000_000, 0) }

// Times of a run.
const (
	storm     = 24 * time.Second // with faults
	aftermath = 16 * time.Second // without
)

// Run runs a cluster by a seed, and returns what it found wrong.
func Run(seed uint64, guards Guards) (*World, error) {
	w := &World{
		seed: seed, rand: rand.New(rand.NewPCG(seed, 0)), now: epoch(), guards: guards,
		truth: gossip.NewRecords(), origin: map[string]int{}, docs: map[string]int64{}, groups: map[string]int{},
	}
	w.reader = rollout.NewReader(w.truth)
	w.loss = w.rand.Float64() * 0.3
	w.build()
	for _, d := range documents() {
		w.docs[d] = 1
	}
	for _, n := range w.nodes {
		n.start()
	}
	w.after(3*time.Second, w.editor)
	w.after(2*time.Second, func() { w.submit(documents(), rollout.Plan{Name: "adopt", Adopt: true}) })
	w.after(3*time.Second, w.author)
	w.after(5*time.Second, w.meddler)
	w.after(2500*time.Millisecond, w.operator)
	w.after(2*time.Second, w.trouble)
	w.after(storm, w.peace)
	end := epoch().Add(storm + aftermath)
	for len(w.events) > 0 && w.failure == nil {
		e := heap.Pop(&w.events).(event)
		if e.at.After(end) {
			break
		}
		w.now = e.at
		e.do()
	}
	if w.failure == nil {
		w.settled()
	}
	if w.failure == nil {
		w.agreed()
	}
	if w.failure == nil {
		w.within()
	}
	return w, w.failure
}

// build makes 3 to 12 nodes in 1 to 4 regions, with one voter each, or three in
// a lone region.
func (w *World) build() {
	regions := 1 + w.rand.IntN(4)
	total := max(3, regions) + w.rand.IntN(13-max(3, regions))
	for i := range total {
		region := fmt.Sprintf("r%d", i%regions)
		n := &node{world: w, id: fmt.Sprintf("%s-n%d", region, i), region: region, disk: newDisk()}
		w.nodes = append(w.nodes, n)
	}
	count := regions
	if regions%2 == 0 {
		count--
	}
	if count == 1 {
		count = 3
	}
	for _, n := range w.nodes[:count] {
		w.voters = append(w.voters, n.id)
	}
}

// editor changes what the origin has, and purges what is old, on any node.
func (w *World) editor() {
	if w.calm {
		return
	}
	key := w.key()
	w.origin[key]++
	if n := w.nodes[w.rand.IntN(len(w.nodes))]; n.runs() {
		n.purge(key, w.origin[key])
	}
	w.after(w.between(50*time.Millisecond, 1500*time.Millisecond), w.editor)
}

const keys = 3

func (w *World) key() string { return fmt.Sprintf("example.com/k%d", w.rand.IntN(keys)) }

// trouble makes things go wrong, one after another.
func (w *World) trouble() {
	if w.calm {
		return
	}
	n := w.nodes[w.rand.IntN(len(w.nodes))]
	switch w.rand.IntN(5) {
	case 0: // cut some off, whichever
		for _, n := range w.nodes {
			w.groups[n.id] = w.rand.IntN(2)
		}
	case 1: // cut one off
		clear(w.groups)
		w.groups[n.id] = 1
	case 2:
		n.freeze(w.between(100*time.Millisecond, 9*time.Second))
	case 3:
		n.kill(w.rand.IntN(2) == 0)
	default:
		clear(w.groups)
	}
	w.after(w.between(300*time.Millisecond, 5*time.Second), w.trouble)
}

// peace ends all faults.
func (w *World) peace() {
	w.calm = true
	clear(w.groups)
	w.loss = 0
}

// carry brings something from one node to another, if the network lets it.
func (w *World) carry(from, to *node, deliver func()) {
	if w.groups[from.id] != w.groups[to.id] || w.rand.Float64() < w.loss {
		return
	}
	copies := 1
	if !w.calm && w.rand.IntN(10) == 0 {
		copies = 2
	}
	for range copies {
		delay := w.between(time.Millisecond, 40*time.Millisecond)
		if !w.calm && w.rand.IntN(12) == 0 {
			delay += w.between(0, 3*time.Second)
		}
		w.after(delay, func() { to.inbox(deliver) })
	}
}

func (w *World) find(id string) *node {
	for _, n := range w.nodes {
		if n.id == id {
			return n
		}
	}
	return nil
}

// settled checks that all nodes have the same in the end.
func (w *World) settled() {
	first := w.nodes[0]
	for _, n := range w.nodes {
		if !n.runs() || n.process == nil {
			w.fail("%s does not run in the end", n.id)
			return
		}
		if got, want := n.process.replica.Applied(), first.process.replica.Applied(); !got.Equal(want) {
			w.fail("%s has %v in the end, %s has %v", n.id, got, first.id, want)
		}
		if got, want := n.process.records.Index(), uint64(len(w.log)); got != want {
			w.fail("%s has the records up to %d in the end, the log goes to %d", n.id, got, want)
		}
		if n.process.replica.Isolated(w.now) || !n.process.replica.Ready() {
			w.fail("%s is isolated in the end", n.id)
		}
	}
}
