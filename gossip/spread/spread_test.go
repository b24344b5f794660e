package spread

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/letteros/letteredge/gossip"
)

// rig is a Replica with everything around it in memory.
type rig struct {
	*Replica
	self      gossip.Member
	now       time.Time
	sent      map[string][][]byte
	broadcast [][]byte
	log       map[gossip.Dot][]byte
	order     []gossip.Dot
	delivered map[gossip.Dot]string
	clamped   int
	index     uint64
	fail      error // of the log
	unusable  bool
	applying  func(gossip.Dot) error // called while a purge is in effect and Deliver has not returned
	clamping  func()                 // called while the cache is empty and Clamp has not returned
}

func newRig(t require.TestingT, node string, voters ...string) *rig {
	r := &rig{
		self: gossip.Member{Cluster: "c", Region: node[:1], Node: node, Incarnation: 1}, now: time.Unix(1e9, 0),
		sent: map[string][][]byte{}, log: map[gossip.Dot][]byte{}, delivered: map[gossip.Dot]string{}, index: 5,
	}
	var err error
	r.Replica, err = New(Config{
		Self: r.self, Voters: voters, Keep: 8, Now: func() time.Time { return r.now }, Rand: rand.New(rand.NewPCG(1, 1)),
		Enrolled: func() uint64 { return 5 }, Known: func() []Peer { return nil },
	}, Deps{Transport: r, Log: r, Applier: r, Feed: r, Signer: plain{r.self}, Verifier: plain{r.self}})
	require.NoError(t, err)
	return r
}

func (r *rig) Send(to string, m []byte) { r.sent[to] = append(r.sent[to], m) }
func (r *rig) Broadcast(m []byte)       { r.broadcast = append(r.broadcast, m) }
func (r *rig) Append(d gossip.Dot, e []byte) error {
	if r.fail != nil {
		return r.fail
	}
	if _, known := r.log[d]; !known {
		r.log[d] = e
		r.order = append(r.order, d)
	}
	return nil
}
func (r *rig) Skip(gossip.Source, uint64) error { return nil }
func (r *rig) Replay(func(gossip.Vector), func(gossip.Dot, []byte) error) error {
	return nil
}
func (r *rig) Deliver(d gossip.Dot, p []byte) error {
	if r.unusable {
		return ErrUnusable
	}
	r.delivered[d] = string(p)
	if r.applying != nil {
		return r.applying(d)
	}
	return nil
}
func (r *rig) Observe(Report) {}
func (r *rig) Clamp(string) {
	r.clamped++
	if r.clamping != nil {
		r.clamping()
	}
}
func (r *rig) Index() uint64                      { return r.index }
func (r *rig) Since(uint64, int) ([]byte, uint64) { return []byte("{}"), r.index }
func (r *rig) Merge([]byte) error                 { r.index = 9; return nil }

// plain signs by name.
type plain struct{ who gossip.Member }

func (p plain) Certificate() []byte           { return []byte(p.who.Node) }
func (p plain) Sign(m []byte) ([]byte, error) { return append([]byte(p.who.Node), m[len(m)-1]), nil }
func (p plain) Verify(c, m, s []byte) (gossip.Member, error) {
	if string(s) != string(c)+string(m[len(m)-1:]) {
		return gossip.Member{}, gossip.ErrForged
	}
	if string(c) == "stranger" {
		return gossip.Member{}, gossip.ErrForeign
	}
	return gossip.Member{Cluster: "c", Region: string(c[:1]), Node: string(c)}, nil
}

// sealedBy is a message with a payload that a node has signed.
func sealedBy(t require.TestingT, kind gossip.Kind, from gossip.Member, seq uint64, payload string) []byte {
	e := gossip.Envelope{Kind: kind, From: from, Seq: seq, Payload: []byte(payload)}
	require.NoError(t, e.Seal(plain{from}))
	wire, err := e.MarshalBinary()
	require.NoError(t, err)
	return encode(part{partEnvelope, wire})
}

var other = gossip.Member{Cluster: "c", Region: "a", Node: "a2", Incarnation: 7}

