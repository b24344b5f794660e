package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/letteros/letteredge/edge/admin"
	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/audit"
	"github.com/letteros/letteredge/edge/auth"
	"github.com/letteros/letteredge/edge/metrics"
	"github.com/letteros/letteredge/quota"
)

// makeAdmin makes the admin API and what it shows.
func (n *node) makeAdmin(gate *quota.Gate, requests *metrics.Requests) error {
	tokens, err := n.tokens()
	if err != nil {
		return err
	}
	handler := metrics.Handler(metrics.Sources{
		Node: n.cfg.Node.ID, Region: n.cfg.Node.Region, Requests: requests, Cache: n.cache.Stats, Gate: gate,
		Waiting: n.core.Waiting, Fills: n.core.Fills, Codings: n.core.Codings,
		Connections: func() (int, int) {
			c := n.data.Connections()
			return c.TCP, c.QUIC
		},
		Refused: func() []metrics.RefusedConnections {
			var all []metrics.RefusedConnections
			for _, r := range n.data.Refused() {
				all = append(all, metrics.RefusedConnections(r))
			}
			return all
		},
		OriginInFlight: func() map[string]int {
			all := make(map[string]int, len(n.origins))
			for name, o := range n.origins {
				all[name] = o.InFlight()
			}
			return all
		},
		OriginServers: func() []metrics.OriginServer {
			var all []metrics.OriginServer
			for name, o := range n.origins {
				for _, s := range o.Figures().Servers {
					all = append(all, metrics.OriginServer{Origin: name, Server: s.Server, Paused: s.Paused, Ejected: s.Ejected, Requests: s.Requests, Failures: s.Failures})
				}
			}
			return all
		},
		OriginRetries: func() map[string]uint64 {
			all := make(map[string]uint64, len(n.origins))
			for name, o := range n.origins {
				all[name] = o.Figures().Retries
			}
			return all
		},
		OriginPanic: func() map[string]bool {
			all := make(map[string]bool, len(n.origins))
			for name, o := range n.origins {
				all[name] = o.Figures().Panic
			}
			return all
		},
		SweepsDropped: n.purges.Dropped,
		Summaries:     func() (uint64, uint64) { return n.keeper.Rebuilt(), n.keeper.Failed() },
		State: func() (uint64, uint64) {
			s := n.db.Stats()
			return s.Changes, s.Commits
		},
		Cluster: n.figures(),
	}, n.log)
	n.admin, err = admin.New(admin.Config{Node: n.cfg.Node.ID, AllowedHosts: n.cfg.Admin.AllowedHosts}, admin.Deps{
		Tokens: tokens, Audit: audit.NewRecorder(n.db.AuditLog(), time.Now), Quotas: n.quotas, Purges: n.purges, Explain: n.core,
		Nodes:          func() []adminapi.Node { return n.mesh.roster.list(n.self()) },
		CountElsewhere: n.mesh.countElsewhere,
		Rollouts:       n.docs.board,
		Register:       auth.NewRegister(tokens, n.mesh.records, ledger{n.mesh.ledger}, time.Now, n.log),
		Ready: func() error {
			switch {
			case !n.serving.Load():
				return errors.New("the node is starting or shutting down")
			case !n.mesh.replica.Ready():
				return errors.New("a majority of the voters has not confirmed yet that the node has everything")
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
	switch {
	case !n.serving.Load() || !n.mesh.replica.Ready():
	case n.mesh.replica.Isolated(time.Now()):
		state = adminapi.NodeIsolated
	default:
		state = adminapi.NodeReady
	}
	address := n.cfg.Cluster.Listen
	if address == "" {
		address = n.address()
	}
	return adminapi.Node{
		ID: n.cfg.Node.ID, Region: n.cfg.Node.Region, State: state, Address: address,
		Incarnation: incarnationText(n.db.Identity().Incarnation),
	}
}

func (n *node) address() string {
	a := n.data.Addrs()
	if a.Plain.IsValid() {
		return a.Plain.String()
	}
	return a.Secure.String()
}
