package compare

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// MaxOriginBody bounds an Origin's body.
const MaxOriginBody = 64 << 20

// Origin answers every path with a body of one size that is fresh for a day,
// and counts what it is asked.
type Origin struct {
	Addr  string // host:port
	Type  string // the answers' Content-Type; to be changed before the first request
	asked atomic.Int64
	body  []byte
	srv   *http.Server
	done  chan error
}

// NewOrigin opens a free loopback port. The caller calls Close.
func NewOrigin(size int) (*Origin, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open origin: %w", err)
	}
	o := &Origin{Addr: ln.Addr().String(), Type: "application/octet-stream", body: bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size], done: make(chan error, 1)}
	o.srv = &http.Server{Handler: o, ReadHeaderTimeout: time.Minute}
	go func() { o.done <- o.srv.Serve(ln) }()
	return o, nil
}

// ServeHTTP is one answer. Its field lines are those that any cacheable answer has.
func (o *Origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.asked.Add(1)
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=86400")
	h.Set("Content-Type", o.Type)
	h.Set("Content-Length", strconv.Itoa(len(o.body)))
	h.Set("ETag", `"`+strings.Trim(r.URL.Path, "/")+`"`)
	_, _ = w.Write(o.body) // a cache that goes away is told of by its client
}

// Asked is how many requests have come.
func (o *Origin) Asked() int64 { return o.asked.Load() }

// Close ends the origin.
func (o *Origin) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if o.srv.Shutdown(ctx) != nil {
		_ = o.srv.Close() // connections that caches keep open are nobody's loss
	}
	if err := <-o.done; err != http.ErrServerClosed {
		return fmt.Errorf("close origin: %w", err)
	}
	return nil
}