func TestPublishIsDurableFirst(t *testing.T) {
	r := newRig(t, "a1", "a1")
	r.SetPeers([]Neighbour{{Peer{ID: "a2", Region: "a"}, true}, {Peer{ID: "b1", Region: "b"}, true}, {Peer{ID: "b2", Region: "b"}, true}})
	r.fail = errors.New("disk full")
	_, err := r.Publish([]byte("one"))
	require.ErrorIs(t, err, r.fail)
	require.Empty(t, r.sent)
	require.Empty(t, r.delivered)

	// Its number stays its own: it comes into effect with the next.
	r.fail = nil
	dot, err := r.Publish([]byte("two"))
	require.NoError(t, err)
	require.Equal(t, gossip.Dot{Node: "a1", Incarnation: 1, Seq: 2}, dot)
	require.Equal(t, map[gossip.Dot]string{{Node: "a1", Incarnation: 1, Seq: 1}: "one", dot: "two"}, r.delivered)
	require.NotEmpty(t, r.sent["a2"])
	require.True(t, r.Applied().Covers(dot))
	gateways := 0
	for _, m := range slices.Concat(r.sent["b1"], r.sent["b2"]) {
		parts, err := decode(m)
		require.NoError(t, err)
		gateways += len(parts) - 1
	}
	require.Equal(t, 2, gateways, "one gateway of a region for each of the two purges")
}

func TestWhatIsNotBelieved(t *testing.T) {
	r := newRig(t, "a1", "a1", "b1", "c1")
	good := sealedBy(t, gossip.KindPurge, other, 1, "x")
	forged := slices.Clone(good)
	forged[len(forged)-1]++
	r.Receive("a2", forged)
	require.Equal(t, uint64(1), r.Stats().Forged)
	stranger := gossip.Member{Cluster: "c", Region: "s", Node: "stranger", Incarnation: 1}
	r.Receive("a2", sealedBy(t, gossip.KindPurge, stranger, 1, "x"))
	require.Equal(t, uint64(1), r.Stats().Foreign)
	r.Receive("a2", sealedBy(t, gossip.KindRecords, other, 1, "{}"))
	require.Equal(t, uint64(2), r.Stats().Forged, "records are voters' to tell")
	require.Equal(t, uint64(5), r.index)
	r.Receive("a2", []byte{9, 9})
	r.Receive("", encode(part{partProbe, make([]byte, 8)}))
	require.Equal(t, uint64(2), r.Stats().Malformed, "a broadcast asks for nothing")
	require.Empty(t, r.delivered)

	r.Receive("a2", good)
	r.Receive("a2", good)
	require.Equal(t, uint64(1), r.Stats().Replayed)
	require.Len(t, r.delivered, 1)
	require.Equal(t, uint64(1), r.Stats().Purges)
	r.Receive("a2", encode(part{200, nil}))
	require.Equal(t, uint64(1), r.Stats().Unknown)
	r.fail = errors.New("disk full")
	r.Receive("a2", sealedBy(t, gossip.KindPurge, other, 2, "x"))
	require.Equal(t, uint64(1), r.Stats().Failed)
	r.fail = nil
	// A node's own purges come from no one else.
	r.Receive("a2", sealedBy(t, gossip.KindPurge, r.self, 9, "x"))
	require.Len(t, r.delivered, 1)
}

func TestUnreadablePurgesEmptyTheCache(t *testing.T) {
	r := newRig(t, "a1", "a1")
	r.unusable = true
	r.Receive("a2", sealedBy(t, gossip.KindPurge, other, 1, "of a later release"))
	require.Equal(t, 1, r.clamped)
	require.Equal(t, uint64(1), r.Stats().Clamped)
	require.True(t, r.Applied().Covers(gossip.Dot{Node: "a2", Incarnation: 7, Seq: 1}), "and that is as good as carried out")
}

// A purge that comes before its predecessor is in effect, is not yet in what the
// node says it has, and is in what an owner is told.
func TestOutOfTurn(t *testing.T) {
	r := newRig(t, "a1", "a1")
	r.Receive("a2", sealedBy(t, gossip.KindPurge, other, 2, "two"))
	two := gossip.Dot{Node: "a2", Incarnation: 7, Seq: 2}
	require.Contains(t, r.delivered, two)
	require.False(t, r.Applied().Covers(two))
	require.True(t, r.Horizon().Covers(two))
	r.Receive("a2", sealedBy(t, gossip.KindPurge, other, 1, "one"))
	require.True(t, r.Applied().Covers(two))
}

