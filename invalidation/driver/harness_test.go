package driver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation/rollout"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// log is a control log in memory, with as many readers as one likes.
type log struct {
	mu      sync.Mutex
	index   uint64
	records *gossip.Records
	down    bool // no quorum
	// downAt, if set, ends the quorum with the write that makes a rollout so.
	downAt func(rollout.Rollout) bool
}

var errDown = errors.New("no quorum")

func (l *log) Update(_ context.Context, keys []string, compute func(map[string]gossip.Record) (gossip.Txn, error)) (gossip.Outcome, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return gossip.Outcome{}, errDown
	}
	now := map[string]gossip.Record{}
	for _, key := range keys {
		if r, ok := l.records.Get(key); ok {
			now[key] = r
		}
	}
	txn, err := compute(now)
	if err == nil {
		err = txn.Validate()
	}
	if err != nil || len(txn.Puts) == 0 {
		return gossip.Outcome{}, err
	}
	l.index++
	for _, p := range txn.Puts {
		r, err := rollout.ReadRollout(gossip.Record{Key: p.Key, Value: p.Value})
		if l.downAt != nil && strings.HasPrefix(p.Key, rollout.RolloutKey) && err == nil && l.downAt(r) {
			l.down, l.downAt = true, nil
		}
	}
	return l.records.Apply(l.index, txn), nil
}

// key signs by a hash: what is tested is what is signed.
type key string

func (k key) Sign(message []byte) ([]byte, error) {
	sum := sha256.Sum256(append([]byte(k), message...))
	return sum[:], nil
}
func (k key) Certificate() []byte { return []byte(k) }
func (k key) Verify(certificate, message, signature []byte) (gossip.Member, error) {
	want, _ := key(certificate).Sign(message)
	if !bytes.Equal(want, signature) {
		return gossip.Member{}, gossip.ErrForged
	}
	return gossip.Member{Cluster: "c", Region: region(string(certificate)), Node: string(certificate)}, nil
}

func region(node string) string { r, _, _ := strings.Cut(node, "-"); return r }

// edge is a node: what it shows is what its targets say, of what it has filled.
type edge struct {
	id      string
	targets *rollout.Targets
	worker  *Worker
	origin  *origin

	mu     sync.Mutex
	filled map[string][]byte // by text and vector; guarded by mu
	shown  []string          // vectors that readers have seen of the CTA, in order; guarded by mu
	broken bool              // fails every fill; guarded by mu
}

func slot(key cachekey.Key, vector string) string { return key.Text + " " + vector }

func (e *edge) Fill(ctx context.Context, key cachekey.Key, targets *rollout.Snapshot) error {
	if e.origin.hangs.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	vector, _ := targets.Target(key)
	body, err := e.origin.render(key, vector)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.broken {
		return errors.New("disk on fire")
	}
	e.filled[slot(key, vector)] = body
	return nil
}

