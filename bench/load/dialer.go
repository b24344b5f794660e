package load

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// dialer connects to the hosts of a plan by the addresses that were checked.
type dialer struct {
	plan  *plan
	addrs map[string][]netip.AddrPort // by target.addr
}

// resolve looks each host up once. A name that is answered otherwise later
// (DNS rebinding) cannot turn a load against another machine.
func (p *plan) resolve(ctx context.Context) (*dialer, error) {
	d := &dialer{plan: p, addrs: map[string][]netip.AddrPort{}}
	for _, t := range p.targets {
		if _, ok := d.addrs[t.addr]; ok {
			continue
		}
		addrs, err := lookup(ctx, t.addr)
		if err != nil {
			return nil, err
		}
		for _, a := range addrs {
			if !p.AllowRemote && !a.Addr().IsLoopback() {
				return nil, fieldErrorf("url", "must name a loopback host (%s is %s) unless --allow-remote is given", t.url.Hostname(), a.Addr())
			}
		}
		d.addrs[t.addr] = addrs
	}
	return d, nil
}

func lookup(ctx context.Context, hostport string) ([]netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, fieldErrorf("url", "must name host and port: %v", err)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil || port == 0 {
		return nil, fieldErrorf("url", "must have a port from 1 to 65535, not %.20q", service)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w: %w", host, ErrUnreachable, err)
	}
	addrs := make([]netip.AddrPort, 0, len(ips))
	for _, v4 := range []bool{true, false} { // IPv4 first, as a list without 127.0.0.1 is rarer than one without ::1
		for _, ip := range ips {
			if ip = ip.Unmap(); ip.Is4() == v4 {
				addrs = append(addrs, netip.AddrPortFrom(ip, uint16(port)))
			}
		}
	}
	return addrs, nil
}

// each tries the addresses of a target in turn and returns the last error.
func (d *dialer) each(t *target, try func(netip.AddrPort) error) error {
	err := fmt.Errorf("%s has no address", t.addr)
	for _, a := range d.addrs[t.addr] {
		if err = try(a); err == nil {
			return nil
		}
	}
	return &dialError{fmt.Errorf("connect to %s: %w", t.addr, err)}
}

// stream opens a TCP connection, with TLS and the given ALPN for https.
func (d *dialer) stream(ctx context.Context, t *target, alpn string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.plan.Timeout)
	defer cancel()
	var conn net.Conn
	err := d.each(t, func(a netip.AddrPort) error {
		raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", a.String())
		if err != nil || t.url.Scheme != "https" {
			conn = raw
			return err
		}
		secure := tls.Client(raw, d.tlsConfig(t, alpn))
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = raw.Close() // the handshake's error is the one to tell
			return err
		}
		if got := secure.ConnectionState().NegotiatedProtocol; got != alpn && !(got == "" && alpn == "http/1.1") {
			_ = raw.Close()
			return fmt.Errorf("server chose protocol %q, not %q", got, alpn)
		}
		conn = secure
		return nil
	})
	return conn, err
}

func (d *dialer) tlsConfig(t *target, alpn string) *tls.Config {
	return &tls.Config{
		ServerName:         t.url.Hostname(),
		RootCAs:            d.plan.roots,
		InsecureSkipVerify: d.plan.Insecure,
		NextProtos:         []string{alpn},
		MinVersion:         tls.VersionTLS12,
	}
}