// A fill that begins when a purge is in effect, and Deliver has not returned, names
// it already: an owner that has not heard of it would answer from before it, and
// what it gives would count as fetched after it.
func TestHorizonNamesWhatIsBeingApplied(t *testing.T) {
	r := newRig(t, "a1", "a1")
	var full error
	r.applying = func(d gossip.Dot) error {
		require.True(t, r.Horizon().Covers(d), d)
		require.False(t, r.Applied().Covers(d), "it does not answer for it yet")
		return full
	}
	_, err := r.Publish([]byte("own"))
	require.NoError(t, err)
	r.Receive("a2", sealedBy(t, gossip.KindPurge, other, 1, "of another"))
	require.Len(t, r.delivered, 2)

	full = errors.New("disk full")
	_, err = r.Publish([]byte("own"))
	require.ErrorIs(t, err, full)
	r.Receive("a2", sealedBy(t, gossip.KindPurge, other, 2, "of another"))
	require.True(t, r.Horizon().Equal(r.Applied()), "what did not come into effect is not named")

	r.clamping = func() {
		require.True(t, r.Horizon().Covers(gossip.Dot{Node: "a2", Incarnation: 7, Seq: 9}), "nor is an emptied cache filled from before what it was emptied for")
	}
	r.Receive("b1", encode(jsonPart(partSkipped, skipped{gossip.Vector{other.Source(): 9}})))
	require.Equal(t, 1, r.clamped)
	require.True(t, r.Horizon().Equal(r.Applied()))
}

// What two nodes have becomes the same by one exchange, whatever it was.
func TestRepair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := newRig(t, "a1", "a1"), newRig(t, "b1", "a1")
		for seq := uint64(1); seq <= 6; seq++ {
			for _, r := range []*rig{a, b} {
				if rapid.Bool().Draw(t, "has") {
					r.Receive("x", sealedBy(t, gossip.KindPurge, other, seq, "p"))
				}
			}
		}
		for range 4 {
			a.mu.Lock()
			question := encode(a.digest(true))
			a.mu.Unlock()
			b.Receive("a1", question)
			pump(a, b)
		}
		require.Equal(t, b.delivered, a.delivered)
		require.True(t, a.Applied().Equal(b.Applied()))
	})
}

// pump carries what two nodes have to say to each other.
func pump(a, b *rig) {
	for len(b.sent["a1"])+len(a.sent["b1"]) > 0 {
		to, back := b.sent["a1"], a.sent["b1"]
		b.sent["a1"], a.sent["b1"] = nil, nil
		for _, m := range to {
			a.Receive("b1", m)
		}
		for _, m := range back {
			b.Receive("a1", m)
		}
	}
}

// A node that lacks what nobody keeps any more empties its cache and goes on.
func TestWhatNobodyKeeps(t *testing.T) {
	a, b := newRig(t, "a1", "a1"), newRig(t, "b1", "a1")
	for seq := uint64(1); seq <= 20; seq++ { // a keeps 8
		a.Receive("x", sealedBy(t, gossip.KindPurge, other, seq, "p"))
	}
	b.mu.Lock()
	question := encode(b.digest(true))
	b.mu.Unlock()
	a.Receive("b1", question)
	pump(a, b)
	require.Equal(t, 1, b.clamped)
	require.Equal(t, uint64(1), b.Stats().Clamped)
	require.Positive(t, a.Stats().Repaired)
	require.True(t, b.Applied().Equal(a.Applied()))
	require.Len(t, b.delivered, 8)
}

// A watermark counts from its probe, once nothing that it names is missing.
func TestWatermarks(t *testing.T) {
	r := newRig(t, "a1", "v1", "v2", "v3")
	require.True(t, r.Isolated(r.now))
	probe := func() uint64 {
		r.sent = map[string][][]byte{}
		r.probeAt = time.Time{}
		r.Tick()
		parts, err := decode(r.sent["v1"][0])
		require.NoError(t, err)
		var nonce uint64
		for _, b := range parts[0].data {
			nonce = nonce<<8 | uint64(b)
		}
		return nonce
	}
	seq := uint64(0)
	answer := func(voter string, nonce uint64, applied gossip.Vector, index uint64) {
		seq++
		said := Report{Applied: applied, Index: index, Echo: map[string]uint64{"a1": nonce}}
		payload, err := said.AppendBinary(nil)
		require.NoError(t, err)
		r.Receive(voter, sealedBy(t, gossip.KindReport, gossip.Member{Cluster: "c", Region: "v", Node: voter, Incarnation: 3}, seq, string(payload)))
	}
	nonce, asked := probe(), r.now
	r.now = r.now.Add(2 * time.Second) // the answers were long under way
	answer("v1", nonce, nil, 5)
	require.True(t, r.Isolated(r.now), "one of three")
	answer("v2", nonce+1, nil, 5)
	require.True(t, r.Isolated(r.now), "an answer to nothing that was asked")
	answer("v2", nonce, nil, 5)
	require.False(t, r.Isolated(r.now))
	require.True(t, r.Ready())
	require.False(t, r.Isolated(asked.Add(IsolatedAfter)))
	require.True(t, r.Isolated(asked.Add(IsolatedAfter+1)), "five seconds from when it asked")
	held, within := r.Held(r.now.Add(time.Second))
	require.True(t, within)
	require.Equal(t, time.Second, held, "since it knew, not since it asked")
	_, within = r.Held(asked.Add(IsolatedAfter + 1))
	require.False(t, within)

	// One that names something missing does not count, until it is there.
	r.now = r.now.Add(4 * time.Second)
	nonce = probe()
	lacking := gossip.Vector{other.Source(): 1}
	answer("v1", nonce, lacking, 5)
	answer("v2", nonce, lacking, 5)
	require.True(t, r.Isolated(r.now))
	r.Receive("v1", sealedBy(t, gossip.KindPurge, other, 1, "p"))
	require.False(t, r.Isolated(r.now))
	// So with records.
	r.now = r.now.Add(6 * time.Second)
	nonce = probe()
	answer("v1", nonce, nil, 9)
	answer("v3", nonce, nil, 9)
	require.True(t, r.Isolated(r.now))
	r.Receive("v1", sealedBy(t, gossip.KindRecords, gossip.Member{Cluster: "c", Region: "v", Node: "v1", Incarnation: 3}, 9, "{}"))
	require.False(t, r.Isolated(r.now))
}

