package compare

import (
	"fmt"
	"time"

	"github.com/letteros/letteredge/bench/load"
)

// Limits of a comparison.
const (
	MaxRounds = 1000
	MaxBody   = 1 << 20 // bytes
)

// host is the Host of every request: all servers are asked with the same.
const host = "edge.example"

// Scenario is one way to ask for hits.
type Scenario struct {
	Proto       load.Proto `json:"proto"`
	BodyBytes   int        `json:"body_bytes"`
	Connections int        `json:"connections"`
	Streams     int        `json:"streams"`
	Fresh       bool       `json:"fresh"` // HTTP/1.1 over TLS, a connection and a full handshake for each request
	Open        bool       `json:"open"`  // at 60 % of what the slower of a pair answers in the closed loop
}

// String names a scenario as a heading does.
func (s Scenario) String() string {
	loop := "closed loop"
	if s.Open {
		loop = "open loop at 60 % of the slower's capacity"
	}
	proto := s.Proto.String()
	if s.Fresh {
		proto += " over TLS, a full handshake each"
	}
	return fmt.Sprintf("%s, %d B, %d connections × %d, %s", proto, s.BodyBytes, s.Connections, s.Streams, loop)
}

// HitsConfig says how hits are compared. The first peer is the one that the
// others are held against.
type HitsConfig struct {
	Peers    []Peer
	Scenario Scenario
	Rounds   int           // 0 means 15
	Window   time.Duration // 0 means 1 s
	Warmup   time.Duration // of each window; 0 means 100 ms
	Seed     uint64
	OnPair   func(Pair) // called after each; may be nil
}

func (c HitsConfig) withDefaults() (HitsConfig, error) {
	if c.Rounds == 0 {
		c.Rounds = 15
	}
	if c.Window == 0 {
		c.Window = time.Second
	}
	if c.Warmup == 0 {
		c.Warmup = 100 * time.Millisecond
	}
	var able []Peer
	for _, p := range c.Peers {
		if p.speaks(c.Scenario.Proto) && (p.kind.secure || !c.Scenario.Fresh) {
			able = append(able, p)
		}
	}
	switch {
	case len(c.Peers) == 0 || len(able) == 0 || able[0].Name != c.Peers[0].Name:
		return c, &load.FieldError{Field: "peer", Reason: "must begin with one that speaks " + c.Scenario.Proto.String()}
	case len(able) < 2:
		return c, &load.FieldError{Field: "peer", Reason: "must name another that is on this machine and speaks " + c.Scenario.Proto.String()}
	case c.Rounds < 1 || c.Rounds > MaxRounds:
		return c, &load.FieldError{Field: "rounds", Reason: fmt.Sprintf("must be from 1 to %d", MaxRounds)}
	case c.Scenario.BodyBytes < 0 || c.Scenario.BodyBytes > MaxBody:
		return c, &load.FieldError{Field: "body", Reason: fmt.Sprintf("must be from 0 to %d bytes", MaxBody)}
	}
	c.Peers = able
	return c, nil
}

// CorpusConfig says what caches are filled with.
type CorpusConfig struct {
	Peers     []Peer
	Objects   int
	BodyBytes int
	Seed      uint64
	OnPeer    func(string) // called before each; may be nil
}

func (c CorpusConfig) validate() error {
	switch {
	case len(c.Peers) == 0:
		return &load.FieldError{Field: "peer", Reason: "must name one that is on this machine"}
	case c.Objects < 1000 || c.Objects > load.MaxURLs:
		return &load.FieldError{Field: "objects", Reason: fmt.Sprintf("must be from 1000 to %d", load.MaxURLs)}
	case c.BodyBytes < 1 || c.BodyBytes > MaxBody:
		return &load.FieldError{Field: "body", Reason: fmt.Sprintf("must be from 1 to %d bytes", MaxBody)}
	}
	return nil
}
