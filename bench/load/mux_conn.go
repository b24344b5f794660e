package load

import (
	"context"
	"errors"
	"sync"
)

// peer is one HTTP/2 or HTTP/3 connection.
type peer interface {
	// ask sends a request and reads the whole answer. It returns an
	// unprocessedError where the server has not begun the request.
	ask(ctx context.Context, t *target, keep *Answer) (answer, error)
	usable() bool // can carry another request
	close()
}

// muxConn carries the streams of several workers on one connection per host.
type muxConn struct {
	dial func(context.Context, *target) (peer, error)

	mu    sync.Mutex // guards peers; held while dialling: the other streams need that connection too
	peers map[string]peer
	old   []peer // replaced, closed with the rest: streams may still end on them
}

func newMuxConn(dial func(context.Context, *target) (peer, error)) *muxConn {
	return &muxConn{dial: dial, peers: map[string]peer{}}
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

const maxAgain = 4 // times that one request is sent again

func (c *muxConn) do(ctx context.Context, t *target, keep *Answer) (answer, error) {
	for try := 0; ; try++ {
		p, err := c.peer(ctx, t)
		if err != nil {
			return answer{}, err
		}
		a, err := p.ask(ctx, t, keep)
		var again *unprocessedError
		if try < maxAgain && errors.As(err, &again) && ctx.Err() == nil {
			continue
		}
		return a, err
	}
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
