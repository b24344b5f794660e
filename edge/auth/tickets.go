package auth

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	// ticketPeriod is how long one key seals tickets. A ticket opens in its
	// period and the next, so it is worth 12 to 24 hours.
	ticketPeriod = 12 * time.Hour
	ticketSecret = 16 // bytes of a secret, at least
)

// Tickets seals and opens TLS session tickets (RFC 8446 §4.6.1, RFC 5077) with
// keys that all who know one secret derive alike: a reader resumes on any node
// of a region, whichever gave it the ticket, and after a restart too. Its
// methods are for any number of goroutines.
type Tickets struct {
	secret []byte
	region string
	now    func() time.Time
	ring   atomic.Pointer[ticketRing]
}

// ticketRing is the keys of one period, in the only form that crypto/tls takes.
type ticketRing struct {
	period int64
	config *tls.Config
}

// NewTickets returns the tickets of a region. The secret has 16 bytes or more.
func NewTickets(secret []byte, region string, now func() time.Time) (*Tickets, error) {
	if len(secret) < ticketSecret {
		return nil, fmt.Errorf("session tickets: secret must have %d bytes, not %d", ticketSecret, len(secret))
	}
	t := &Tickets{secret: secret, region: region, now: now}
	_, err := t.current()
	return t, err
}

// Use makes a server's configuration, and all its clones, seal with these keys.
func (t *Tickets) Use(c *tls.Config) {
	c.WrapSession = func(cs tls.ConnectionState, s *tls.SessionState) ([]byte, error) {
		keys, err := t.current()
		if err != nil {
			return nil, err
		}
		return keys.EncryptTicket(cs, s)
	}
	c.UnwrapSession = func(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		keys, err := t.current()
		if err != nil {
			return nil, err
		}
		return keys.DecryptTicket(ticket, cs)
	}
}

// current returns the keys of now. Whoever comes first in a period makes them;
// two who come at once make the same.
func (t *Tickets) current() (*tls.Config, error) {
	period := t.now().Unix() / int64(ticketPeriod/time.Second)
	if r := t.ring.Load(); r != nil && r.period == period {
		return r.config, nil
	}
	// The first seals, all open. The next period's is among them for tickets of
	// a node whose clock is ahead.
	var keys [3][32]byte
	for i, p := range [3]int64{period, period - 1, period + 1} {
		key, err := hkdf.Key(sha256.New, t.secret, binary.BigEndian.AppendUint64(nil, uint64(p)), "letteredge session ticket "+t.region, len(keys[i]))
		if err != nil {
			return nil, fmt.Errorf("derive session ticket key: %w", err)
		}
		keys[i] = [32]byte(key)
	}
	config := &tls.Config{}
	config.SetSessionTicketKeys(keys[:])
	t.ring.Store(&ticketRing{period, config})
	return config, nil
}
