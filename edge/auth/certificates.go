package auth

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// checkEvery is how often certificate files are looked at, and how long a
// renewal that failed is let alone.
const checkEvery = time.Minute

// Certificates gives handshakes the certificate of the moment and renews it in
// time. Its methods may be called from any number of goroutines.
type Certificates struct {
	// next returns the certificate that follows old (nil at first) and when to
	// ask again. It is called under mu.
	next func(old *tls.Certificate) (*tls.Certificate, time.Time, error)
	now  func() time.Time
	log  *slog.Logger

	current atomic.Pointer[held]
	mu      sync.Mutex // held while renewing
}

// held is a certificate and when to look for its successor. Immutable.
type held struct {
	cert *tls.Certificate
	due  time.Time
}

// Issued returns the certificates that a issues for localhost, 127.0.0.1, ::1
// and names: of 90 days each, a new one when 60 of them are over. They are kept
// in memory only. log is told of renewals.
func Issued(a *Authority, names []string, log *slog.Logger) (*Certificates, error) {
	all := []string{"localhost", "127.0.0.1", "::1"}
	for _, n := range names {
		if !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	c := &Certificates{now: a.now, log: log}
	c.next = func(*tls.Certificate) (*tls.Certificate, time.Time, error) {
		cert, err := a.issue(all)
		return cert, a.now().Add(leafLife * 2 / 3), err
	}
	return c, c.start()
}

// FromFiles returns the certificate in two PEM files, which are read again when
// they change: they are looked at once a minute, when a handshake asks.
func FromFiles(certFile, keyFile string, now func() time.Time, log *slog.Logger) (*Certificates, error) {
	c := &Certificates{now: now, log: log}
	var seen [2]time.Time // modification times of the pair in use
	c.next = func(old *tls.Certificate) (*tls.Certificate, time.Time, error) {
		due := now().Add(checkEvery)
		var found [2]time.Time
		for i, name := range []string{certFile, keyFile} {
			info, err := os.Stat(name)
			if err != nil {
				return nil, due, fmt.Errorf("read certificate: %w", err)
			}
			found[i] = info.ModTime()
		}
		if old != nil && found == seen {
			return old, due, nil
		}
		cert, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, due, fmt.Errorf("read certificate %s: %w", certFile, err)
		}
		seen = found
		return &cert, due, nil
	}
	return c, c.start()
}

func (c *Certificates) start() error {
	cert, due, err := c.next(nil)
	if err != nil {
		return err
	}
	c.current.Store(&held{cert, due})
	return nil
}

// GetCertificate returns the certificate of the moment; it fits
// tls.Config.GetCertificate. One handshake renews it when that is due, the
// others go on with the old one; if renewing fails, the old one stays and the
// next try is a minute later.
func (c *Certificates) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	h := c.current.Load()
	if c.now().Before(h.due) || !c.mu.TryLock() {
		return h.cert, nil
	}
	defer c.mu.Unlock()
	if h = c.current.Load(); c.now().Before(h.due) {
		return h.cert, nil
	}
	cert, due, err := c.next(h.cert)
	switch {
	case err != nil:
		c.log.Error("certificate not renewed; the old one stays", "expires", h.cert.Leaf.NotAfter, "err", err)
		cert, due = h.cert, c.now().Add(checkEvery)
	case cert != h.cert:
		c.log.Info("certificate renewed", "expires", cert.Leaf.NotAfter)
	}
	c.current.Store(&held{cert, due})
	return cert, nil
}