func (e *edge) Get(_ context.Context, target, field string) (Reply, error) {
	key, err := cachekey.ParseText(target)
	if err != nil {
		return Reply{}, err
	}
	s := e.targets.Snapshot()
	var p *rollout.Snapshot
	if field != "" {
		var ok bool
		if p, ok = e.worker.Preview(field, time.Now()); !ok {
			return Reply{Status: 403}, nil
		}
	}
	if p != nil {
		s = p
	}
	vector, managed := s.Target(key)
	if managed == rollout.Absent {
		return Reply{Status: 404}, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if p == nil && target == ctaPath {
		e.shown = append(e.shown, vector)
	}
	body, ok := e.filled[slot(key, vector)]
	if !ok {
		return Reply{Status: 503}, nil
	}
	return Reply{Status: 200, Versions: vector, Body: body}, nil
}

// origin shows documents; spoil changes what it says.
type origin struct {
	mu       sync.Mutex
	versions map[string]int64
	index    map[string][]string // path to documents
	spoil    func(key cachekey.Key, vector string) ([]byte, error)
	pages    map[string]int64 // the versions that it renders, whatever it lists
	noIndex  bool
	noPins   bool
	hangs    atomic.Bool // does not answer who fills
}

func (o *origin) Index(context.Context) (map[string]Listed, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.noIndex {
		return nil, ErrNoIndex
	}
	all := map[string]Listed{}
	for path, ids := range o.index {
		l := Listed{Documents: map[string]int64{}, Languages: []string{"en", "ja"}}
		for _, id := range ids {
			l.Documents[id] = o.versions[id]
		}
		all[path] = l
	}
	return all, nil
}

func (o *origin) Shows(_ context.Context, path, pin string) (Shown, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	ids, ok := o.index[path]
	if !ok {
		return Shown{Status: 404}, nil
	}
	s := Shown{Status: 200, Documents: map[string]int64{}}
	for _, id := range ids {
		s.Documents[id] = o.versions[id]
	}
	if !o.noPins {
		pinned, err := parseVersions(pin)
		if err != nil {
			return s, err
		}
		maps.Copy(s.Documents, pinned)
	}
	for id, v := range o.pages {
		if _, ok := s.Documents[id]; ok {
			s.Documents[id] = v
		}
	}
	return s, nil
}

func (o *origin) renders(pages map[string]int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pages = pages
}

func (o *origin) set(id string, version int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.versions[id] = version
}

func (o *origin) render(key cachekey.Key, vector string) ([]byte, error) {
	o.mu.Lock()
	spoil := o.spoil
	o.mu.Unlock()
	if spoil != nil {
		if body, err := spoil(key, vector); body != nil || err != nil {
			return body, err
		}
	}
	versions, _ := parseVersions(vector)
	return json.Marshal(map[string]any{
		"kind": key.Kind.String(), "segment": key.Segment, "cta": key.CTA, "id": key.ID, "lang": key.Lang,
		"title": "T", "html": vector, "documents": versions,
	})
}

// world is six nodes and an origin.
type world struct {
	t      *testing.T
	log    *log
	origin *origin
	edges  map[string]*edge
	board  *Board
	mu     sync.Mutex
	dead   map[string]time.Time
	logger *slog.Logger // of the leader; nil for none
	driver *Driver      // the latest leader's
}

const (
	ctaPath   = "/v1/segments/b2b/ctas/trial"
	proofPath = ctaPath + "/proofs/p1"
)

func newWorld(t *testing.T) *world {
	l := &log{records: gossip.NewRecords()}
	w := &world{t: t, log: l, edges: map[string]*edge{}, dead: map[string]time.Time{}, origin: &origin{
		versions: map[string]int64{"trial": 42, "core": 7, "p1": 3},
		index:    map[string][]string{ctaPath: {"trial", "core"}, proofPath: {"p1", "core"}},
	}}
	for _, r := range []string{"lima", "paris", "tokyo"} {
		for i := range 2 {
			e := &edge{id: fmt.Sprintf("%s-%d", r, i+1), origin: w.origin, filled: map[string][]byte{}}
			e.targets = rollout.NewTargets(e.id, l.records, nil)
			var err error
			e.worker, err = NewWorker(WorkerDeps{
				Self: gossip.Member{Cluster: "c", Region: r, Node: e.id, Incarnation: 1}, Records: l.records,
				Filler: e, Door: e, Signer: key(e.id), Verifier: key(e.id), Now: time.Now,
			})
			require.NoError(t, err)
			w.edges[e.id] = e
		}
	}
	plans := rollout.Plans(50 * time.Millisecond)
	plans["careful"] = rollout.Plan{Name: "careful", Pause: true, RegionByRegion: true}
	w.board = NewBoard(l.records, l, plans, time.Now)
	return w
}

func (w *world) Members() []rollout.Member {
	var all []rollout.Member
	for _, id := range slices.Sorted(maps.Keys(w.edges)) {
		all = append(all, rollout.Member{ID: id, Region: region(id), Alive: w.alive(id)})
	}
	return all
}

func (w *world) alive(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, dead := w.dead[id]
	return !dead
}

func (w *world) Covers(node string, index uint64) bool {
	return w.alive(node) && w.edges[node].targets.Follow() >= index
}

func (w *world) Fenced(node string, _ uint64) bool { return w.Silent(node) }

func (w *world) Silent(node string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	since, dead := w.dead[node]
	return dead && time.Since(since) > 5*time.Second
}

func (w *world) kill(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead[id] = time.Now()
}

// Do passes jobs on, as the wire would.
func (w *world) Do(ctx context.Context, node string, job Job) (out Outcome, err error) {
	if !w.alive(node) {
		return out, errors.New("no answer")
	}
	body, err := json.Marshal(job)
	require.NoError(w.t, err)
	reply, err := w.edges[node].worker.Serve(ctx, gossip.Member{}, body)
	if err == nil {
		err = json.Unmarshal(reply, &out)
	}
	return out, err
}

// lead starts a leader of a term; what it returns ends it.
func (w *world) lead(term uint64) (stop func()) {
	d, err := New(Config{}, Deps{Records: w.log.records, Ledger: w.log, Nodes: w, Cluster: w, Origin: w.origin, Log: w.logger})
	require.NoError(w.t, err)
	w.driver = d
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); d.Run(ctx, term) }()
	return func() { cancel(); <-done }
}

