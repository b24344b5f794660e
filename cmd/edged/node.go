package main

import (
	"context"
	"crypto/tls"
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
	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/audit"
	"github.com/letteros/letteredge/edge/auth"
	"github.com/letteros/letteredge/edge/cache"
	"github.com/letteros/letteredge/edge/config"
	"github.com/letteros/letteredge/edge/freshness"
	"github.com/letteros/letteredge/edge/metrics"
	"github.com/letteros/letteredge/edge/origin"
	"github.com/letteros/letteredge/edge/serve"
	"github.com/letteros/letteredge/edge/statedb"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/precompute"
	"github.com/letteros/letteredge/quota"
)

// node is one edge process put together.
type node struct {
	cfg config.Config
	log *slog.Logger

	db       *statedb.DB
	cache    *cache.Cache
	purges   *invalidation.Engine
	origins  map[string]*origin.Origin
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
	n := &node{cfg: cfg, log: log, origins: map[string]*origin.Origin{}}
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

	gate := quota.NewGate(time.Now)
	quotas, err := quota.OpenRegistry(n.db.Quotas(), gate)
	if err != nil {
		return nil, err
	}
	requests := metrics.NewRequests()
	if err := n.makeCore(marks, gate, requests); err != nil {
		return nil, err
	}
	if err := n.makeData(); err != nil {
		return nil, err
	}
	return n, n.makeAdmin(gate, quotas, requests)
}

// makeCore joins the request path with its origins and its builder.
func (n *node) makeCore(marks *invalidation.Marks, gate *quota.Gate, requests *metrics.Requests) error {
	for _, o := range n.cfg.Origins {
		client, err := origin.New(origin.Config{
			URL: o.URL, PreserveHost: o.PreserveHost, CAFile: o.CA, Via: n.cfg.Node.ID, MaxInFlight: o.MaxInFlight,
			ConnectTimeout: o.Timeouts.Connect.Std(), HeaderTimeout: o.Timeouts.Header.Std(), BodyTimeout: o.Timeouts.Body.Std(),
		})
		if err != nil {
			return fmt.Errorf("origin %s: %w", o.Name, err)
		}
		n.origins[o.Name] = client
		n.onClose(client.Close)
	}
	conformance := n.cfg.Profile == config.ProfileConformance
	patterns := make([]cachekey.Pattern, 0, len(n.cfg.Routes))
	routes := make([]edge.Route, 0, len(n.cfg.Routes))
	for _, r := range n.cfg.Routes {
		others := cachekey.Drop
		if r.Query.Others == config.OthersRefuse {
			others = cachekey.Refuse
		}
		patterns = append(patterns, cachekey.Pattern{Host: r.Host, Path: r.Path, Query: cachekey.QueryRule{Names: r.Query.Names, Others: others}})
		routes = append(routes, edge.Route{Name: r.Name, Upstream: n.origins[r.Origin], Segment: r.Segment, Policy: policy(r.TTL, conformance)})
	}
	keyer, err := cachekey.NewKeyer(patterns)
	if err != nil {
		return err
	}
	n.keeper = precompute.NewKeeper(precompute.DefaultKept,
		func(ctx context.Context, key cachekey.Key, languages string) error {
			return n.core.Warm(ctx, key, languages)
		}, n.log)
	f := n.cfg.Fills
	n.core, err = edge.New(edge.Config{
		Node: n.cfg.Node.ID, Keyer: keyer, Routes: routes,
		Artifacts:   edge.Route{Name: "artifacts", Upstream: n.origins[n.cfg.Artifacts.Origin], Policy: policy(n.cfg.Artifacts.TTL, conformance)},
		Conformance: conformance, MaxObject: n.cfg.Cache.MaxObjectBytes.Bytes(),
		Wait: f.Wait.Std(), MaxWaiters: f.MaxWaiters, FillTimeout: f.Timeout.Std(), MaxFills: f.Max,
		HitForMiss: f.HitForMiss.Std(), RefreshBackoff: f.RefreshBackoff.Std(), TimingOnHits: n.cfg.ServerTimingOnHits,
	}, edge.Deps{
		Store: n.cache, Marks: marks, Gate: gate, Targets: edge.Unmanaged{},
		Builder: &summaries{keeper: n.keeper, now: time.Now}, Observer: requests, Logger: n.log, Now: time.Now,
	})
	if err != nil {
		return err
	}
	n.onClose(func() error { n.core.Close(); return nil })
	n.purges.Subscribe(func(r invalidation.Record) { n.keeper.Purged(r.Selector) })
	return nil
}

func policy(t config.TTL, conformance bool) freshness.Policy {
	return freshness.Policy{
		Conformance: conformance, DefaultTTL: t.Default.Std(), MaxTTL: t.Max.Std(),
		DefaultSWR: t.SWR.Std(), DefaultSIE: t.SIE.Std(),
	}
}

