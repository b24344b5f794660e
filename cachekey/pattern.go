package cachekey

import (
	"bytes"
	"fmt"
	"strings"
)

// Pattern selects the requests of one general route.
type Pattern struct {
	// Host is "" for any host, "example.com" for one, "*.example.com" for all
	// below it at any depth. It matches any port unless it has one itself
	// (80 and 443 count as none).
	Host string
	// Path is "/x" for one path, "/img/*" for all below /img/, "" or "/*" for
	// any (and for OPTIONS *).
	Path  string
	Query QueryRule
}

const maxPatterns = 1024

// pattern is a Pattern made ready.
type pattern struct {
	host    string // canonical; of a wildcard: ".example.com"
	below   bool   // host is a wildcard
	anyPort bool
	path    string // canonical; of a subtree: "/img/"
	subtree bool
	query   queryRule
}

func compilePattern(p Pattern) (pattern, error) {
	c := pattern{anyPort: true}
	var err *Error
	if c.query, err = compileQuery(p.Query); err != nil {
		return c, err
	}
	if p.Host != "" {
		name, below := strings.CutPrefix(p.Host, "*.")
		host, err := appendHost(nil, name)
		if err != nil {
			return c, fmt.Errorf("%w (leave it empty for any host)", err)
		}
		c.host, c.below = string(host), below
		if below {
			c.host = "." + c.host
		}
		c.anyPort = nameLen(host) == len(host)
	}
	path, subtree := strings.CutSuffix(p.Path, "/*")
	if subtree || p.Path == "" {
		path, c.subtree = path+"/", true
	}
	if strings.ContainsAny(path, "*?") || path[0] != '/' {
		return c, bad("path", "must be /x for one path, /x/* for all below it, or empty")
	}
	canonical, traits, err := appendPath(nil, path)
	switch {
	case err != nil:
		return c, err
	case traits.dots:
		return c, bad("path", "must not hold dot segments")
	case strings.HasPrefix(string(canonical), artifactRoot):
		return c, bad("path", "below "+artifactRoot+" are the artifact routes")
	}
	c.path = string(canonical)
	return c, nil
}

// matches takes the host with its port and name, the host without.
func (p *pattern) matches(host, name, path []byte) bool {
	if p.host != "" {
		if p.anyPort {
			host = name
		}
		if p.below && (len(host) < len(p.host) || string(host[len(host)-len(p.host):]) != p.host) {
			return false
		}
		if !p.below && string(host) != p.host {
			return false
		}
	}
	if p.subtree {
		return p.path == "/" || len(path) >= len(p.path) && string(path[:len(p.path)]) == p.path
	}
	return string(path) == p.path
}

// nameLen is the length of a canonical host without its port.
func nameLen(host []byte) int {
	if i := bytes.LastIndexByte(host, ':'); i > bytes.LastIndexByte(host, ']') {
		return i
	}
	return len(host)
}
