//lint:file-ignore SA1019 net/http's own transport does not say how many connections it opens.

package load

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/net/http2"
)

// h2Peer is one HTTP/2 connection. It is dialled and kept here, not in a pool:
// a pool opens another connection when the streams of one are used up, and the
// number of connections is a setting of the run.
type h2Peer struct{ cc *http2.ClientConn }

func (d *dialer) dialH2(ctx context.Context, t *target) (peer, error) {
	nc, err := d.stream(ctx, t, http2.NextProtoTLS)
	if err != nil {
		return nil, err
	}
	transport := &http2.Transport{
		DisableCompression:         true, // bytes are counted as sent
		StrictMaxConcurrentStreams: true, // wait for a stream, as a reader's browser would
		WriteByteTimeout:           d.plan.Timeout,
	}
	cc, err := transport.NewClientConn(nc)
	if err != nil {
		_ = nc.Close() // the handshake's error is the one to tell
		return nil, &dialError{err}
	}
	return &h2Peer{cc: cc}, nil
}

func (p *h2Peer) RoundTrip(req *http.Request) (*http.Response, error) { return p.cc.RoundTrip(req) }

// usable: a connection whose streams are all taken is usable, by waiting.
func (p *h2Peer) usable() bool {
	s := p.cc.State()
	return !s.Closed && !s.Closing
}

func (p *h2Peer) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if p.cc.Shutdown(ctx) != nil {
		_ = p.cc.Close() // the run is over; there is no one to tell
	}
}
