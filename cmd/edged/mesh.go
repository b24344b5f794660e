package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/auth"
	"github.com/letteros/letteredge/edge/config"
	"github.com/letteros/letteredge/edge/peer"
	"github.com/letteros/letteredge/edge/statedb"
	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/gossip/control"
	"github.com/letteros/letteredge/gossip/spread"
	"github.com/letteros/letteredge/gossip/swim"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/invalidation/rollout"
	"github.com/letteros/letteredge/quota"
)

// mesh is this node's part in its cluster. A node by itself is a cluster of one:
// the same parts, without sockets.
type mesh struct {
	cfg      config.Config
	log      *slog.Logger
	self     gossip.Member
	identity *auth.Node
	voters   []control.Voter

	records   *gossip.Records
	feed      *feed
	kept      *statedb.Records
	roster    *roster
	server    *peer.Server // nil for a node by itself
	client    *peer.Client
	sender    *peer.Sender
	pools     []*swim.Pool
	control   *control.Control // nil where this node is no voter
	ledger    *control.Client
	replica   *spread.Replica
	upstreams []*peer.Upstream
	elsewhere *peer.Elsewhere // nil for a node by itself
	changed   chan struct{}   // has a value after the records or the pools have changed

	closings []func() error
}

// tickEvery is how often what is due is done.
const tickEvery = 20 * time.Millisecond

