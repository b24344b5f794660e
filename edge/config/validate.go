package config

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/letteros/letteredge/edge/auth"
)

// Validate checks every value and returns an *Error with all that is wrong, or
// nil. A Config from Load or Parse has passed it.
func (c Config) Validate() error {
	if problems := c.check(); len(problems) > 0 {
		return refuse(problems...)
	}
	return nil
}

func (c Config) check() []Problem {
	k := &checker{}
	k.name("node.id", c.Node.ID)
	k.name("node.region", c.Node.Region)
	k.listen(c.Listen)
	k.cluster(c.Cluster, c.Node)
	k.tls(c.TLS)
	if c.State.Dir == "" {
		k.bad("state.dir", "must name a folder")
	}
	oneOf(k, "profile", c.Profile, profiles()...)
	origins := k.origins(c.Origins)
	k.origin("artifacts.origin", c.Artifacts.Origin, origins)
	k.ttl("artifacts.ttl", c.Artifacts.TTL)
	oneOf(k, "artifacts.isolated", c.Artifacts.Isolated, isolations()...)
	k.routes(c.Routes, origins)
	k.bounds(c)
	k.tokens(c.Tokens)
	for i, h := range c.Admin.AllowedHosts {
		k.host(fmt.Sprintf("admin.allowed_hosts[%d]", i), h)
	}
	oneOf(k, "transport.h2", c.Transport.H2, stacks()...)
	oneOf(k, "transport.h3", c.Transport.H3, stacks()...)
	oneOf(k, "log.level", c.Log.Level, levels()...)
	oneOf(k, "log.format", c.Log.Format, formats()...)
	return k.problems
}

func (k *checker) bounds(c Config) {
	k.size("cache.max_bytes", c.Cache.MaxBytes, 1<<20, 1<<40)
	k.size("cache.max_object_bytes", c.Cache.MaxObjectBytes, 1, 1<<30)
	if b := c.Cache; b.MaxBytes >= 1<<20 && b.MaxObjectBytes > b.MaxBytes {
		k.bad("cache.max_object_bytes", "must not exceed cache.max_bytes (%s)", b.MaxBytes)
	}
	k.duration("fills.wait", c.Fills.Wait, time.Millisecond, 5*time.Minute)
	k.count("fills.max_waiters", c.Fills.MaxWaiters, 1, 1_000_000)
	k.duration("fills.timeout", c.Fills.Timeout, time.Millisecond, time.Hour)
	k.count("fills.max", c.Fills.Max, 1, 100_000)
	k.size("fills.memory", c.Fills.Memory, 1<<20, 1<<40)
	if b := c.Fills.Memory; b >= 1<<20 && c.Cache.MaxObjectBytes > b {
		k.bad("fills.memory", "must hold at least one answer of cache.max_object_bytes (%s)", c.Cache.MaxObjectBytes)
	}
	k.duration("fills.hit_for_miss", c.Fills.HitForMiss, time.Second, time.Hour)
	if a := c.Fills.RefreshAhead; !(a >= 0 && a <= 0.9) {
		k.bad("fills.refresh_ahead", "is %v; must be from 0 (never) to 0.9, a share of the lifetime", a)
	}
	k.count("fills.refresh_ahead_hits", c.Fills.RefreshAheadHits, 1, 1_000_000)
	k.duration("fills.refresh_backoff", c.Fills.RefreshBackoff, 100*time.Millisecond, time.Hour)

	k.compression(c.Compression)
	k.size("limits.header_bytes", c.Limits.HeaderBytes, 4<<10, 1<<20)
	k.size("limits.body_bytes", c.Limits.BodyBytes, 1, 1<<30)
	k.count("limits.connections", c.Limits.Connections, 1, 1_000_000)
	k.count("limits.connections_per_ip", c.Limits.ConnectionsPerIP, 0, 1_000_000)
	k.count("limits.streams", c.Limits.Streams, 1, 10_000)
	k.duration("limits.read_timeout", c.Limits.ReadTimeout, 100*time.Millisecond, time.Hour)
	k.duration("limits.write_timeout", c.Limits.WriteTimeout, 100*time.Millisecond, time.Hour)
	k.duration("limits.idle_timeout", c.Limits.IdleTimeout, 100*time.Millisecond, time.Hour)
	k.duration("limits.shutdown", c.Limits.Shutdown, 0, time.Hour)
}

func (k *checker) listen(l Listen) {
	k.address("listen.http", l.HTTP)
	k.address("listen.tls", l.TLS)
	k.address("listen.admin", l.Admin)
	if l.HTTP == "" && l.TLS == "" {
		k.bad("listen", "must have an address in http or tls")
	}
	if clash(l.HTTP, l.TLS) || clash(l.HTTP, l.Admin) || clash(l.TLS, l.Admin) {
		k.bad("listen", "must have a different address for each listener")
	}
}

// clash reports whether two listeners ask for the same fixed address.
func clash(a, b string) bool { return a != "" && a == b && !strings.HasSuffix(a, ":0") }

func (k *checker) address(path, addr string) {
	if addr == "" {
		return
	}
	host, port, err := net.SplitHostPort(addr)
	n, perr := strconv.ParseUint(port, 10, 16)
	if err != nil || perr != nil || port != strconv.FormatUint(n, 10) {
		k.bad(path, `is %q; must be host:port with a port from 0 to 65535, such as "127.0.0.1:8080" or "[::1]:8080", or "" for no listener`, addr)
		return
	}
	if host != "" && net.ParseIP(host) == nil {
		k.host(path, host)
	}
}

func (k *checker) tls(t TLS) {
	if (t.Cert == "") != (t.Key == "") {
		k.bad("tls", "must have both cert and key, or neither")
	}
	if t.CA != "" && t.Cert == "" {
		k.bad("tls.ca", "must be empty unless cert and key are given")
	}
	for i, n := range t.Names {
		k.host(fmt.Sprintf("tls.names[%d]", i), n)
	}
}

func (k *checker) tokens(list []Token) {
	var names []string
	for i, t := range list {
		at := fmt.Sprintf("tokens[%d]", i)
		k.name(at+".name", t.Name)
		if slices.Contains(names, t.Name) {
			k.bad(at+".name", "is %q, as another token's; names must be unique", t.Name)
		}
		names = append(names, t.Name)
		if _, err := auth.ParseHash(t.Hash); err != nil {
			// The value is not repeated: it may be the token itself.
			k.bad(at+".hash", `must be "sha256:" and the 64 hexadecimal digits of the token's SHA-256`)
		}
		if len(t.Scopes) == 0 {
			k.bad(at+".scopes", "must name at least one of %s", join(auth.Scopes()))
		}
		for j, s := range t.Scopes {
			oneOf(k, fmt.Sprintf("%s.scopes[%d]", at, j), auth.Scope(s), auth.Scopes()...)
		}
	}
}
