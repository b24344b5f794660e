package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/gossip/spread"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/invalidation/driver"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// docs is this node's part in managed documents.
type docs struct {
	targets *rollout.Targets
	board   *driver.Board
	worker  *driver.Worker
	driver  *driver.Driver // nil where this node is no voter
}

// targets are a rollout.Targets as the request path asks for them.
type targets struct{ of *rollout.Targets }

func (t targets) Snapshot() edge.Snapshot { return t.of.Snapshot() }

// previewer shows candidates. The worker that knows them needs the core, which
// asks for them: it comes after.
type previewer struct{ node *node }

func (p previewer) Preview(field string, now time.Time) (edge.Snapshot, bool) {
	if p.node.docs.worker == nil {
		return nil, false
	}
	s, ok := p.node.docs.worker.Preview(field, now)
	if s == nil {
		return nil, ok
	}
	return s, ok
}

// makeDocs joins the documents with the control log and the request path.
func (n *node) makeDocs() (err error) {
	d := &n.docs
	plans := rollout.Plans(n.cfg.Cluster.Soak.Std())
	d.board = driver.NewBoard(n.mesh.records, ledger{n.mesh.ledger}, plans, time.Now)
	door, err := n.door()
	if err != nil {
		return err
	}
	d.worker, err = driver.NewWorker(driver.WorkerDeps{
		Self: n.mesh.self, Records: n.mesh.records, Filler: filler{n.core}, Door: door,
		Signer: n.mesh.identity, Verifier: n.mesh.identity, Now: time.Now, Log: n.log,
	})
	if err != nil {
		return err
	}
	if n.mesh.server != nil {
		n.mesh.server.Handle(driver.Path, d.worker.Serve)
	}
	if n.mesh.control == nil {
		return nil
	}
	peers := driver.Peers{Self: n.cfg.Node.ID, Worker: d.worker}
	if n.mesh.client != nil {
		peers.Caller = n.mesh.client
	}
	d.driver, err = driver.New(driver.Config{}, driver.Deps{
		Records: n.mesh.records, Ledger: ledger{n.mesh.ledger}, Nodes: peers, Cluster: rolloutCluster{n.mesh}, Origin: n.origins[n.cfg.Artifacts.Origin], Log: n.log,
	})
	if err != nil {
		return err
	}
	n.mesh.control.OnLead(d.driver.Run)
	return nil
}

// probeTimeout bounds one look through the door.
const probeTimeout = 10 * time.Second

// door is this node as readers reach it.
func (n *node) door() (door, error) {
	transport := &http.Transport{DisableCompression: true}
	if n.cfg.Listen.HTTP == "" {
		roots, err := rootsOf(n.caFile)
		if err != nil {
			return door{}, fmt.Errorf("the node's own certificate: %w", err)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	n.onClose(func() error { transport.CloseIdleConnections(); return nil })
	return door{n, probe(transport)}, nil
}

// probe is a client that follows no redirect: what is there is what counts.
func probe(transport *http.Transport) *http.Client {
	return &http.Client{Transport: transport, Timeout: probeTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func rootsOf(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return roots, nil
}

// door is a driver.Door; where it leads is known once the node listens.
type door struct {
	node   *node
	client *http.Client
}

func (d door) Get(ctx context.Context, target, preview string) (driver.Reply, error) {
	r := d.node.ready()
	base := r.HTTP
	if base == "" {
		base = r.HTTPS
	}
	return driver.Web{Base: base, Client: d.client}.Get(ctx, target, preview)
}

// filler puts candidates into the core's slots, in the language that the key
// names, or the origin's choice.
type filler struct{ core *edge.Core }

func (f filler) Fill(ctx context.Context, key cachekey.Key, targets *rollout.Snapshot) error {
	return f.core.Fill(ctx, key, "", targets)
}

// rolloutCluster tells the driver of the nodes.
type rolloutCluster struct{ m *mesh }

// silentFor is how long a node may be unheard of before nobody waits for it while a
// stage is prepared; one that the pools do not find, either, goneFor. Every node
// reports each second what it has, and by gossip to those whom it does not reach. Once the
// stage is flipped this does not do: who is cut off from this node alone is unheard of,
// and not isolated.
const (
	silentFor = 6 * time.Second
	goneFor   = 2 * time.Second
)

func (c rolloutCluster) Members() []rollout.Member {
	members := c.m.roster.now.Load().members
	list := make([]rollout.Member, 0, len(members))
	for _, m := range members {
		if m.Presence != invalidation.Left {
			list = append(list, rollout.Member{ID: m.ID, Region: m.Region, Alive: m.Presence == invalidation.Alive})
		}
	}
	return list
}

func (c rolloutCluster) Covers(node string, index uint64) bool {
	if node == c.m.self.Node {
		return c.m.feed.Index() >= index
	}
	h, ok := c.m.roster.latest(node)
	return ok && h.report.Index >= index
}

func (c rolloutCluster) Silent(node string) bool {
	if node == c.m.self.Node {
		return false
	}
	limit := silentFor
	if _, found := c.m.roster.now.Load().peers[node]; !found {
		limit = goneFor
	}
	held, with := c.m.replica.Held(time.Now())
	return c.left(node) || with && held > limit && c.m.roster.silence(node) > limit
}

func (c rolloutCluster) Fenced(node string, index uint64) bool {
	if node == c.m.self.Node {
		return false
	}
	since, known := c.m.replica.Majority(index)
	return c.left(node) || known && since > invalidation.FenceAfter
}

func (c rolloutCluster) left(node string) bool {
	e, enrolled := c.m.roster.now.Load().nodes[node]
	return !enrolled || e.Left
}

// purgeLog tells the core what has been purged since a copy was pinned.
type purgeLog struct {
	node *node
}

func (p purgeLog) Position() []byte {
	// Applied, not Horizon: naming too little only has a purge looked at again.
	data, err := p.node.mesh.replica.Applied().AppendBinary(nil)
	if err != nil {
		return nil // more sources than fit: the pin will not be trusted
	}
	return data
}

func (p purgeLog) Since(position []byte) (hard, soft []cachekey.Selector, known bool) {
	var v gossip.Vector
	if len(position) == 0 || v.UnmarshalBinary(position) != nil || !v.CoversAll(p.node.mesh.replica.Skipped()) {
		return nil, nil, false
	}
	for after := ""; ; {
		page, next := p.node.purges.List(after, 1000)
		for _, view := range page {
			dot, err := gossip.ParseDot(view.Purge)
			if err != nil || v.Covers(dot) {
				continue
			}
			if view.Mode == invalidation.ModeHard {
				hard = append(hard, view.Select)
			} else {
				soft = append(soft, view.Select)
			}
		}
		if next == "" {
			return hard, soft, true
		}
		after = next
	}
}

var (
	_ edge.PurgeLog  = purgeLog{}
	_ edge.Previewer = previewer{}
	_ edge.Targets   = targets{}
	_ driver.Cluster = rolloutCluster{}
	_ driver.Door    = door{}
	_ driver.Filler  = filler{}
	_ spread.Feed    = (*feed)(nil)
)
