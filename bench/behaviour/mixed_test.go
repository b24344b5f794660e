package behaviour

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// breakersPause is the longest of a breaker by default.
const breakersPause = 5 * time.Second

// mixed is an upheaval that lasts, with an origin that is often ill.
type mixed struct {
	*upheaval
	*soak
	sick    *sick
	partial []string       // purges that had not everybody's receipt
	did     map[string]int // by what was done
}

// TestMixedLoad: readers over all three protocols, documents pushed, purges, quotas,
// nodes killed, frozen and started again, and an origin with every illness. Whatever
// some node has and may show is shown: no error but that of a connection to a process
// that was just killed. After it each node holds what it held before.
func TestMixedLoad(t *testing.T) {
	const readers, each = 16, 60 * time.Millisecond
	s := newSoak(t, 3*time.Second)
	if !s.long {
		t.Parallel()
	}
	docs := NewDocs(t, docsorigin.Options{Reread: 10 * time.Millisecond})
	sick := newSick(t, docs)
	perRegion := "2"
	if s.long && runtime.NumCPU() < 8 {
		// Nodes that look for races are several times as slow: six of them leave no leader
		// of the control log the half second within which it must be heard.
		perRegion = "1"
	}
	demo := s.edged.Demo(t, "--origin", sick.url(), "--nodes", perRegion)
	seed := rand.Uint64()
	t.Logf("seed %d, %d nodes", seed, len(demo.Nodes))
	m := &mixed{soak: s, sick: sick, did: map[string]int{}, upheaval: &upheaval{
		storm: newStorm(t, demo, docs), pusher: pusher{command(t, "edgectl"), demo}, t: t, random: rand.New(rand.NewPCG(seed, 1<<32)),
	}}
	m.ids, m.back = documents(m.paths), m.admits
	allReady(t, demo)
	first := postUpdate(t, m.pusher, docs.Dir) // nodes that look for races take their time
	Until(t, "the first push to be done", func() bool {
		return jsonField(t, m.admins[1].Do(t, "GET", "/v1/rollouts/"+first, "").Body, "state") == "done"
	})
	for _, a := range m.paths {
		for id, version := range a.Documents {
			m.ceilings.Store(id, version)
		}
	}
	m.quota() // its limiters start empty: before there are readers
	m.warm()
	before := m.rest()

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const more = 1 << 40
	m.left.Store(more)
	m.begin()
	var all sync.WaitGroup
	defer all.Wait()
	defer m.left.Store(0)
	for i := range readers {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		all.Go(func() {
			for m.left.Add(-1) >= 0 {
				if err := m.ask(ctx, random); err != nil {
					m.fail(err)
					return
				}
				pause(ctx, time.Duration(random.Int64N(int64(2*each))))
			}
		})
	}
	for !m.over() {
		for _, do := range m.acts() {
			if do(); m.over() {
				break
			}
		}
	}
	m.sure()
	m.sound()
	made := more - m.left.Swap(0)
	all.Wait()
	m.sound()
	shown, err := m.ledger.Audit(docs)
	require.NoError(t, err)
	t.Logf("%v: %d requests, %d hits, %d pushes done, %d kills, %d of them of the leader, %d different renderings, %d answers by a quota where a node was cut off; %v",
		m.lasts, made, m.hits.Load(), m.done, m.kills, m.deposed, shown, m.unspent.Load(), m.did)
	m.restored(before)
	m.noRaces()
	require.Greater(t, int(m.hits.Load()), int(made)/4, "the caches were at work")
}

// acts are everything that happens: first, in some order, what needs an origin that may
// be asked, then, in some order, its illnesses. What is purged everywhere while a
// breaker's pause runs nobody has and nobody fetches; so the last of them is waited for.
// Within the recovery that follows, who has nothing waits for a turn.
func (m *mixed) acts() []func() {
	act := func(name string, do func()) func() {
		return func() {
			m.did[name]++
			m.upheaval.t.Log(name)
			do()
			m.sound()
		}
	}
	shuffled := func(all []func()) []func() {
		m.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		return all
	}
	well := []func(){act("hard purges", func() {
		for range 5 {
			m.purged(Hard)
			m.pass(50)
		}
	})}
	ill := []func(){act("quota", m.quota)}
	for _, i := range m.sick.illnesses() {
		ill = append(ill, act("origin "+i.name, func() { m.ill(i) }))
	}
	if !m.long { // the other storms do the rest
		return shuffled(ill)
	}
	freezes := []func(){act("freeze for 2 s", func() { m.freeze(2 * time.Second) }), act("freeze for 8 s", func() { m.freeze(8 * time.Second) })}
	well = append(append(well, freezes...), act("push and kill", m.round))
	ill = append(ill, freezes...)
	return append(append(shuffled(well), shuffled(ill)...), act("the last pause", func() { pause(m.upheaval.t.Context(), breakersPause+time.Second) }))
}

// rest lets go of all readers' connections and returns what each node holds then.
func (m *mixed) rest() (all []vitals) {
	m.idle()
	return settled(m.upheaval.t, m.admins...)
}

