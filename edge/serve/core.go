package serve

import (
	"context"

	"github.com/letteros/letteredge/edge"
)

// Core answers requests. It may be called from any number of goroutines.
type Core interface {
	// Serve answers x.Req into x.Rep. It never fails: errors become a reply.
	// The views in x.Req end when it returns; ctx ends when the client has gone,
	// where the protocol can tell, and when the server is killed.
	Serve(ctx context.Context, x *edge.Exchange)
	// Begin is Serve as far as it waits for nothing, and reports whether the answer
	// is complete.
	Begin(x *edge.Exchange) bool
	// Finish does what Begin has left, on any goroutine. ctx is as in Serve.
	Finish(ctx context.Context, x *edge.Exchange)
}

var _ Core = (*edge.Core)(nil)
