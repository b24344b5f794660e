package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/admin"
	"github.com/letteros/letteredge/edge/auth"
	"github.com/letteros/letteredge/edge/cache"
	"github.com/letteros/letteredge/edge/config"
	"github.com/letteros/letteredge/edge/metrics"
	"github.com/letteros/letteredge/edge/origin"
	"github.com/letteros/letteredge/edge/serve"
	"github.com/letteros/letteredge/edge/statedb"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/invalidation/rollout"
	"github.com/letteros/letteredge/precompute"
	"github.com/letteros/letteredge/quota"
)

// node is one edge process put together.
type node struct {
	cfg config.Config
	log *slog.Logger

	db       *statedb.DB
	mesh     *mesh
	quotas   *quota.Registry
	docs     docs
	cache    *cache.Cache
	purges   *invalidation.Engine
	origins  map[string]*origin.Pool
	core     *edge.Core
	keeper   *precompute.Keeper
	data     *serve.Server
	admin    *admin.Server
	certs    *auth.Certificates
	caFile   string
	token    string // the node's own, where the configuration has none
	serving  atomic.Bool
	closings []func() error // in the order made; run backwards
}

// newNode opens the state and joins the parts. What it has opened when it fails
// is closed again.
func newNode(cfg config.Config, log *slog.Logger) (_ *node, err error) {
	n := &node{cfg: cfg, log: log, origins: map[string]*origin.Pool{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	if err := os.MkdirAll(cfg.State.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	if n.db, err = statedb.Open(filepath.Join(cfg.State.Dir, statedb.FileName), statedb.Options{}); err != nil {
		return nil, err
	}
	n.onClose(n.db.Close)
	if n.mesh, err = newMesh(cfg, n.db, log); err != nil {
		return nil, err
	}
	n.onClose(n.mesh.close)

	marks := invalidation.NewMarks()
	if n.cache, err = cache.New(cache.Config{MaxBytes: cfg.Cache.MaxBytes.Bytes()}); err != nil {
		return nil, err
	}
	n.onClose(func() error { n.cache.Close(); return nil })
	n.purges, err = invalidation.NewEngine(invalidation.Config{
		Node: cfg.Node.ID, Region: cfg.Node.Region, Incarnation: n.db.Identity().Incarnation,
		Oldest: func() invalidation.Epoch {
			// In this order: a flight that lands in between has been counted.
			now := marks.Epoch()
			return min(now, n.core.OldestFlight(), n.cache.Oldest(now))
		},
		Log: log,
	}, marks, n.db.Purges(), n.cache)
	if err != nil {
		return nil, err
	}
	n.onClose(n.purges.Close)

	gate := quota.NewGate(time.Now).Within(n.mesh.held)
	n.quotas, err = quota.NewRegistry(quota.Config{
		Node: cfg.Node.ID, Incarnation: n.db.Identity().Incarnation, Voters: n.mesh.voterIDs(), Expiry: invalidation.FenceAfter,
	}, ledger{n.mesh.ledger}, gate)
	if err != nil {
		return nil, err
	}
	requests := metrics.NewRequests()
	n.docs.targets = rollout.NewTargets(cfg.Node.ID, n.mesh.records, log)
	if err := n.makeCore(marks, gate, requests); err != nil {
		return nil, err
	}
	if err := n.makeData(); err != nil {
		return nil, err
	}
	clamp := func() { marks.Raise(cachekey.Selector{All: true}, invalidation.ModeHard) }
	if err := n.mesh.join(n.db, n.core, n.purges, n.quotas, n.docs.targets, clamp); err != nil {
		return nil, err
	}
	if err := n.makeDocs(); err != nil {
		return nil, err
	}
	if err := n.makeAdmin(gate, requests); err != nil {
		return nil, err
	}
	if n.mesh.server == nil {
		return n, nil
	}
	return n, n.mesh.meet() // last: whoever finds this node finds all of it
}

// listen opens every listener.
func (n *node) listen() error {
	if err := n.data.Listen(); err != nil {
		return err
	}
	if n.cfg.Listen.Admin == "" {
		return nil
	}
	return n.admin.Listen(n.cfg.Listen.Admin)
}

// ready describes the node to whoever started it.
func (n *node) ready() ready {
	r := ready{ID: n.cfg.Node.ID, Region: n.cfg.Node.Region, PID: os.Getpid(), Token: n.token, CA: n.caFile}
	a := n.data.Addrs()
	if a.Plain.IsValid() {
		r.HTTP = "http://" + a.Plain.String()
	}
	if a.Secure.IsValid() {
		r.HTTPS = "https://" + nameOf(a.Secure)
		r.H3 = r.HTTPS
	}
	if n.cfg.Listen.Admin != "" {
		r.Admin = n.admin.URL()
	}
	return r
}

// nameOf is an address as certificates know it: loopback is localhost.
func nameOf(a netip.AddrPort) string {
	if a.Addr().Unmap().IsLoopback() || a.Addr().IsUnspecified() {
		return "localhost:" + strconv.Itoa(int(a.Port()))
	}
	return a.String()
}

// readyTimeout is how long a node that serves waits, until it has everything that
// the others know, before it says that it serves. Where most of the voters are
// dead it never has.
const readyTimeout = 5 * time.Second

// awaitReady returns when the node is ready, or has waited for it long enough.
func (n *node) awaitReady(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !n.mesh.replica.Ready() {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// run serves until ctx ends, finishes what is under way, and closes. It calls
// announce once the node serves.
func (n *node) run(ctx context.Context, announce func() error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.purges.Run(ctx) })
	g.Go(func() error { return n.keeper.Run(ctx) })
	g.Go(func() error { return n.quotas.Run(ctx) })
	g.Go(func() error { return n.mesh.run(ctx, n.purges) })
	g.Go(func() error { return n.mesh.keep(ctx) })
	g.Go(func() error { return n.sweepPins(ctx) })
	g.Go(func() error { return n.mesh.enrol(ctx, n.address()) })
	if n.mesh.server != nil {
		g.Go(n.mesh.server.Serve)
	}
	g.Go(n.data.Serve)
	if n.cfg.Listen.Admin != "" {
		g.Go(n.admin.Serve)
	}
	n.serving.Store(true)
	g.Go(func() error {
		n.awaitReady(ctx)
		return announce()
	})
	n.log.Info("node serves", "region", n.cfg.Node.Region, "address", n.address(), "profile", n.cfg.Profile)
	g.Go(func() error {
		<-ctx.Done()
		n.serving.Store(false)
		n.log.Info("node shuts down")
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.cfg.Limits.Shutdown.Std())
		defer cancel()
		n.core.Drain()
		err := n.data.Shutdown(limit)
		n.mesh.leave(limit, n.address())
		if n.mesh.server != nil {
			err = errors.Join(err, n.mesh.server.Close())
		}
		if n.cfg.Listen.Admin != "" {
			err = errors.Join(err, n.admin.Shutdown(limit))
		}
		return err
	})
	return errors.Join(g.Wait(), n.close())
}

func (n *node) onClose(f func() error) { n.closings = append(n.closings, f) }

// close closes what newNode opened, the last first.
func (n *node) close() error {
	var err error
	for i := len(n.closings) - 1; i >= 0; i-- {
		err = errors.Join(err, n.closings[i]())
	}
	n.closings = nil
	return err
}
