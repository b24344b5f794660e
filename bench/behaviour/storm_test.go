package behaviour

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// storm is many readers of all nodes over all protocols, while an editor
// changes documents and purges what they are in.
type storm struct {
	docs    *Docs
	nodes   []*Node
	readers []*Readers
	admins  []*Admin
	paths   []Artifact
	ledger  *Ledger

	left atomic.Int64 // requests still to be made
	hits atomic.Int64
	// unspent counts answers of nodes that were cut off, by what they had left of a quota.
	unspent atomic.Int64
	pulse   chan struct{} // a value for every so many requests
	floors  []sync.Map    // by node: document → the least version that it may show
	// ceilings: document → the highest version that anybody may show; one that is
	// not there has none.
	ceilings sync.Map
	// lives counts a node's ends and starts: it is odd while the node is dead.
	lives []atomic.Int64
	// away is a node that is not asked, though it lives.
	away []atomic.Bool

	mu     sync.Mutex // guards failed
	failed error
}

// requests is how many a storm makes: LETTEREDGE_REQUESTS, as .ci/run has it, or
// as many as show what goes wrong often.
func requests(t *testing.T) int {
	t.Helper()
	text := os.Getenv("LETTEREDGE_REQUESTS")
	if text == "" {
		return 8_000
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "LETTEREDGE_REQUESTS")
	return n
}

