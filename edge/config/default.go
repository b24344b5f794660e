package config

import (
	_ "embed"
	"time"

	"github.com/letteros/letteredge/edge/coding"
)

//go:embed defaults.yaml
var defaultsText string

// Defaults returns a commented file that says what Default says.
func Defaults() string { return defaultsText }

// Default returns the configuration that Defaults describes: a node named
// local-1 in front of one origin on this machine.
func Default() Config {
	c := base()
	c.Origins = []Origin{{Name: "origin", URL: "http://127.0.0.1:3000", Breaker: Breaker{Failures: breakerFailures}}}
	c.Artifacts.Origin = "origin"
	c.Routes = []Route{catchAll("origin")}
	c.fill()
	return c
}

// staleIfError is how long a dead origin is not seen, unless an answer or the
// configuration says otherwise.
const staleIfError = Duration(5 * time.Minute)

// UnmarshalYAML reads a route; what it does not say is as in Defaults.
func (r *Route) UnmarshalYAML(decode func(any) error) error {
	type plain Route // without this method
	p := plain{TTL: TTL{SIE: staleIfError}}
	if err := decode(&p); err != nil {
		return err
	}
	*r = Route(p)
	return nil
}

// base is what a file starts from: Default without its example origin, which
// nobody should be served from by having forgotten to name one.
func base() Config {
	return Config{
		Node:    Node{ID: "local-1", Region: "local"},
		Listen:  Listen{HTTP: "127.0.0.1:8080", Admin: "127.0.0.1:8081"},
		Cluster: Cluster{Clamp: Duration(10 * time.Second), Soak: Duration(time.Second)},
		State:   State{Dir: "state"},
		Profile: ProfileDefault,
		Artifacts: Artifacts{Isolated: IsolatedStale, TTL: TTL{
			Default: Duration(30 * time.Second),
			SIE:     staleIfError,
		}},
		Cache: Cache{MaxBytes: 256 << 20, MaxObjectBytes: 8 << 20},
		Fills: Fills{
			Wait: Duration(10 * time.Second), MaxWaiters: 10_000,
			Timeout: Duration(30 * time.Second), Max: 1024, Memory: 128 << 20,
			HitForMiss: Duration(120 * time.Second), RefreshAheadHits: 3,
			RefreshBackoff: Duration(10 * time.Second),
		},
		Transport: Transport{H2: StackLean, H3: StackLean},
		Limits: Limits{
			HeaderBytes: 32 << 10, BodyBytes: 16 << 20,
			Connections: 65_536, Streams: 256,
			ReadTimeout: Duration(15 * time.Second), WriteTimeout: Duration(60 * time.Second),
			IdleTimeout: Duration(75 * time.Second), Shutdown: Duration(10 * time.Second),
		},
		Compression: Compression{
			Mode: CompressionAuto, Codings: codingNames(),
			MinBytes: Size(coding.DefaultPolicy().MinBytes), MaxBytes: Size(coding.DefaultPolicy().MaxBytes), Types: []string{},
		},
		Log: Log{Level: LevelInfo, Format: FormatText},
	}
}

// breakerFailures is what a file gets that does not say how many failures in a row
// pause a server: as many as only an origin that is down under load has. Zero is a
// value of its own, and means never.
const breakerFailures = 100

// catchAll is the route of a node that caches a whole origin: every host and
// path, the query verbatim.
func catchAll(origin string) Route {
	return Route{Name: "all", Path: "/*", Origin: origin, Query: Query{Names: []string{"*"}}, TTL: TTL{SIE: staleIfError}}
}

// fill gives list items the defaults that a pre-filled struct cannot: those of
// fields left at zero.
func (c *Config) fill() {
	for i := range c.Origins {
		o := &c.Origins[i]
		if len(o.Servers) == 0 {
			o.Servers = nil // `[]` says no more than nothing does
		}
		defaultTo(&o.Group, o.Name)
		defaultTo(&o.MaxInFlight, 256)
		defaultTo(&o.Health.Interval, Duration(5*time.Second))
		o.Outlier.fill()
		defaultTo(&o.Breaker.Pause, Duration(time.Second))
		defaultTo(&o.Breaker.MaxPause, Duration(5*time.Second))
		defaultTo(&o.Timeouts.Connect, Duration(3*time.Second))
		defaultTo(&o.Timeouts.Header, Duration(15*time.Second))
		defaultTo(&o.Timeouts.Body, Duration(15*time.Second))
	}
	for i := range c.Routes {
		r := &c.Routes[i]
		defaultTo(&r.Path, "/*")
		defaultTo(&r.Tags, TagsGroup)
		defaultTo(&r.Isolated, IsolatedStale)
		defaultTo(&r.Query.Others, OthersDrop)
	}
}

func (o *Outlier) fill() {
	defaultTo(&o.Requests, 20)
	defaultTo(&o.Interval, Duration(10*time.Second))
	defaultTo(&o.Pause, Duration(30*time.Second))
	defaultTo(&o.MaxPause, Duration(5*time.Minute))
	defaultTo(&o.MaxEjected, 0.5)
	defaultTo(&o.Panic, 0.5)
}

func defaultTo[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// ForOrigin returns the configuration of `edged run --origin`: one node, one
// route that covers every host and path of the origin, query verbatim, and the
// artifact routes from the same origin. An empty address is no such listener;
// an empty profile the default one. Whether the values are any good is
// Validate's to say.
func ForOrigin(url, listen, listenTLS, admin string, profile Profile) Config {
	c := base()
	c.Listen = Listen{HTTP: listen, TLS: listenTLS, Admin: admin}
	c.Origins = []Origin{{Name: "origin", URL: url, Breaker: Breaker{Failures: breakerFailures}}}
	c.Artifacts.Origin = "origin"
	c.Routes = []Route{catchAll("origin")}
	defaultTo(&profile, ProfileDefault)
	c.Profile = profile
	c.fill()
	return c
}
