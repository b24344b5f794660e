package h3

import "time"

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
	MaxConns       int
	MaxStreams     int

	HeaderTimeout time.Duration
	BodyTimeout   time.Duration
	WriteTimeout  time.Duration
	IdleTimeout   time.Duration

	// Refused is told of each connection that is one too many. It may be nil.
	Refused func()
}
