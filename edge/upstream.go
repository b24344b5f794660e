package edge

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/letteros/letteredge/cachekey"
)

// Fetch is a request that this node makes: to an origin, or to another node.
// It owns all its memory.
type Fetch struct {
	Key    cachekey.Key
	Method string
	Host   string // the client's; an origin that preserves it sends it on
	Target string // origin-form: path and query
	Fields []Field
	Body   io.Reader // nil for none
	Length int64     // of Body; -1 if unknown
	// Vector names the slot that the answer is for (SEMANTICS §3): the version
	// of each managed document, "" if none is managed.
	Vector string
	// Direct keeps the fetch from other nodes' caches: it goes to the origin.
	Direct bool
	// Stored asks another node for what it has, and for nothing that it would have
	// to fetch.
	Stored bool
	// Waits says that its reader gets an error otherwise: an upstream that spares its
	// origin has it wait for its turn, for some seconds at most, before it refuses.
	Waits bool
	// Interim is called with each interim response but 100 and 101, from any
	// goroutine, one after the other; nil for nobody. Fields are end-to-end only.
	Interim func(status int, fields []Field)
}

// Answer is what came back. Fields are end-to-end only: the adapter has removed
// hop-by-hop and Connection-listed ones. Body is never nil and must be closed.
type Answer struct {
	Status     int
	Fields     []Field
	Body       io.ReadCloser
	Length     int64 // -1 if unknown
	RequestAt  time.Time
	ResponseAt time.Time
	// Announced names the trailer fields that may follow the content; Trailer returns
	// those that came, once the content has been read to its end. Nil for none.
	Announced []string
	Trailer   func() []Field
	// Degraded says that this is less than was asked for, and how ("light"): it
	// is shown where no stale copy of the whole may be, and never stored.
	Degraded string
}

// Upstream answers fetches. It returns ErrUpstreamBusy (wrapped) where its own
// cap on requests in flight is reached, and any other error where no complete
// header section came back.
type Upstream interface {
	Fetch(ctx context.Context, f *Fetch) (*Answer, error)
}

// ErrUpstreamBusy says that an upstream is at its cap and the fetch was not
// tried. The reader gets a stale copy or 503 with Retry-After.
var ErrUpstreamBusy = errors.New("upstream is at its cap of requests in flight")

// ErrUpstreamSpared says that the origin failed of late and the fetch was not tried. It
// is an ErrUpstreamBusy too.
var ErrUpstreamSpared = errors.New("upstream is spared, as it failed of late")
