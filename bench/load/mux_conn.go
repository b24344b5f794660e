package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strings"
	"sync"
)

// peer is one HTTP/2 or HTTP/3 connection.
type peer interface {
	http.RoundTripper
	usable() bool // can carry another request
	close()
}

// muxConn carries the streams of several workers on one connection per host.
type muxConn struct {
	d      *dialer
	dial   func(context.Context, *target) (peer, error)
	header http.Header // shared by all requests; the transports only read it

	mu    sync.Mutex // guards peers; held while dialling: the other streams need that connection too
	peers map[string]peer
	old   []peer // replaced, closed with the rest: streams may still end on them
}

func newMuxConn(d *dialer, dial func(context.Context, *target) (peer, error)) *muxConn {
	c := &muxConn{d: d, dial: dial, header: http.Header{}, peers: map[string]peer{}}
	for _, f := range d.plan.Header {
		if !f.is("Host") {
			c.header.Add(f.Name, f.Value)
		}
	}
	if c.header.Get("User-Agent") == "" {
		c.header.Set("User-Agent", userAgent)
	}
	return c
}

func (c *muxConn) connect(ctx context.Context, t *target) error {
	_, err := c.peer(ctx, t)
	return err
}

func (c *muxConn) peer(ctx context.Context, t *target) (peer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.peers[t.addr]; p != nil {
		if p.usable() {
			return p, nil
		}
		c.retireLocked(t.addr, p)
	}
	p, err := c.dial(ctx, t)
	if err != nil {
		return nil, err
	}
	c.peers[t.addr] = p
	return p, nil
}

const maxRetired = 16 // replaced connections that are left to their last streams

func (c *muxConn) retireLocked(addr string, p peer) {
	delete(c.peers, addr)
	c.old = append(c.old, p)
	if len(c.old) > maxRetired {
		c.old[0].close()
		c.old = c.old[1:]
	}
}

func (c *muxConn) do(ctx context.Context, t *target, keep *Answer) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.d.plan.Timeout)
	defer cancel()
	p, err := c.peer(ctx, t)
	if err != nil {
		return answer{}, err
	}
	req := &http.Request{Method: c.d.plan.Method, URL: t.url, Host: t.host, Header: c.header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	rsp, err := p.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return answer{}, c.cause(ctx, err)
	}
	defer func() { _ = rsp.Body.Close() }() // read to its end, or given up
	a := answer{status: rsp.StatusCode}
	if keep != nil {
		return c.keep(rsp, keep)
	}
	if a.bytes, err = io.Copy(io.Discard, rsp.Body); err != nil {
		return answer{}, c.cause(ctx, err)
	}
	return a, nil
}

// cause puts the deadline before what it did to the stream: transports tell of
// a reset stream where the reason was our own time-out.
func (c *muxConn) cause(ctx context.Context, err error) error {
	if cerr := ctx.Err(); cerr != nil && !errors.Is(err, cerr) {
		return fmt.Errorf("%w: %w", cerr, err)
	}
	return err
}

func (c *muxConn) keep(rsp *http.Response, keep *Answer) (answer, error) {
	body, err := io.ReadAll(io.LimitReader(rsp.Body, maxKept+1))
	if err != nil {
		return answer{}, err
	}
	if len(body) > maxKept {
		return answer{}, fmt.Errorf("body beyond %d bytes", maxKept)
	}
	*keep = Answer{Status: rsp.StatusCode, Body: body}
	for name, values := range rsp.Header {
		for _, v := range values {
			keep.Fields = append(keep.Fields, Field{name, v})
		}
	}
	sort.SliceStable(keep.Fields, func(i, j int) bool {
		return strings.Compare(keep.Fields[i].Name, keep.Fields[j].Name) < 0
	})
	return answer{rsp.StatusCode, int64(len(body))}, nil
}

func (c *muxConn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.peers {
		p.close()
	}
	for _, p := range c.old {
		p.close()
	}
	clear(c.peers)
	c.old = nil
}
