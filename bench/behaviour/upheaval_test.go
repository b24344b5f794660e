package behaviour

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// upheaval is a storm of readers while documents are pushed and purged, and nodes
// are killed and started again.
type upheaval struct {
	*storm
	pusher
	t       *testing.T
	random  *rand.Rand
	ids     []string
	kills   int
	deposed int          // kills of the node that led
	done    int          // pushes that reached everybody
	back    func(at int) // waits until a node that was started again may be asked; nil for at once
}

// TestUpheaval: randomised requests over all nodes and protocols while documents
// are pushed and purged and nodes are killed, the leader among them; at the end the
// origin is dead, too. Nobody gets another segment's content, two versions in one
// Summary, what was not pushed, what everybody has left behind, or an error for
// what some node has.
func TestUpheaval(t *testing.T) {
	requests, readers := int64(requests(t)), 24
	const more = 1 << 40 // they go on until all has happened
	docs := NewDocs(t, docsorigin.Options{Reread: 10 * time.Millisecond})
	demo := edged.Demo(t, "--origin", docs.URL)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	u := &upheaval{
		storm: newStorm(t, demo, docs), pusher: pusher{command(t, "edgectl"), demo}, t: t, random: rand.New(rand.NewPCG(seed, 1<<32)),
	}
	u.ids = documents(u.paths)
	allReady(t, demo)
	exit, last := u.push(t, docs.Dir)
	require.Zero(t, exit, "%+v", last)
	for _, a := range u.paths {
		for id, version := range a.Documents {
			u.ceilings.Store(id, version)
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	u.left.Store(more)
	var all sync.WaitGroup
	defer all.Wait()
	defer u.left.Store(0)
	for i := range readers {
		all.Go(func() { u.read(ctx, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	for more-u.left.Load() < requests/2 || u.done < 1+int(requests/60_000) || u.deposed == 0 {
		u.round()
		u.sound()
	}
	allReady(t, demo)
	for _, r := range u.readers {
		for _, a := range u.paths {
			for _, lang := range []string{"en", "ja"} {
				require.Equal(t, http.StatusOK, r.Get(t, H1, a.Path, "Accept-Language", lang).Status)
			}
		}
	}
	docs.Faults.Set(docsorigin.EveryPath, docsorigin.Fault{Abort: true})
	for bounced := 0; more-u.left.Load() < requests || bounced < 3; bounced++ {
		u.bounce(u.random.IntN(len(u.nodes)), func() { u.pass(200) })
		u.pass(requests / 4)
		u.sound()
	}
	made := more - u.left.Swap(0)
	all.Wait()
	u.sound()
	docs.Faults.Reset()
	shown, err := u.ledger.Audit(docs)
	require.NoError(t, err)
	t.Logf("%d requests, %d hits, %d pushes done, %d kills, %d of them of the leader, %d different renderings", made, u.hits.Load(), u.done, u.kills, u.deposed, shown)
	require.Greater(t, int(u.hits.Load()), int(requests)/4, "the caches were at work")
	require.Positive(t, u.deposed, "the leader was killed, too")
}

// sound fails the test if a reader got what nobody may get.
func (u *upheaval) sound() {
	u.t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	require.NoError(u.t, u.failed)
}

// pass waits until that many requests have been made, or all.
func (u *upheaval) pass(requests int64) {
	until := max(0, u.left.Load()-requests)
	Until(u.t, "readers to go on", func() bool { return u.left.Load() <= until })
}

// bounce kills a node, and starts it again after meanwhile.
func (u *upheaval) bounce(at int, meanwhile func()) {
	u.t.Helper()
	u.lives[at].Add(1)
	kill(u.t, u.nodes[at])
	u.kills++
	meanwhile()
	u.nodes[at].PID = byHand(u.t, u.nodes[at]).PID
	if u.back != nil {
		u.back(at)
	}
	u.lives[at].Add(1)
}

// round pushes some documents, and kills a node and purges while they travel.
func (u *upheaval) round() {
	t := u.t
	pushed := map[string]int64{}
	for range 1 + u.random.IntN(3) {
		id := u.ids[u.random.IntN(len(u.ids))]
		pushed[id] = u.docs.Raise(t, id)
	}
	u.pass(100)
	for id, version := range pushed {
		u.ceilings.Store(id, version)
	}
	rollout := postUpdate(t, u.pusher, u.docs.Dir)
	victim := u.random.IntN(len(u.nodes))
	u.pass(int64(u.random.IntN(1000)))
	if u.deposed*2 <= u.done { // the leader is among them
		if at := u.leader(); at >= 0 {
			victim = at
			u.deposed++
		}
	}
	u.bounce(victim, func() {
		u.purge((victim + 1 + u.random.IntN(len(u.nodes)-1)) % len(u.nodes))
		u.pass(500)
	})
	var got rolledOut
	Until(t, "the end of "+rollout, func() bool {
		r, err := u.admins[u.random.IntN(len(u.admins))].Try(t.Context(), "GET", "/v1/rollouts/"+rollout, "")
		if err != nil || r.Status != http.StatusOK {
			return false // not known there yet
		}
		got = rolledOut{}
		require.NoError(t, json.Unmarshal(r.Body, &got))
		return slices.Contains([]string{"done", "undone"}, got.State)
	})
	if got.State != "done" {
		t.Logf("%s: %s: %s", rollout, got.State, got.Reason)
		return
	}
	u.done++
	for id, version := range pushed {
		for at := range u.floors {
			u.floors[at].Store(id, version)
		}
	}
}

// leader is the node that leads the control log; -1 while there is none.
func (u *upheaval) leader() int {
	return slices.IndexFunc(u.admins, func(a *Admin) bool { return a.Metric(u.t, "letteredge_control_leader") == 1 })
}

// purge purges something through a node, which may not reach all of them.
func (u *upheaval) purge(at int) {
	selectors := []string{
		fmt.Sprintf(`{"tags":["doc:%s"]}`, u.ids[u.random.IntN(len(u.ids))]), `{"segment":"b2b"}`, `{"all":true}`, `{"prefix":"/v1/segments/b2c/"}`,
	}
	body := fmt.Sprintf(`{"select":%s,"mode":%q,"force":true}`, selectors[u.random.IntN(len(selectors))], []string{Hard, Soft}[u.random.IntN(2)])
	r := u.admins[at].Do(u.t, "POST", "/v1/purges?wait=all&timeout=300ms", body)
	require.Contains(u.t, []int{http.StatusOK, http.StatusGatewayTimeout}, r.Status, "%s: %s", body, r.Body)
}