// A voter that has just started may know less of the control log than its former
// process had acknowledged: it vouches for nothing before its own beginning is in it.
func TestAVoterVouchesForNothingAtFirst(t *testing.T) {
	r := newRig(t, "a1", "a1", "b1")
	r.SetPeers([]Neighbour{{Peer{ID: "b1", Region: "b"}, true}})
	var enrolled uint64
	r.cfg.Enrolled = func() uint64 { return enrolled }
	r.Tick()
	echoes := func() bool {
		r.sent = map[string][][]byte{}
		r.Receive("b1", encode(part{partProbe, []byte{0, 0, 0, 0, 0, 0, 0, 7}}))
		r.Tick()
		for _, m := range r.sent["b1"] {
			parts, err := decode(m)
			require.NoError(t, err)
			for _, p := range parts {
				var e gossip.Envelope
				if p.kind != partEnvelope || e.UnmarshalBinary(p.data) != nil {
					continue
				}
				rep, err := readReport(&e, nil)
				require.NoError(t, err)
				if rep.Echo["b1"] == 7 {
					return true
				}
			}
		}
		return false
	}
	require.False(t, echoes(), "not enrolled")
	enrolled = 6
	require.False(t, echoes(), "enrolled, and the records before that are not all here")
	r.index = 6
	require.True(t, echoes())
}

// Whatever order purges of a source come in, each once or more: the prefix is
// what has no gap, and nothing is forgotten but the oldest.
func TestHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory(1000, 1<<20)
		s := gossip.Source{Node: "a", Incarnation: 1}
		has := map[uint64]bool{}
		for range rapid.IntRange(1, 40).Draw(t, "n") {
			seq := rapid.Uint64Range(1, 20).Draw(t, "seq")
			if rapid.IntRange(0, 9).Draw(t, "skip") == 0 {
				h.skip(s, seq)
				for i := uint64(1); i <= seq; i++ {
					has[i] = true
				}
				continue
			}
			h.add(gossip.Dot{Node: "a", Incarnation: 1, Seq: seq}, []byte{byte(seq)})
			has[seq] = true
		}
		prefix := uint64(0)
		for has[prefix+1] {
			prefix++
		}
		require.Equal(t, prefix, h.vector[s])
		for seq := uint64(1); seq <= 21; seq++ {
			require.Equal(t, has[seq], h.has(gossip.Dot{Node: "a", Incarnation: 1, Seq: seq}), seq)
		}
	})
}

func FuzzMessage(f *testing.F) {
	f.Add(encode(part{partProbe, make([]byte, 8)}, part{partFanOut, nil}))
	f.Add(sealedBy(f, gossip.KindPurge, other, 1, "x"))
	f.Add(encode(part{partDigest, []byte{1, 5, 1, 0, 0}}, jsonPart(partSkipped, skipped{gossip.Vector{other.Source(): 3}})))
	f.Fuzz(func(t *testing.T, message []byte) {
		r := newRig(t, "a1", "a1")
		r.Receive("a2", message)
		r.Receive("", message)
		r.Tick()
	})
}
