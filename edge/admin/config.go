package admin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/audit"
	"github.com/letteros/letteredge/edge/auth"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/invalidation/driver"
	"github.com/letteros/letteredge/quota"
)

// Config says how the admin API is served.
type Config struct {
	// Node is this node's id.
	Node string
	// AllowedHosts are names accepted in Host, without port, beside the
	// listener's own: localhost, 127.0.0.1 and [::1] on loopback, else the
	// address that the connection came to.
	AllowedHosts []string
	// MaxConns bounds the open connections (256).
	MaxConns int
}

// Deps are the server's collaborators; all are required but Logger,
// CountElsewhere, Rollouts and Register.
type Deps struct {
	Tokens  *auth.Tokens
	Audit   *audit.Recorder
	Quotas  *quota.Registry
	Purges  *invalidation.Engine
	Explain Explainer
	// CountElsewhere asks all other nodes how many entries a purge would hit there;
	// one that cannot be asked has none. Nil if there are no others.
	CountElsewhere func(context.Context, cachekey.Selector) []invalidation.NodeCount
	// Rollouts takes documents in; nil on a node that has none.
	Rollouts *driver.Board
	// Register makes tokens; nil on a node that makes none.
	Register *auth.Register
	// Nodes returns all nodes of the cluster as this one knows them.
	Nodes func() []adminapi.Node
	// Ready returns nil if the node serves, else why it does not.
	Ready func() error
	// Metrics writes the metrics in Prometheus' text format.
	Metrics http.Handler
	Logger  *slog.Logger
	Now     func() time.Time
}

// Explainer tells what a request would get, without carrying it out: edge.Core.
type Explainer interface {
	// Explain fetches nothing. It returns a *cachekey.Error for what is no
	// request that the node serves.
	Explain(host, target string, fields edge.Fields) (edge.Explanation, error)
}

var _ Explainer = (*edge.Core)(nil)

func (d *Deps) check() error {
	if d.Tokens == nil || d.Audit == nil || d.Quotas == nil || d.Purges == nil || d.Explain == nil ||
		d.Nodes == nil || d.Ready == nil || d.Metrics == nil || d.Now == nil {
		return errors.New("admin: every collaborator but Logger, CountElsewhere, Rollouts and Register is required")
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}