// newMesh opens what other nodes are reached by.
func newMesh(cfg config.Config, db *statedb.DB, log *slog.Logger) (_ *mesh, err error) {
	m := &mesh{cfg: cfg, log: log, records: gossip.NewRecords(), kept: db.Records(), changed: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	if err := m.identify(db.Identity().Incarnation); err != nil {
		return nil, err
	}
	recs, complete, err := m.kept.Load()
	if err == nil {
		err = m.records.Merge(recs, complete)
	}
	if err != nil {
		return nil, err
	}
	addresses := map[string]string{}
	for _, v := range m.voters {
		addresses[v.ID] = v.Address
	}
	m.roster = newRoster(m.self, m.records, m.members, addresses, log)
	m.records.Subscribe(func([]gossip.Record) { m.wake() })
	if !cfg.Cluster.Alone() {
		if err := m.connect(); err != nil {
			return nil, err
		}
	}
	if err := m.vote(db); err != nil {
		return nil, err
	}
	ids := make([]string, len(m.voters))
	for i, v := range m.voters {
		ids[i] = v.ID
	}
	var caller control.Caller
	if m.client != nil {
		caller = m.client
	}
	m.ledger = control.NewClient(m.control, m.records, caller, ids)
	return m, nil
}

// identify opens the node's certificate; a node by itself makes its own.
func (m *mesh) identify(incarnation uint64) (err error) {
	c := m.cfg.Cluster
	if c.Alone() {
		c.Name = "local"
		dir := filepath.Join(m.cfg.State.Dir, "cluster")
		ca, err := auth.OpenCluster(dir, c.Name, time.Now)
		if err != nil {
			return err
		}
		c.CA, c.Cert, c.Key = ca.Path(), filepath.Join(dir, "node.pem"), filepath.Join(dir, "node.key")
		if _, err := os.Stat(c.Cert); errors.Is(err, fs.ErrNotExist) {
			if _, _, err := ca.Issue(dir, m.cfg.Node.Region, m.cfg.Node.ID); err != nil {
				return err
			}
		}
		m.voters = []control.Voter{{ID: m.cfg.Node.ID}}
	}
	for _, v := range c.Voters {
		m.voters = append(m.voters, control.Voter{ID: v.ID, Address: v.Address})
	}
	if m.identity, err = auth.OpenNode(c.Cert, c.Key, c.CA, time.Now); err != nil {
		return err
	}
	m.self = m.identity.Member()
	m.self.Incarnation = incarnation
	want := gossip.Member{Cluster: c.Name, Region: m.cfg.Node.Region, Node: m.cfg.Node.ID, Incarnation: incarnation}
	if m.self != want {
		return fmt.Errorf("cluster.cert: is of node %s in region %s of cluster %s, the configuration says %s, %s, %s",
			m.self.Node, m.self.Region, m.self.Cluster, want.Node, want.Region, want.Cluster)
	}
	return nil
}

// connect opens the listener for peers and the pools.
func (m *mesh) connect() (err error) {
	c := m.cfg.Cluster
	if m.client, err = peer.NewClient(m.roster.address, m.identity.ClientTLS); err != nil {
		return err
	}
	m.onClose(m.client.Close)
	m.sender = peer.NewSender(m.client)
	m.onClose(func() error { m.sender.Close(); return nil })
	if m.server, err = peer.Listen(c.Listen, m.identity.ServerTLS(), m.identity.PeerOf, m.log); err != nil {
		return err
	}
	m.onClose(m.server.Close)
	return nil
}

// meet opens the pools, through which other nodes find this one.
func (m *mesh) meet() error {
	c := m.cfg.Cluster
	keys, err := auth.ReadKeyring(c.Keyring)
	if err != nil {
		return err
	}
	meta := swim.Meta{Region: m.self.Region, Incarnation: m.self.Incarnation, Peer: c.Listen}
	for _, p := range []swim.Config{
		{Label: c.Name + "/" + m.self.Region, Addr: c.LAN, Join: c.Join.LAN},
		{Label: c.Name + "//", Addr: c.WAN, Join: c.Join.WAN, Wide: true},
	} {
		p.Node, p.Meta, p.Keys, p.Log = m.self.Node, meta, keys, m.log
		p.Receive, p.Changed = func(message []byte) { m.replica.Receive("", message) }, m.wake
		pool, err := swim.Open(p)
		if err != nil {
			return err
		}
		m.pools = append(m.pools, pool)
	}
	return nil
}

// vote opens the control log, if this node is a voter.
func (m *mesh) vote(db *statedb.DB) error {
	for _, v := range m.voters {
		if v.ID != m.self.Node {
			continue
		}
		cfg := control.Config{
			ID: v.ID, Voters: m.voters, Server: m.identity.ServerTLS(), Client: m.identity.ClientTLS,
			Log: db.ControlLog(), Stable: db.ControlStable(), Snapshots: filepath.Join(m.cfg.State.Dir, "control"), Logger: m.log,
		}
		if !m.cfg.Cluster.Alone() {
			ln, err := net.Listen("tcp", m.cfg.Cluster.Listen)
			if err != nil {
				return fmt.Errorf("listen for voters: %w", err)
			}
			cfg.Listener = ln
		}
		var err error
		if m.control, err = control.Open(cfg, m.records); err != nil {
			return err
		}
		m.onClose(m.control.Close)
	}
	return nil
}

// join brings purges and quotas of all nodes together.
func (m *mesh) join(db *statedb.DB, core *edge.Core, purges *invalidation.Engine, quotas *quota.Registry, targets *rollout.Targets, clamp func()) (err error) {
	m.feed = &feed{m.records, quotas, targets, m.log}
	m.replica, err = spread.New(spread.Config{
		Self: m.self, Voters: m.voterIDs(), Now: time.Now, Rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), Log: m.log,
		Enrolled: func() uint64 { return m.roster.now.Load().enrolled },
		Known:    func() []spread.Peer { return m.roster.now.Load().known },
	}, spread.Deps{
		Transport: transport{m}, Log: db.Spread(), Feed: m.feed,
		Applier: &applier{purges, m.roster, quotas, clamp, m.log},
		Signer:  m.identity, Verifier: m.identity,
	})
	if err != nil {
		return err
	}
	m.feed.Index() // what the disk has binds from the first request on, not from the first tick
	purges.SubscribeReceipts(func(r invalidation.Receipt) {
		m.replica.NoteReceipt(spread.Detail{Dot: r.Dot, AfterMS: r.AppliedAfterMS, Entries: r.Entries})
	})
	if m.server != nil {
		m.server.Handle(peer.GossipPath, peer.Receiver(m.replica.Receive))
		m.server.Handle(countPath, counter(purges))
		m.server.Fills(core, m.replica.Applied)
		if m.control != nil {
			m.server.Handle(control.Path, m.control.Serve)
		}
	}
	return purges.Join(invalidation.Cluster{
		Spread: m.replica, Voters: m.voterIDs,
		Members: func() []invalidation.Member { return m.roster.now.Load().members },
	})
}