// makeData makes the three transports.
func (n *node) makeData() (err error) {
	l := n.cfg.Limits
	c := serve.Config{
		Plain: n.cfg.Listen.HTTP, Secure: n.cfg.Listen.TLS,
		MaxHeaderBytes: int(l.HeaderBytes.Bytes()), MaxBody: l.BodyBytes.Bytes(),
		MaxConns: l.Connections, MaxConnsPerIP: l.ConnectionsPerIP, MaxStreams: l.Streams,
		HeaderTimeout: l.ReadTimeout.Std(), BodyTimeout: l.ReadTimeout.Std(),
		WriteTimeout: l.WriteTimeout.Std(), IdleTimeout: l.IdleTimeout.Std(),
	}
	if c.Secure != "" {
		if err := n.certificates(); err != nil {
			return err
		}
		c.TLS = &tls.Config{GetCertificate: n.certs.GetCertificate}
		if c.Keys, err = quicKeys(n.cfg.State.Dir); err != nil {
			return err
		}
	}
	n.data, err = serve.New(c, n.core, n.log)
	return err
}

// certificates opens the configured certificate, or the node's own CA.
func (n *node) certificates() (err error) {
	if n.cfg.TLS.Cert != "" {
		n.caFile = n.cfg.TLS.CA
		n.certs, err = auth.FromFiles(n.cfg.TLS.Cert, n.cfg.TLS.Key, time.Now, n.log)
		return err
	}
	ca, err := auth.OpenAuthority(n.cfg.State.Dir, time.Now)
	if err != nil {
		return err
	}
	n.caFile = ca.Path()
	n.certs, err = auth.Issued(ca, n.cfg.TLS.Names, n.log)
	return err
}

// makeAdmin makes the admin API and what it shows.
func (n *node) makeAdmin(gate *quota.Gate, quotas *quota.Registry, requests *metrics.Requests) error {
	tokens, err := n.tokens()
	if err != nil {
		return err
	}
	handler := metrics.Handler(metrics.Sources{
		Node: n.cfg.Node.ID, Region: n.cfg.Node.Region, Requests: requests, Cache: n.cache.Stats, Gate: gate,
		Waiting: n.core.Waiting,
		Connections: func() (int, int) {
			c := n.data.Connections()
			return c.TCP, c.QUIC
		},
		OriginInFlight: func() map[string]int {
			all := make(map[string]int, len(n.origins))
			for name, o := range n.origins {
				all[name] = o.InFlight()
			}
			return all
		},
		SweepsDropped: n.purges.Dropped,
		Summaries:     func() (uint64, uint64) { return n.keeper.Rebuilt(), n.keeper.Failed() },
	}, n.log)
	n.admin, err = admin.New(admin.Config{Node: n.cfg.Node.ID, AllowedHosts: n.cfg.Admin.AllowedHosts}, admin.Deps{
		Tokens: tokens, Audit: audit.NewRecorder(n.db.AuditLog(), time.Now), Quotas: quotas, Purges: n.purges, Explain: n.core,
		Nodes: func() []adminapi.Node { return []adminapi.Node{n.self()} },
		Ready: func() error {
			if !n.serving.Load() {
				return errors.New("the node is starting or shutting down")
			}
			return nil
		},
		Metrics: handler, Logger: n.log, Now: time.Now,
	})
	return err
}

// tokens are the configured ones; without any, one of the node's own, kept in
// the state folder for its owner.
func (n *node) tokens() (*auth.Tokens, error) {
	var list []auth.Token
	for _, t := range n.cfg.Tokens {
		hash, err := auth.ParseHash(t.Hash)
		if err != nil {
			return nil, fmt.Errorf("token %s: %w", t.Name, err)
		}
		token := auth.Token{Name: t.Name, Hash: hash}
		for _, s := range t.Scopes {
			token.Scopes = append(token.Scopes, auth.Scope(s))
		}
		list = append(list, token)
	}
	if len(list) == 0 {
		var err error
		if n.token, err = keptToken(n.cfg.State.Dir); err != nil {
			return nil, err
		}
		list = append(list, auth.Token{Name: "local", Hash: auth.HashToken(n.token), Scopes: []auth.Scope{auth.ScopeAdmin}})
	}
	return auth.NewTokens(list)
}

func (n *node) self() adminapi.Node {
	state := adminapi.NodeStarting
	if n.serving.Load() {
		state = adminapi.NodeReady
	}
	return adminapi.Node{
		ID: n.cfg.Node.ID, Region: n.cfg.Node.Region, State: state, Address: n.address(),
		Incarnation: fmt.Sprintf("%016x", n.db.Identity().Incarnation),
	}
}

func (n *node) address() string {
	a := n.data.Addrs()
	if a.Plain.IsValid() {
		return a.Plain.String()
	}
	return a.Secure.String()
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

// run serves until ctx ends, finishes what is under way, and closes.
func (n *node) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.purges.Run(ctx) })
	g.Go(func() error { return n.keeper.Run(ctx) })
	g.Go(n.data.Serve)
	if n.cfg.Listen.Admin != "" {
		g.Go(n.admin.Serve)
	}
	n.serving.Store(true)
	n.log.Info("node serves", "region", n.cfg.Node.Region, "address", n.address(), "profile", n.cfg.Profile)
	g.Go(func() error {
		<-ctx.Done()
		n.serving.Store(false)
		n.log.Info("node shuts down")
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.cfg.Limits.Shutdown.Std())
		defer cancel()
		err := n.data.Shutdown(limit)
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
