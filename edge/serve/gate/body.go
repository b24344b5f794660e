package gate

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/letteros/letteredge/edge"
)

var (
	errBodyTooLarge = errors.New("the content of the request is too large")
	errBodyEnded    = errors.New("the request is over")
)

// Body is the content of one request. Whoever forwards it may go on reading it
// after the answer has come (net/http's Transport does), when the transport's
// buffers already belong to the next request:
//
//  1. the origin answers before it has read all; Serve returns;
//  2. the connection's buffers are reused for the next request;
//  3. the origin client's write loop reads once more.
//
// So a body is never pooled, and End waits until nobody is inside Read and bars
// later ones.
type Body struct {
	exceeded atomic.Bool // more came than is allowed
	broken   atomic.Bool // it ended before its end, or is not coded as it says
	late     atomic.Bool // it did not come in time

	mu   sync.Mutex // held while reading; guards the rest
	r    io.Reader
	left int64 // of the limit
	due  int64 // of the announced length; negative if there is none
	end  bool  // all of it was read
	over bool
}

// NewBody is the content that comes from r, which was announced with a length, if that
// is not negative, and of which at most limit bytes are allowed.
func NewBody(r io.Reader, length, limit int64) *Body { return &Body{r: r, left: limit, due: length} }

// Read reads content, and one byte more than the limit to know that there is
// more.
func (b *Body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return 0, errBodyEnded
	}
	if b.exceeded.Load() {
		return 0, errBodyTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if int64(n) > b.left {
		b.exceeded.Store(true)
		return int(b.left), errBodyTooLarge
	}
	b.left -= int64(n)
	if b.due >= 0 {
		if b.due -= int64(n); b.due > 0 && err == io.EOF {
			err = io.ErrUnexpectedEOF // fasthttp passes off an early end for that of the content
		}
	}
	var clock net.Error
	switch {
	case err == nil:
	case err == io.EOF:
		b.end = true
	case errors.As(err, &clock) && clock.Timeout():
		b.late.Store(true)
	default:
		b.broken.Store(true)
	}
	return n, err
}

// Blame is what the content did wrong, if that is why rep is an error of the
// edge's own: an origin that got half a request cannot be blamed for not
// answering it.
func (b *Body) Blame(rep *edge.Reply, limit int64) Refusal {
	switch {
	case b == nil:
		return Refusal{}
	case b.exceeded.Load():
		return TooLarge(limit)
	case rep.Status < 500 || rep.Art != nil || rep.Stream != nil:
		return Refusal{}
	case b.late.Load():
		return Refusal{http.StatusRequestTimeout, "content", "the content of the request did not come in time"}
	case b.broken.Load():
		return Refusal{http.StatusBadRequest, "content", "the content of the request breaks off, or is not coded as its header section says"}
	}
	return Refusal{}
}

// Whole reports whether all of the content was read. It waits for nobody who reads: then
// it was not.
func (b *Body) Whole() bool {
	if !b.mu.TryLock() {
		return false
	}
	defer b.mu.Unlock()
	return b.end
}

// End bars further reads. A read that is waiting for the client is broken off
// by interrupt, after which the connection serves no more requests; end reports
// whether that was needed.
func (b *Body) End(interrupt func()) (broken bool) {
	if !b.mu.TryLock() {
		interrupt()
		broken = true
		b.mu.Lock()
	}
	b.over = true
	b.mu.Unlock()
	return broken
}