func (m *mesh) voterIDs() []string {
	ids := make([]string, len(m.voters))
	for i, v := range m.voters {
		ids[i] = v.ID
	}
	return ids
}

// Isolated reports whether the node may have missed a purge: see edge.Standing.
func (m *mesh) Isolated(now time.Time) bool { return m.replica.Isolated(now) }

// held is the term of this node's shares of the quotas: see quota.Term.
func (m *mesh) held(now time.Time) (time.Duration, bool) { return m.replica.Held(now) }

// WatermarkAge is how long ago the node was sure to have everything: see edge.Standing.
func (m *mesh) WatermarkAge(now time.Time) time.Duration { return m.replica.WatermarkAge(now) }

// upstream asks the region's owner of a key before an origin; on a node by
// itself it is the origin.
func (m *mesh) upstream(origin edge.Upstream) edge.Upstream {
	if m.client == nil {
		return origin
	}
	u := &peer.Upstream{
		Origin: origin, Client: m.client, Self: m.self.Node, Patience: ownerPatience,
		Ring:    func() []string { return m.roster.now.Load().ring },
		Horizon: func() gossip.Vector { return m.replica.Horizon() },
	}
	m.upstreams = append(m.upstreams, u)
	return u
}

// peers are where a copy may be that can be had nowhere else.
func (m *mesh) peers() edge.Peers {
	if m.client == nil {
		return edge.NoPeers{}
	}
	e := peer.NewElsewhere()
	e.Client, e.Self, e.Patience = m.client, m.self.Node, elsewherePatience
	e.Near = func() []string { return m.roster.now.Load().ring }
	e.Far = func() []string { return m.roster.now.Load().far }
	e.Horizon = func() gossip.Vector { return m.replica.Horizon() }
	m.elsewhere = e
	return e
}

// elsewherePatience is how long the nodes of a region may take to begin an answer
// from what they have stored: some round trips around the world.
const elsewherePatience = 700 * time.Millisecond

// ownerPatience is how long a fill waits for the owner's answer to begin: less
// than a reader would put up with, more than most origins need.
const ownerPatience = time.Second

// run does what is due until ctx ends.
func (m *mesh) run(ctx context.Context, purges *invalidation.Engine) error {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.changed:
			m.roster.update()
			m.replica.SetPeers(m.roster.now.Load().others)
			purges.MembersChanged()
		case <-tick.C:
			m.replica.Tick()
		}
	}
}

// keep writes changed records to the disk, those that come meanwhile together.
func (m *mesh) keep(ctx context.Context) error {
	written := uint64(0)
	news := make(chan struct{}, 1)
	m.records.Subscribe(func([]gossip.Record) {
		select {
		case news <- struct{}{}:
		default:
		}
	})
	for {
		if recs, complete := m.records.Since(written); complete > written {
			if err := m.kept.Put(recs, complete); err != nil {
				m.log.Error("records not kept; the node would start without them", "err", err)
			} else {
				written = complete
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-news:
		}
	}
}

func (m *mesh) wake() {
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// members are the nodes that the pools see. The pools may still be opening.
func (m *mesh) members() []swim.Member {
	var all []swim.Member
	for _, p := range m.pools {
		all = append(all, p.Members()...)
	}
	return all
}

func (m *mesh) onClose(f func() error) { m.closings = append(m.closings, f) }

// close ends it, the last opened first. The pools go first: others hear that this
// node is no more to be asked.
func (m *mesh) close() error {
	var err error
	for _, p := range m.pools {
		err = errors.Join(err, p.Close())
	}
	m.pools = nil
	for i := len(m.closings) - 1; i >= 0; i-- {
		err = errors.Join(err, m.closings[i]())
	}
	m.closings = nil
	return err
}

// transport is how gossip/spread's messages travel.
type transport struct{ m *mesh }

func (t transport) Send(to string, message []byte) {
	if t.m.sender != nil {
		t.m.sender.Send(to, message)
	}
}

func (t transport) Broadcast(message []byte) {
	for _, p := range t.m.pools {
		p.Broadcast(message)
	}
}
