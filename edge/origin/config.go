package origin

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"
)

// Config describes an origin. Only URL is required.
type Config struct {
	// URL is http(s)://host[:port][/prefix]. A prefix goes before every target.
	URL string
	// PreserveHost sends the reader's Host on instead of the URL's.
	PreserveHost bool
	// CAFile is a PEM file with the roots that an https origin's certificate is
	// checked against. "" means the system's.
	CAFile string
	// Via is the pseudonym under which requests are marked (RFC 9110 §7.6.3).
	// Default "letteredge".
	Via string
	// MaxInFlight bounds fetches whose body is not closed yet, and kept connections;
	// three quarters of it, those whose request has content. Beyond it Fetch fails at
	// once. Default 256.
	MaxInFlight int
	// ConnectTimeout bounds TCP and TLS together. Default 3 s.
	ConnectTimeout time.Duration
	// HeaderTimeout bounds the wait for the header section, connecting included;
	// it starts anew with every piece of request body that goes out, and halts while
	// the next is waited for. Default 15 s.
	HeaderTimeout time.Duration
	// BodyTimeout bounds the wait for each piece of an answer's body. Default 15 s.
	BodyTimeout time.Duration
	// IdleTimeout is how long an unused connection is kept. Default 60 s; longer
	// than the origin's own means more requests that meet a closed connection.
	IdleTimeout time.Duration
	// MaxHeaderBytes bounds an answer's header section. Default 64 KiB.
	MaxHeaderBytes int64
}

// withDefaults returns a filled copy.
func (c Config) withDefaults() Config {
	fill(&c.Via, "letteredge")
	fill(&c.MaxInFlight, 256)
	fill(&c.ConnectTimeout, 3*time.Second)
	fill(&c.HeaderTimeout, 15*time.Second)
	fill(&c.BodyTimeout, 15*time.Second)
	fill(&c.IdleTimeout, 60*time.Second)
	fill(&c.MaxHeaderBytes, 64<<10)
	return c
}

func fill[T comparable](field *T, value T) {
	if *field == *new(T) {
		*field = value
	}
}

// validate names the first field that is wrong.
func (c *Config) validate() error {
	switch {
	case !isPseudonym(c.Via):
		return fmt.Errorf("config: Via: %q is no token", c.Via)
	case c.MaxInFlight < 0:
		return fmt.Errorf("MaxInFlight: %d, must be at least 1", c.MaxInFlight)
	case c.MaxHeaderBytes < 0:
		return fmt.Errorf("MaxHeaderBytes: %d, must be at least 1", c.MaxHeaderBytes)
	}
	for name, d := range map[string]time.Duration{
		"ConnectTimeout": c.ConnectTimeout, "HeaderTimeout": c.HeaderTimeout,
		"BodyTimeout": c.BodyTimeout, "IdleTimeout": c.IdleTimeout,
	} {
		if d < 0 {
			return fmt.Errorf("%s: %s, must be positive", name, d)
		}
	}
	return nil
}

// base parses the URL.
func (c *Config) base() (*url.URL, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, fmt.Errorf("URL: %w", err)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("URL: scheme %q, must be http or https", u.Scheme)
	case u.Hostname() == "":
		return nil, errors.New("URL: has no host")
	case u.User != nil, u.RawQuery != "", u.ForceQuery, u.Fragment != "", u.Opaque != "":
		return nil, errors.New("URL: must be scheme, host, port and path only")
	case hasDotSegment(u.EscapedPath()), strings.Contains(u.EscapedPath(), "//"):
		return nil, errors.New("URL: its path has dot segments or empty ones")
	}
	return u, nil
}

// roots reads CAFile; nil means the system's roots.
func (c *Config) roots() (*x509.CertPool, error) {
	if c.CAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("CAFile: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("CAFile: %s holds no certificate in PEM", c.CAFile)
	}
	return pool, nil
}