func version(id string, n int64) rollout.Version {
	return rollout.Version{ID: id, Version: n, Digest: rollout.Digest(map[string][]byte{id: []byte(fmt.Sprint(n))})}
}

func (w *world) push(plan string, versions ...rollout.Version) string {
	w.t.Helper()
	done, err := w.board.Submit(w.t.Context(), Order{Documents: versions, Plan: plan, By: "tester"})
	require.NoError(w.t, err)
	require.NotEmpty(w.t, done.Rollout)
	return done.Rollout
}

// adopt records what the origin shows, and fills it everywhere.
func (w *world) adopt() {
	w.t.Helper()
	w.ends(w.push(rollout.AdoptPlan, version("trial", 42), version("core", 7), version("p1", 3)), rollout.Done)
	for _, e := range w.edges {
		for _, path := range []string{ctaPath, proofPath, ctaPath + "/summary"} {
			for _, lang := range []string{"", "?lang=en", "?lang=ja"} {
				key, err := cachekey.ParseText(path + lang)
				require.NoError(w.t, err)
				require.NoError(w.t, e.Fill(w.t.Context(), key, e.targets.Snapshot()))
			}
		}
	}
}

// adoptAlone is adopt by a leader that ends with it.
func (w *world) adoptAlone() {
	stop := w.lead(1)
	w.adopt()
	stop()
}

// pushNotKnowing is push through a node that has not heard of some rollouts yet.
func (w *world) pushNotKnowing(unknown map[string]bool, versions ...rollout.Version) string {
	w.t.Helper()
	var heard []gossip.Record
	for _, rec := range w.log.records.List("") {
		if !unknown[strings.TrimPrefix(rec.Key, rollout.RolloutKey)] {
			heard = append(heard, rec)
		}
	}
	records := gossip.NewRecords()
	require.NoError(w.t, records.Merge(heard, w.log.records.Index()))
	done, err := NewBoard(records, w.log, rollout.Plans(0), time.Now).Submit(w.t.Context(), Order{Documents: versions})
	require.NoError(w.t, err)
	return done.Rollout
}

// until waits for a state of a rollout.
func (w *world) until(id string, within time.Duration, ok func(rollout.Rollout) bool) rollout.Rollout {
	w.t.Helper()
	states, end, err := w.board.Watch(w.t.Context(), id)
	require.NoError(w.t, err)
	defer end()
	late := time.After(within)
	var last rollout.Rollout
	for {
		select {
		case last = <-states:
			if ok(last) {
				return last
			}
		case <-late:
			require.FailNow(w.t, "the rollout does not come there", "%+v", last)
		}
	}
}

// ends waits until a rollout has ended, and its driver has counted and told so:
// the record is seen before its writer goes on.
func (w *world) ends(id string, state rollout.State) rollout.Rollout {
	w.t.Helper()
	r := w.until(id, 8*time.Second, rollout.Rollout.Final)
	synctest.Wait()
	require.Equal(w.t, state, r.State, "%+v", r)
	return r
}

// shows checks what readers get of the CTA, and of its Summary, on every node.
func (w *world) shows(cta, summary string) {
	w.t.Helper()
	for _, e := range w.edges {
		for path, want := range map[string]string{ctaPath: cta, ctaPath + "/summary": summary} {
			rep, err := e.Get(w.t.Context(), path, "")
			require.NoError(w.t, err)
			require.Equal(w.t, "200 "+want, fmt.Sprint(rep.Status, " ", rep.Versions), "%s %s", e.id, path)
		}
	}
}
