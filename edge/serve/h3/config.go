package h3

import (
	"net/netip"
	"time"
)

// Config bounds what clients can make grow, as serve.Config says of each. All of it
// is required; whoever configures a server has filled in its defaults.
type Config struct {
	// StatelessReset and Token are QUIC's secrets (RFC 9000 §10.3, §8.1.3). A zero key
	// is replaced by a random one.
	StatelessReset, Token [32]byte
	// NoEarlyData turns 0-RTT off.
	NoEarlyData bool

	MaxHeaderBytes int
	MaxBody        int64
	MaxStreams     int

	HeaderTimeout time.Duration
	BodyTimeout   time.Duration
	WriteTimeout  time.Duration
	IdleTimeout   time.Duration

	Admission Admission
}

// Admission bounds the connections of a listener, on whichever of its sockets. Safe for
// concurrent use.
type Admission interface {
	// Enter counts a connection, and reports false, and has not, if it is one too many.
	Enter(client netip.Addr) bool
	// Leave counts off one that has entered.
	Leave(client netip.Addr)
	// Busy reports whether a client at this address has to show first that it is its own.
	Busy(client netip.Addr) bool
}
