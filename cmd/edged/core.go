package main

import (
	"context"
	"fmt"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/config"
	"github.com/letteros/letteredge/edge/freshness"
	"github.com/letteros/letteredge/edge/metrics"
	"github.com/letteros/letteredge/edge/origin"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/precompute"
	"github.com/letteros/letteredge/quota"
)

// makeCore joins the request path with its origins and its builder.
func (n *node) makeCore(marks *invalidation.Marks, gate *quota.Gate, requests *metrics.Requests) error {
	upstreams := map[string]edge.Upstream{}
	for _, o := range n.cfg.Origins {
		servers := []origin.Server{{URL: o.URL, Weight: 1}}
		if len(o.Servers) > 0 {
			servers = servers[:0]
			for _, s := range o.Servers {
				servers = append(servers, origin.Server{URL: s.URL, Weight: s.Weight})
			}
		}
		client, err := origin.NewPool(origin.PoolConfig{Config: origin.Config{
			PreserveHost: o.PreserveHost, CAFile: o.CA, Via: n.cfg.Node.ID, MaxInFlight: o.MaxInFlight,
			ConnectTimeout: o.Timeouts.Connect.Std(), HeaderTimeout: o.Timeouts.Header.Std(), BodyTimeout: o.Timeouts.Body.Std(),
		},
			Servers: servers, Failures: o.Breaker.Failures, Pause: o.Breaker.Pause.Std(), MaxPause: o.Breaker.MaxPause.Std(),
			Outlier: outlier(o.Outlier), Health: origin.Health{Path: o.Health.Path, Interval: o.Health.Interval.Std()}, Retries: o.Retries, HedgeAfter: o.HedgeAfter.Std(), Log: n.log.With("origin", o.Name),
		})
		if err != nil {
			return fmt.Errorf("origin %s: %w", o.Name, err)
		}
		n.origins[o.Name] = client
		upstreams[o.Name] = n.mesh.upstream(client)
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
		routes = append(routes, edge.Route{Name: r.Name, Upstream: upstreams[r.Origin], Segment: r.Segment, Policy: policy(r.TTL, conformance), Isolated: isolation(r.Isolated)})
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
		Artifacts:   edge.Route{Name: "artifacts", Upstream: upstreams[n.cfg.Artifacts.Origin], Policy: policy(n.cfg.Artifacts.TTL, conformance), Isolated: isolation(n.cfg.Artifacts.Isolated)},
		Conformance: conformance, MaxObject: n.cfg.Cache.MaxObjectBytes.Bytes(),
		Wait: f.Wait.Std(), MaxWaiters: f.MaxWaiters, FillTimeout: f.Timeout.Std(), MaxFills: f.Max, FillMemory: f.Memory.Bytes(),
		RefreshAhead: f.RefreshAhead, RefreshAheadHits: f.RefreshAheadHits,
		Coding: n.cfg.Compression.Policy(), OwnCoding: n.cfg.Compression.Mode == config.CompressionOn,
		HitForMiss: f.HitForMiss.Std(), RefreshBackoff: f.RefreshBackoff.Std(), Clamp: n.cfg.Cluster.Clamp.Std(), TimingOnHits: n.cfg.ServerTimingOnHits,
	}, edge.Deps{
		Store: n.cache, Marks: marks, Gate: gate, Targets: targets{n.docs.targets}, Standing: n.mesh,
		Previewer: previewer{n}, Pins: n.db.Pins(), Purges: purgeLog{n},
		Peers: n.mesh.peers(), Builder: &summaries{keeper: n.keeper, now: time.Now}, Observer: requests, Logger: n.log, Now: time.Now,
	})
	if err != nil {
		return err
	}
	n.onClose(func() error { n.core.Close(); return nil })
	n.purges.Subscribe(func(r invalidation.Record) {
		if r.Mode == invalidation.ModeHard {
			n.core.Purged(r.Selector)
		}
	})
	n.purges.SubscribeSwept(func(r invalidation.Record) { n.keeper.Purged(r.Selector) })
	return nil
}

func outlier(o config.Outlier) origin.Outlier {
	return origin.Outlier{
		Ratio: o.Ratio, Requests: o.Requests, Interval: o.Interval.Std(), Pause: o.Pause.Std(), MaxPause: o.MaxPause.Std(),
		MaxEjected: o.MaxEjected, Panic: o.Panic,
	}
}

func isolation(i config.Isolation) edge.Isolation {
	if i == config.IsolatedError {
		return edge.IsolatedError
	}
	return edge.IsolatedStale
}

func policy(t config.TTL, conformance bool) freshness.Policy {
	return freshness.Policy{
		Conformance: conformance, DefaultTTL: t.Default.Std(), MaxTTL: t.Max.Std(),
		DefaultSWR: t.SWR.Std(), DefaultSIE: t.SIE.Std(),
	}
}
