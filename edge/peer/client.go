package peer

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// ErrUnreachable means that a node could not be reached, just now or a moment
// ago.
var ErrUnreachable = errors.New("the node cannot be reached")

// Client calls other nodes. Safe for concurrent use.
type Client struct {
	resolve func(node string) string // the address, "" if there is none
	tls     func(node string) *tls.Config
	udp     *net.UDPConn
	tr      *quic.Transport

	mu     sync.Mutex
	links  map[string]*link // by node; guarded by mu
	closed bool             // guarded by mu
}

// link is the connection to one node.
type link struct {
	rt     *http3.Transport // nil after a failure; guarded by Client.mu
	failed time.Time        // when it could not be reached last; guarded by Client.mu
	pause  time.Duration
}

const (
	dialTimeout = time.Second
	pauseFirst  = 100 * time.Millisecond
	pauseMost   = 2 * time.Second
)

// NewClient returns a Client. conf must let nobody but that node answer.
func NewClient(resolve func(node string) string, conf func(node string) *tls.Config) (*Client, error) {
	udp, err := net.ListenUDP("udp", nil)
	if err != nil {
		return nil, fmt.Errorf("peers: %w", err)
	}
	return &Client{resolve: resolve, tls: conf, udp: udp, tr: &quic.Transport{Conn: udp}, links: map[string]*link{}}, nil
}

// Call sends body to a path of another node, and returns the answer. Errors are
// a *StatusError, ErrUnreachable, or ctx's.
func (c *Client) Call(ctx context.Context, node, path string, body []byte) ([]byte, error) {
	res, err := c.post(ctx, node, path, body)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(res.Body, MaxCall+1))
	if err != nil {
		return nil, fmt.Errorf("call %s of %s: %w", path, node, err)
	}
	if len(reply) > MaxCall {
		return nil, fmt.Errorf("call %s of %s: the answer has more than %d bytes", path, node, MaxCall)
	}
	return reply, nil
}

// post sends a call and returns the answer, its body unread; its status is 200.
func (c *Client) post(ctx context.Context, node, path string, body []byte) (*http.Response, error) {
	l, rt, err := c.link(node)
	if err != nil {
		return nil, fmt.Errorf("call %s of %s: %w", path, node, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+node+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("call %s of %s: %w", path, node, err)
	}
	res, err := rt.RoundTrip(req)
	if err != nil {
		if !errors.Is(ctx.Err(), context.Canceled) { // who has no time left has not been answered in time, either
			c.failed(l, rt)
			err = fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		return nil, fmt.Errorf("call %s of %s: %w", path, node, err)
	}
	c.reached(l)
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1024)) // what there is of it
		return nil, fmt.Errorf("call %s of %s: %w", path, node, &StatusError{res.StatusCode, string(bytes.TrimSpace(text))})
	}
	return res, nil
}

// link returns what there is of a node, and the connection to it; that is made by
// the first call, and is the caller's to use, also if it fails for others meanwhile.
func (c *Client) link(node string) (*link, *http3.Transport, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, net.ErrClosed
	}
	l := c.links[node]
	if l != nil && l.pause > 0 && time.Since(l.failed) < l.pause {
		return nil, nil, ErrUnreachable
	}
	if l == nil {
		l = &link{}
		c.links[node] = l
	}
	if l.rt == nil {
		l.rt = &http3.Transport{
			TLSClientConfig: c.tls(node), DisableCompression: true, MaxResponseHeaderBytes: maxHeader,
			QUICConfig: &quic.Config{HandshakeIdleTimeout: dialTimeout, MaxIdleTimeout: idleTimeout, KeepAlivePeriod: keepAlive},
			Dial: func(ctx context.Context, _ string, conf *tls.Config, qc *quic.Config) (*quic.Conn, error) {
				addr, err := net.ResolveUDPAddr("udp", c.resolve(node))
				if err != nil {
					return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
				}
				if addr.IP == nil {
					return nil, fmt.Errorf("%w: nobody knows where it is", ErrUnreachable)
				}
				ctx, cancel := context.WithTimeout(ctx, dialTimeout)
				defer cancel()
				return c.tr.DialEarly(ctx, addr, conf, qc)
			},
		}
	}
	return l, l.rt, nil
}

// failed drops a connection, so that the next call makes a new one: the node may
// be another process by now, which knows nothing of this one. The pause before
// grows with each failure, and differs from node to node. Of the calls that fail
// with one connection the first counts.
func (c *Client) failed(l *link, rt *http3.Transport) {
	if !c.drop(l, rt) {
		return
	}
	_ = rt.Close() // what is under way on it fails, and is told so
}

func (c *Client) drop(l *link, rt *http3.Transport) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.rt != rt {
		return false
	}
	l.rt = nil
	l.failed = time.Now()
	l.pause = min(pauseMost, max(pauseFirst, 2*l.pause))
	l.pause -= time.Duration(rand.Int64N(int64(l.pause / 4)))
	return true
}

func (c *Client) reached(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.pause = 0
}

// Close ends all connections.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	var open []*http3.Transport
	for _, l := range c.links {
		if l.rt != nil {
			open = append(open, l.rt)
		}
	}
	c.links = nil
	c.mu.Unlock()
	var err error
	for _, rt := range open {
		err = errors.Join(err, rt.Close())
	}
	err = errors.Join(err, c.tr.Close())
	if cerr := c.udp.Close(); cerr != nil && !errors.Is(cerr, net.ErrClosed) {
		err = errors.Join(err, cerr)
	}
	return err
}