// TestStorm: many randomised requests at a time, of which none gets another segment's
// content, a mixture of versions, or what a purge that had returned has purged.
func TestStorm(t *testing.T) {
	requests, readers := requests(t), 32
	docs := NewDocs(t, docsorigin.Options{Reread: 10 * time.Millisecond})
	docs.Faults.Set(docsorigin.EveryPath, docsorigin.Fault{Delay: 2 * time.Millisecond})
	demo := edged.Demo(t, "--origin", docs.URL)
	s := newStorm(t, demo, docs)
	s.left.Store(int64(requests))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)

	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	var all, editing sync.WaitGroup
	for i := range readers {
		all.Go(func() { s.read(ctx, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	purges, done := 0, make(chan struct{})
	editing.Go(func() { purges = s.edit(t, rand.New(rand.NewPCG(seed, 1<<32)), done) })
	all.Wait()
	close(done)
	editing.Wait()
	require.NoError(t, s.failed)

	docs.Faults.Reset()
	shown, err := s.ledger.Audit(docs)
	require.NoError(t, err)
	t.Logf("%d requests, %d hits, %d purges, %d different renderings", requests, s.hits.Load(), purges, shown)
	require.Greater(t, int(s.hits.Load()), requests/4, "the caches were at work")
	require.Greater(t, purges, requests/2000, "the editor was at work")
	require.Greater(t, shown, len(s.paths), "readers saw new versions")
}

func newStorm(t *testing.T, demo *Demo, docs *Docs) *storm {
	index := Index(t, docs.URL)
	s := &storm{
		docs: docs, nodes: demo.Nodes, paths: slices.Concat(index, Summaries(index)), ledger: NewLedger(),
		pulse: make(chan struct{}, 1), floors: make([]sync.Map, len(demo.Nodes)), lives: make([]atomic.Int64, len(demo.Nodes)), away: make([]atomic.Bool, len(demo.Nodes)),
	}
	for _, n := range demo.Nodes {
		s.readers = append(s.readers, n.Readers(t))
		s.admins = append(s.admins, n.Administer(t))
	}
	return s
}

// read asks until enough requests have been made.
func (s *storm) read(ctx context.Context, random *rand.Rand) {
	for {
		left := s.left.Add(-1)
		if left < 0 {
			return
		}
		if left%200 == 0 {
			select {
			case s.pulse <- struct{}{}:
			default:
			}
		}
		if err := s.ask(ctx, random); err != nil {
			s.fail(err)
			return
		}
	}
}

// fail keeps the first error and ends the storm.
func (s *storm) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = err
	}
	s.left.Store(0)
}

// alive picks a node that may be asked, and tells the life that it is in: whoever is
// killed after that is in another.
func (s *storm) alive(random *rand.Rand) (at int, life int64) {
	for {
		at = random.IntN(len(s.nodes))
		if life = s.lives[at].Load(); life%2 == 0 && !s.away[at].Load() {
			return at, life
		}
	}
}

// ask makes one random request and checks its answer.
func (s *storm) ask(ctx context.Context, random *rand.Rand) error {
	at, life := s.alive(random)
	proto := Protos()[random.IntN(3)]
	a := s.paths[random.IntN(len(s.paths))]
	want := 200
	if random.IntN(50) == 0 { // an artifact of another segment, by the same name
		n := Name(a.Path)
		a.Path = strings.Replace(a.Path, "/"+n.Segment+"/", "/absent/", 1)
		want = 404
	}
	asked, lang := "en", "en"
	ask := Ask{Method: "GET", Target: a.Path}
	if random.IntN(3) == 0 {
		asked = "ja"
		if slices.Contains(a.Languages, "ja") {
			lang = "ja"
		}
		if random.IntN(2) == 0 {
			ask.Target += "?lang=ja"
		} else {
			ask.Fields = []string{"Accept-Language", "ja"}
		}
	}
	etag := ""
	switch random.IntN(10) {
	case 0:
		ask.Method = "HEAD"
	case 1:
		if etag = s.ledger.LastOf(a.Path, asked); etag != "" {
			ask.Fields = append(ask.Fields, "If-None-Match", etag)
		}
	}
	// What is read before the request is sent must hold of its answer.
	floor := s.floorOf(at)
	r, err := s.readers[at].Do(ctx, proto, ask)
	if err != nil && life > 0 { // over a connection to the process before, perhaps
		r, err = s.readers[at].Do(ctx, proto, ask)
	}
	where := fmt.Sprintf("%s %s %v at %s over %s", ask.Method, ask.Target, ask.Fields, s.nodes[at].ID, proto)
	if err != nil {
		if s.lives[at].Load() != life {
			return nil // it was killed
		}
		return fmt.Errorf("%s: %w", where, err)
	}
	if r.Header.Get("Edge-Degraded") == "isolated" {
		floor = nil // by its last known target, and it says so
	}
	if r.Hit() {
		s.hits.Add(1)
	}
	switch {
	case r.Status == 429 && r.Header.Get("Edge-Degraded") == "isolated":
		// Without word from most of the voters it may spend nothing, and has no copy.
		s.unspent.Add(1)
		return nil
	case r.Status == 304 && etag != "":
		if got := r.Header.Get("ETag"); got != etag {
			return fmt.Errorf("%s: a 304 with the ETag %s", where, got)
		}
		return s.check(where, floor, s.ledger.VersionsOf(a.Path, etag))
	case r.Status != want:
		return fmt.Errorf("%s: want %d, got %s", where, want, r)
	case want == 404:
		return nil
	case ask.Method == "GET":
		if err := s.ledger.Enter(a.Path, asked, lang, r); err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
	}
	return s.check(where, floor, r.Header.Get("Docs-Version"))
}

// check holds the versions of an answer against the floors that were in force
// before it was asked for.
func (s *storm) check(where string, floor map[string]int64, versions string) error {
	for id, text := range VersionsOf(versions) {
		version, err := strconv.ParseInt(text, 10, 64)
		if least := floor[id]; err != nil || version < least {
			return fmt.Errorf("%s: has %s, though %s was at least %d everywhere before it was asked", where, versions, id, least)
		}
		if most, bounded := s.ceilings.Load(id); bounded && version > most.(int64) {
			return fmt.Errorf("%s: has %s, though no more than %s=%d was pushed", where, versions, id, most)
		}
	}
	return nil
}

// floorOf returns the least version of each document that a node may still
// show.
func (s *storm) floorOf(at int) map[string]int64 {
	floor := map[string]int64{}
	s.floors[at].Range(func(id, version any) bool {
		floor[id.(string)] = version.(int64)
		return true
	})
	return floor
}

// edit raises documents and purges them, through any node, by all kinds of
// selectors, hard and soft, until done. What is purged has gone from every node
// that has said so.
func (s *storm) edit(t *testing.T, random *rand.Rand, done <-chan struct{}) (purges int) {
	ids := documents(s.paths)
	for {
		select {
		case <-done:
			return purges
		case <-s.pulse:
		}
		id := ids[random.IntN(len(ids))]
		version := s.docs.Raise(t, id)
		admin := s.admins[random.IntN(len(s.admins))]
		mode := Hard
		if random.IntN(4) == 0 {
			mode = Soft
		}
		selectors, whole := s.selectors(random, id)
		applied := map[string]int{}
		for _, selector := range selectors {
			p, err := admin.TryPurge(t.Context(), selector, mode)
			if err != nil {
				s.fail(err)
				return purges
			}
			for _, n := range p.Nodes {
				if n.State == "applied" {
					applied[n.ID]++
				}
			}
			purges++
		}
		for at, n := range s.nodes {
			if mode == Hard && whole && applied[n.ID] == len(selectors) {
				s.floors[at].Store(id, version)
			}
		}
	}
}

// selectors are purges that together hit every artifact that a document is in;
// whole is false where one of them is known not to.
func (s *storm) selectors(random *rand.Rand, id string) (all []string, whole bool) {
	switch random.IntN(12) {
	case 0:
		return []string{`{"all":true}`}, true
	case 1, 2:
		for _, segment := range []string{"b2b", "b2c", "enterprise"} {
			all = append(all, fmt.Sprintf(`{"segment":%q}`, segment))
		}
		return all, true
	case 3, 4:
		for _, a := range s.paths {
			if _, in := a.Documents[id]; in || strings.HasSuffix(a.Path, "/summary") {
				all = append(all, a.Path)
			}
		}
		return []string{`{"keys":["` + strings.Join(all, `","`) + `"]}`}, true
	case 5:
		return []string{`{"prefix":"/v1/segments/"}`}, true
	case 6:
		return []string{`{"tags":["kind:cta","kind:proof","kind:campaign","kind:summary"]}`}, true
	case 7: // other things, and a host that nobody has
		return []string{`{"tags":["doc:unknown"]}`, `{"host":"elsewhere.example"}`, `{"keys":["elsewhere.example/x"]}`}, false
	default:
		return []string{fmt.Sprintf(`{"tags":["doc:%s"]}`, id)}, true
	}
}

// documents lists all documents that artifacts are rendered from.
func documents(paths []Artifact) []string {
	var ids []string
	for _, a := range paths {
		for id := range a.Documents {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
