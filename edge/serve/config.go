package serve

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// Config says where and how to serve. The zero value of a bound is its default;
// there is no way to have none.
type Config struct {
	// Plain is the host:port of the listener for HTTP/1.1 in clear text, Secure
	// that of the listeners for HTTP/1.1 and HTTP/2 over TLS and, with the same
	// port number over UDP, for HTTP/3. One of them is required; a port of 0
	// picks one.
	//
	// The host "localhost" is served on 127.0.0.1 and ::1. A Secure address with
	// either of these is served on the other too: a browser told localhost tries
	// ::1 first, and over UDP it does not come back.
	Plain, Secure string
	// TLS holds the certificates (or GetCertificate); required with Secure. Its
	// NextProtos are set here.
	TLS *tls.Config
	// Keys are QUIC's. They should outlive a restart and be equal on all nodes
	// that share an address.
	Keys QUICKeys
	// NoEarlyData turns 0-RTT off. With it on, the core answers 425 to unsafe
	// methods in early data, and what is no hit waits for the handshake.
	NoEarlyData bool

	// H2 and H3 say what serves HTTP/2 and HTTP/3; Stock is the default.
	H2, H3 Stack

	// MaxHeaderBytes bounds a request's header section, its start line included
	// (32 KiB). Each HTTP/1.1 connection holds a buffer of that size.
	MaxHeaderBytes int
	// MaxBody bounds a request's content in bytes (16 MiB); more is a 413.
	MaxBody int64
	// MaxConns bounds the TCP connections of each of the two listeners, and the QUIC
	// connections of each UDP socket (10,000).
	MaxConns int
	// MaxConnsPerIP bounds the TCP connections of one client address. 0, the
	// default, is no such bound: a CDN in front comes from few addresses.
	MaxConnsPerIP int
	// MaxStreams bounds the requests in flight on one HTTP/2 or HTTP/3
	// connection (128).
	MaxStreams int

	// HeaderTimeout bounds the TLS handshake, and on HTTP/1.1 the reading of a
	// header section (10 s).
	HeaderTimeout time.Duration
	// BodyTimeout bounds the reading of a request's content (60 s), and of what comes of
	// it behind an answer that did not wait for it.
	BodyTimeout time.Duration
	// WriteTimeout bounds the writing of an answer from memory once it has begun, and
	// each step of one that is streamed (60 s). On stock HTTP/2 it includes the time to
	// the answer; on lean HTTP/3 an answer that QUIC took whole ends with its connection.
	WriteTimeout time.Duration
	// IdleTimeout closes connections without a request (60 s).
	IdleTimeout time.Duration

	// AltSvcMaxAge is how long a client may remember that HTTP/3 is spoken here
	// (5 min). Short, so that a node without UDP in front of it soon stops
	// costing clients a try.
	AltSvcMaxAge time.Duration
	// AltSvcPort is the UDP port to announce where it is not the listener's
	// own, behind a NAT for example.
	AltSvcPort int
}

// Stack says what serves a protocol.
type Stack string

// The stacks: the library's server over net/http's types, or our own, which answers
// a hit where it reads the request.
const (
	Stock Stack = "stock"
	Lean  Stack = "lean"
)

// QUICKeys are secrets of the HTTP/3 listener. A zero key is replaced by a
// random one.
type QUICKeys struct {
	StatelessReset [32]byte // RFC 9000 §10.3
	Token          [32]byte // RFC 9000 §8.1.3
}

// withDefaults validates c and fills in what it leaves open.
func (c Config) withDefaults() (Config, error) {
	if c.Plain == "" && c.Secure == "" {
		return c, errors.New("serve: config: Plain or Secure is required")
	}
	if c.Secure != "" && c.TLS == nil {
		return c, errors.New("serve: config: Secure needs TLS")
	}
	if c.TLS != nil && c.Secure != "" && len(c.TLS.Certificates) == 0 && c.TLS.GetCertificate == nil {
		return c, errors.New("serve: config: TLS needs Certificates or GetCertificate")
	}
	for name, addr := range map[string]string{"Plain": c.Plain, "Secure": c.Secure} {
		if addr == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return c, fmt.Errorf("serve: config: %s is host:port: %w", name, err)
		}
	}
	for name, stack := range map[string]*Stack{"H2": &c.H2, "H3": &c.H3} {
		if *stack == "" {
			*stack = Stock
		}
		if *stack != Stock && *stack != Lean {
			return c, fmt.Errorf("serve: config: %s is %q or %q, not %q", name, Lean, Stock, *stack)
		}
	}
	if c.AltSvcPort < 0 || c.AltSvcPort > 65535 {
		return c, fmt.Errorf("serve: config: AltSvcPort %d is no port", c.AltSvcPort)
	}
	defaultTo(&c.MaxHeaderBytes, 32<<10)
	defaultTo(&c.MaxBody, 16<<20)
	defaultTo(&c.MaxConns, 10_000)
	defaultTo(&c.MaxStreams, 128)
	defaultTo(&c.HeaderTimeout, 10*time.Second)
	defaultTo(&c.BodyTimeout, time.Minute)
	defaultTo(&c.WriteTimeout, time.Minute)
	defaultTo(&c.IdleTimeout, time.Minute)
	defaultTo(&c.AltSvcMaxAge, 5*time.Minute)
	return c, nil
}

func defaultTo[T int | int64 | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}
