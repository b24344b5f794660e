package load

import "fmt"

// Proto is the version of HTTP that a run speaks.
type Proto uint8

const (
	H1 Proto = iota // HTTP/1.1 over TCP, with TLS for https
	H2              // HTTP/2 over TLS
	H3              // HTTP/3 over QUIC
)

var protoNames = [...]string{H1: "h1", H2: "h2", H3: "h3"}

// String returns h1, h2 or h3.
func (p Proto) String() string {
	if int(p) >= len(protoNames) {
		return fmt.Sprintf("Proto(%d)", uint8(p))
	}
	return protoNames[p]
}

// MarshalText writes what String returns.
func (p Proto) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads h1, h2 or h3.
func (p *Proto) UnmarshalText(text []byte) error {
	for i, name := range protoNames {
		if string(text) == name {
			*p = Proto(i)
			return nil
		}
	}
	return fmt.Errorf("must be one of h1, h2, h3, not %.40q", text)
}

// multiplexed reports whether one connection carries several requests at once.
func (p Proto) multiplexed() bool { return p != H1 }
