package load

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// h3Peer is one QUIC connection on a UDP socket of its own.
type h3Peer struct {
	udp   *net.UDPConn
	tr    *quic.Transport
	cc    *http3.ClientConn
	spent atomic.Bool // refused a request: GOAWAY, or broken
}

func (d *dialer) dialH3(ctx context.Context, t *target) (peer, error) {
	ctx, cancel := context.WithTimeout(ctx, d.plan.Timeout)
	defer cancel()
	var p *h3Peer
	err := d.each(t, func(a netip.AddrPort) (err error) {
		p, err = d.dialQUIC(ctx, t, a)
		return err
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (d *dialer) dialQUIC(ctx context.Context, t *target, a netip.AddrPort) (*h3Peer, error) {
	local := net.UDPAddr{IP: net.IPv4zero}
	if a.Addr().Is6() {
		local.IP = net.IPv6unspecified
	}
	udp, err := net.ListenUDP("udp", &local)
	if err != nil {
		return nil, err
	}
	p := &h3Peer{udp: udp, tr: &quic.Transport{Conn: udp}}
	qc, err := p.tr.Dial(ctx, net.UDPAddrFromAddrPort(a), d.tlsConfig(t, http3.NextProtoH3), &quic.Config{
		MaxIncomingStreams: -1, // servers open no bidirectional streams in HTTP/3 (RFC 9114 §6.1)
		KeepAlivePeriod:    10 * time.Second,
	})
	if err != nil {
		return nil, errors.Join(err, p.tr.Close(), udp.Close())
	}
	transport := &http3.Transport{DisableCompression: true} // bytes are counted as sent
	p.cc = transport.NewClientConn(qc)
	return p, nil
}

func (p *h3Peer) RoundTrip(req *http.Request) (*http.Response, error) {
	rsp, err := p.cc.RoundTrip(req)
	if err != nil && req.Context().Err() == nil {
		p.spent.Store(true)
	}
	return rsp, err
}

func (p *h3Peer) usable() bool { return !p.spent.Load() && p.cc.Context().Err() == nil }

// close ends the connection and joins its goroutines. The run is over: there is
// no one to tell of an error.
func (p *h3Peer) close() {
	_ = p.cc.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
	_ = p.tr.Close()
	_ = p.udp.Close()
}
