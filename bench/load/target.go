package load

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
)

const maxURL = 8 << 10 // bytes of one URL

// target is one URL, taken apart once.
type target struct {
	url  *url.URL
	path string // request-target in origin form
	host string // value of Host and :authority
	addr string // host:port to dial; the key of a connection

	h2path []byte // the field line of path, as HTTP/2 has it
}

func (p *plan) parseTargets() error {
	if len(p.URLs) == 0 || len(p.URLs) > MaxURLs {
		return fieldErrorf("url", "must be given 1 to %d times, not %d", MaxURLs, len(p.URLs))
	}
	seen := map[string]string{} // authority → scheme
	for _, raw := range p.URLs {
		t, err := p.parseTarget(raw)
		if err != nil {
			return err
		}
		if scheme, ok := seen[t.addr]; ok && scheme != t.url.Scheme {
			return fieldErrorf("url", "%s is given with both http and https", t.addr)
		}
		seen[t.addr] = t.url.Scheme
		p.targets = append(p.targets, t)
	}
	if len(seen) > maxAuthorities {
		return fieldErrorf("url", "may name at most %d different hosts, not %d", maxAuthorities, len(seen))
	}
	return nil
}

func (p *plan) parseTarget(raw string) (*target, error) {
	if len(raw) > maxURL {
		return nil, fieldErrorf("url", "must be at most %d characters long, not %d", maxURL, len(raw))
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, fieldErrorf("url", "must be an absolute URL, not %.80q", raw)
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return nil, fieldErrorf("url", "must begin with http:// or https:// and name a host, not %.80q", raw)
	case u.Scheme == "http" && p.Proto != H1:
		return nil, fieldErrorf("url", "must begin with https:// over %s, not %.80q", p.Proto, raw)
	case u.User != nil || u.Fragment != "":
		return nil, fieldErrorf("url", "must have neither user nor fragment: %.80q", raw)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	t := &target{url: u, path: u.RequestURI(), host: u.Host, addr: net.JoinHostPort(u.Hostname(), port)}
	if p.Proto == H2 {
		t.h2path = h2Path(t.path)
	}
	for _, f := range p.Header {
		if strings.EqualFold(f.Name, "Host") {
			t.host = f.Value
		}
	}
	return t, nil
}

// ReadURLs reads a list of URLs, one a line; empty lines and lines that begin
// with # are passed over. It stops with an error beyond MaxURLs.
func ReadURLs(r io.Reader) ([]string, error) {
	var urls []string
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxURL+2)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if len(urls) == MaxURLs {
			return nil, fmt.Errorf("read URLs: line %d: more than %d", n, MaxURLs)
		}
		urls = append(urls, line)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read URLs: %w", err)
	}
	return urls, nil
}