func (m *mixed) idle() {
	for _, r := range m.readers {
		r.Idle()
	}
}

func (m *mixed) restored(before []vitals) {
	m.idle()
	for i, a := range m.admins {
		now := before[i].restored(m.upheaval.t, a, m.nodes[i].ID)
		m.upheaval.t.Logf("%s before: %v; after: %v", m.nodes[i].ID, before[i], now)
	}
}

// warm has every node have everything, in each form in which the storm asks for it.
func (m *mixed) warm() {
	t := m.upheaval.t
	for at, r := range m.readers {
		for _, a := range m.paths {
			for _, ask := range []Ask{{Target: a.Path}, {Target: a.Path, Fields: []string{"Accept-Language", "ja"}}, {Target: a.Path + "?lang=ja"}} {
				got := r.Must(t, Protos()[at%3], ask)
				require.Equal(t, http.StatusOK, got.Status, "%s %v: %s", m.nodes[at].ID, ask, got)
			}
		}
	}
}

// sure waits until nothing is under way that could take away what nodes have, and
// sees to it that each has everything.
func (m *mixed) sure() {
	t := m.upheaval.t
	allReady(t, m.demo)
	for _, id := range m.partial {
		Until(t, id+" to be complete", func() bool {
			return jsonField(t, m.admins[0].Do(t, "GET", "/v1/purges/"+id, "").Body, "state") == "complete"
		})
	}
	m.partial = nil
	m.warm()
}

// ill has the origin be ill for a while, in which copies grow stale and, sometimes, a
// node dies and comes back with nothing.
func (m *mixed) ill(i illness) {
	m.sure()
	i.begin()
	defer i.end()
	m.purged(Soft)
	if m.pass(100); !m.long {
		return
	}
	m.pass(100)
	if m.random.IntN(2) == 0 {
		m.bounce(m.random.IntN(len(m.nodes)), func() { m.pass(100) })
	}
	m.purged(Soft)
	m.pass(300)
}

// purged purges something, through a node that lives.
func (m *mixed) purged(mode string) {
	t := m.upheaval.t
	selectors, _ := m.selectors(m.random, m.ids[m.random.IntN(len(m.ids))])
	for _, selector := range selectors {
		body := fmt.Sprintf(`{"select":%s,"mode":%q,"force":true}`, selector, mode)
		r := m.admins[m.random.IntN(len(m.admins))].Do(t, "POST", "/v1/purges?wait=all&timeout=5s", body)
		require.Contains(t, []int{http.StatusOK, http.StatusGatewayTimeout}, r.Status, "%s: %s", body, r.Body)
		if r.Status != http.StatusOK {
			m.partial = append(m.partial, jsonField(t, r.Body, "purge"))
		}
	}
}

// round is a push with a kill; the purges within it are waited for before the origin
// is ill.
func (m *mixed) round() {
	m.upheaval.round()
	t := m.upheaval.t
	var list struct{ Items []Purge }
	r := m.admins[0].Do(t, "GET", "/v1/purges?limit=5", "")
	require.NoError(t, json.Unmarshal(r.Body, &list))
	for _, p := range list.Items {
		if p.State != "complete" && !slices.Contains(m.partial, p.Purge) {
			m.partial = append(m.partial, p.Purge)
		}
	}
}

// quota sets one that nobody comes to.
func (m *mixed) quota() {
	t := m.upheaval.t
	body := fmt.Sprintf(`{"rps":%d,"overflow":"stale"}`, 100_000+m.random.IntN(1000))
	Until(t, "a quota to be set", func() bool { // there may be no leader just now
		r := m.admins[m.random.IntN(len(m.admins))].Do(t, "PUT", "/v1/quotas/b2c", body)
		return r.Status == http.StatusOK || r.Status == http.StatusCreated
	})
}

// admits waits until a node that was away has its share of the quota again: until then
// it may not spend any, and says so to its readers, who are asked to come later.
func (m *mixed) admits(at int) {
	path := m.paths[slices.IndexFunc(m.paths, func(a Artifact) bool { return Name(a.Path).Segment == "b2c" })].Path
	Until(m.upheaval.t, m.nodes[at].ID+" to have a share", func() bool {
		ctx, cancel := context.WithTimeout(m.upheaval.t.Context(), 10*time.Second)
		defer cancel()
		r, err := m.readers[at].Do(ctx, H2, Ask{Target: path}) // the first may go to the process before
		return err == nil && r.Status == http.StatusOK && fmt.Sprint(r.CacheParam("detail")) != "quota"
	})
}

// freeze stops a node for that long. Its readers wait, and get copies.
func (m *mixed) freeze(d time.Duration) {
	t := m.upheaval.t
	m.sure()
	at := m.random.IntN(len(m.nodes))
	m.away[at].Store(true)
	defer m.away[at].Store(false)
	require.NoError(t, syscall.Kill(m.nodes[at].PID, syscall.SIGSTOP))
	pause(t.Context(), d)
	require.NoError(t, syscall.Kill(m.nodes[at].PID, syscall.SIGCONT))
	m.admits(at)
}
