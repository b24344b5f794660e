package edge

import (
	"net/url"
	"strings"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/invalidation"
)

// invalidate drops what a successful unsafe request has changed: its own
// resource, and those of the same origin that Location and Content-Location name
// (RFC 9111 §4.4). It returns the epoch from which on the request's own resource is
// another one.
func (c *Core) invalidate(x *Exchange, key cachekey.Key, fields fieldLines) invalidation.Epoch {
	raised := c.drop(key)
	for _, name := range []string{"Location", "Content-Location"} {
		ref := fields.Get(name)
		if ref == "" {
			continue
		}
		if other, ok := c.named(x, key, ref); ok && resource(other) != resource(key) {
			c.drop(other)
		}
	}
	return raised
}

// drop raises the floor of one key.
func (c *Core) drop(key cachekey.Key) invalidation.Epoch {
	sel := cachekey.Selector{Keys: []string{resource(key)}}
	if sel.Validate() != nil {
		return c.Marks.Epoch()
	}
	return c.Marks.Raise(sel, invalidation.ModeHard)
}

// resource is what a key names, whatever the method.
func resource(key cachekey.Key) string {
	if key.Query == "" {
		return key.Host + key.Path
	}
	return key.Host + key.Path + "?" + key.Query
}

// named returns the key of what a reference in an answer names, if it is of the
// origin that was asked: scheme, host and port (RFC 9110 §4.3.1). An origin may
// speak for no other.
func (c *Core) named(x *Exchange, key cachekey.Key, ref string) (cachekey.Key, bool) {
	base, err := url.Parse(schemeOf(x) + "://" + x.Req.Host + key.OriginTarget())
	if err != nil {
		return cachekey.Key{}, false
	}
	u, err := base.Parse(ref)
	if err != nil || u.User != nil || !sameOrigin(base, u) {
		return cachekey.Key{}, false
	}
	var scratch cachekey.Scratch
	other, err := c.cfg.Keyer.Key(cachekey.Input{Method: "GET", Host: u.Host, Target: u.RequestURI()}, &scratch)
	if err != nil {
		return cachekey.Key{}, false
	}
	return other.Clone(), true
}

// schemeOf is the scheme of the request's target. Whoever ends TLS in front of this
// node says so in X-Forwarded-Proto; a client that says it untruly names resources
// that it could have asked for over TLS just as well.
func schemeOf(x *Exchange) string {
	if x.Req.TLS || strings.EqualFold(x.Req.Fields.Get("X-Forwarded-Proto"), "https") {
		return "https"
	}
	return "http"
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && portOf(a) == portOf(b)
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}
