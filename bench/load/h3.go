package load

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	plan  *plan
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
	p := &h3Peer{plan: d.plan, udp: udp, tr: &quic.Transport{Conn: udp}}
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

func (p *h3Peer) ask(ctx context.Context, t *target, keep *Answer) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, p.plan.Timeout)
	defer cancel()
	req := &http.Request{Method: p.plan.Method, URL: t.url, Host: t.host, Header: p.plan.fields, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	rsp, err := p.cc.RoundTrip(req.WithContext(ctx))
	if err != nil {
		if ctx.Err() == nil {
			p.spent.Store(true)
		}
		return answer{}, cause(ctx, err)
	}
	defer func() { _ = rsp.Body.Close() }() // read to its end, or given up
	if keep != nil {
		return keepResponse(rsp, keep)
	}
	a := answer{status: rsp.StatusCode}
	if a.bytes, err = io.Copy(io.Discard, rsp.Body); err != nil {
		return answer{}, cause(ctx, err)
	}
	return a, nil
}

// cause puts the deadline before what it did to the stream: transports tell of
// a reset stream where the reason was our own time-out.
func cause(ctx context.Context, err error) error {
	if cerr := ctx.Err(); cerr != nil && !errors.Is(err, cerr) {
		return fmt.Errorf("%w: %w", cerr, err)
	}
	return err
}

func keepResponse(rsp *http.Response, keep *Answer) (answer, error) {
	body, err := io.ReadAll(io.LimitReader(rsp.Body, maxKept+1))
	if err != nil {
		return answer{}, err
	}
	if len(body) > maxKept {
		return answer{}, errTooLong
	}
	*keep = Answer{Status: rsp.StatusCode, Body: body}
	for name, values := range rsp.Header {
		for _, v := range values {
			keep.Fields = append(keep.Fields, Field{name, v})
		}
	}
	sortFields(keep.Fields)
	return answer{rsp.StatusCode, int64(len(body))}, nil
}

func (p *h3Peer) usable() bool { return !p.spent.Load() && p.cc.Context().Err() == nil }

// close ends the connection and joins its goroutines. The run is over: there is
// no one to tell of an error.
func (p *h3Peer) close() {
	_ = p.cc.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
	_ = p.tr.Close()
	_ = p.udp.Close()
}
