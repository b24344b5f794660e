package config

// Config is one node's configuration. The text of each field's meaning is in
// defaults.yaml, which `edged defaults` prints.
type Config struct {
	Node    Node    `yaml:"node"`
	Listen  Listen  `yaml:"listen"`
	Cluster Cluster `yaml:"cluster"`
	TLS     TLS     `yaml:"tls"`
	State   State   `yaml:"state"`
	Profile Profile `yaml:"profile"`

	Origins   []Origin  `yaml:"origins"`
	Artifacts Artifacts `yaml:"artifacts"`
	Routes    []Route   `yaml:"routes"`

	Cache     Cache     `yaml:"cache"`
	Fills     Fills     `yaml:"fills"`
	Transport Transport `yaml:"transport"`

	Limits Limits `yaml:"limits"`

	Compression Compression `yaml:"compression"`

	Tokens []Token `yaml:"tokens"`
	Admin  Admin   `yaml:"admin"`
	Log    Log     `yaml:"log"`

	// ServerTimingOnHits adds Server-Timing to hits too. It costs clock reads on
	// the hottest path, so it is off unless asked for.
	ServerTimingOnHits bool `yaml:"server_timing_on_hits"`
}

// Node says who this process is.
type Node struct {
	// ID names the node in Cache-Status, receipts, metrics and logs.
	ID string `yaml:"id"`
	// Region names the nodes near each other.
	Region string `yaml:"region"`
}

// Listen holds the addresses that the node serves on, host:port each; "" for no
// such listener, port 0 for one that is free.
type Listen struct {
	HTTP string `yaml:"http"`
	// TLS is the address of HTTP/1.1 and HTTP/2 over TCP and, on the same port
	// number, HTTP/3 over UDP.
	TLS   string `yaml:"tls"`
	Admin string `yaml:"admin"`
}

// TLS says which certificate the TLS listener shows. With neither file the node
// makes a CA of its own in the state folder and issues itself one.
type TLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	// CA is the certificate that clients should trust, told to those who ask
	// for it; it is not used to check anybody.
	CA string `yaml:"ca"`
	// Names are added to a self-issued certificate, beside localhost, 127.0.0.1
	// and ::1.
	Names []string `yaml:"names"`
}

// State is where the node keeps what must survive a restart: purges, quotas, the
// audit log, its CA.
type State struct {
	Dir string `yaml:"dir"`
}

// Origin is a server that the node fetches from.
type Origin struct {
	Name string `yaml:"name"`
	// URL is the origin's scheme and authority, without a path; empty with Servers.
	URL string `yaml:"url"`
	// Servers are what is asked instead of URL: several that give the same answers.
	Servers []Server `yaml:"servers"`
	// Breaker says when a server that fails is left alone.
	Breaker Breaker `yaml:"breaker"`
	Health  Health  `yaml:"health"`
	// Outlier says when a server that fails too often gets nothing for a while.
	Outlier Outlier `yaml:"outlier"`
	// Retries bounds how often a GET, HEAD or OPTIONS is sent again where no answer
	// came, or 502, 503 or 504. Beyond a tenth of the load nothing is. Whatever it is,
	// within the same tenth such a request is sent once more where the kept connection that it
	// was sent on ended: the origin may just have closed it for idle.
	Retries int `yaml:"retries"`
	// HedgeAfter is how long such a request waits for an answer to begin before
	// another server is asked too; the first answer counts. Zero: never.
	HedgeAfter Duration `yaml:"hedge_after"`
	// Group is whose tags its answers carry: a purge by tag hits the origins of
	// one group. Empty: the origin's name.
	Group string `yaml:"group"`
	// MaxInFlight bounds the requests to the origin at one time, and three quarters
	// of it those with content. At the cap readers get a stale copy or 503: raising it trades the origin's health
	// for theirs.
	MaxInFlight int      `yaml:"max_in_flight"`
	Timeouts    Timeouts `yaml:"timeouts"`
	// PreserveHost sends the reader's Host on to the origin instead of the
	// URL's.
	PreserveHost bool `yaml:"preserve_host"`
	// CA is a PEM file with the roots that the origin's certificate is checked
	// against. Empty: the system's.
	CA string `yaml:"ca"`
}

// Server is one of an origin's servers.
type Server struct {
	URL string `yaml:"url"`
	// Weight is the server's share of the requests.
	Weight float64 `yaml:"weight"`
}

// Breaker keeps requests from a server that fails.
type Breaker struct {
	// Failures in a row pause the server; 0: never.
	Failures int `yaml:"failures"`
	// Pause is the length of the first pause; each further one doubles, up to
	// MaxPause.
	Pause    Duration `yaml:"pause"`
	MaxPause Duration `yaml:"max_pause"`
}

// Health says how servers are asked whether they are well, beside what requests show.
type Health struct {
	// Path is asked for; no answer, or a status from 400, is a failure. Empty: never.
	Path     string   `yaml:"path"`
	Interval Duration `yaml:"interval"`
}

// Outlier ejects servers that answer, but fail too often.
type Outlier struct {
	// Ratio of failures in an interval from which a server is ejected; 0: never.
	Ratio float64 `yaml:"ratio"`
	// Requests is how many it must have had in the interval to be judged.
	Requests int      `yaml:"requests"`
	Interval Duration `yaml:"interval"`
	// Pause is the length of the first ejection; each further one is longer by as
	// much, up to MaxPause.
	Pause    Duration `yaml:"pause"`
	MaxPause Duration `yaml:"max_pause"`
	// MaxEjected is the share of the weights that may be ejected at one time.
	MaxEjected float64 `yaml:"max_ejected"`
	// Panic is the share of the weights that must be left; with less, ejections do
	// not count.
	Panic float64 `yaml:"panic"`
}

// Timeouts bound one exchange with an origin. Zero means the default.
type Timeouts struct {
	Connect Duration `yaml:"connect"` // TCP and TLS
	Header  Duration `yaml:"header"`  // from the request to the answer's header section
	Body    Duration `yaml:"body"`    // between two reads of the answer's content
}

// TTL is how fresh answers count where the origin does not say, and how far it
// is believed. Zero leaves the question to the origin.
type TTL struct {
	Default Duration `yaml:"default"` // freshness lifetime without one from the origin
	Max     Duration `yaml:"max"`     // upper bound of any lifetime
	SWR     Duration `yaml:"swr"`     // stale-while-revalidate (RFC 5861 §3) without one from the origin
	SIE     Duration `yaml:"sie"`     // stale-if-error (RFC 5861 §4) without one from the origin
}

// Artifacts is the route of everything under /v1/segments/.
type Artifacts struct {
	Origin string `yaml:"origin"`
	TTL    TTL    `yaml:"ttl"`
	// Isolated is what readers get while the node is isolated and the origin does
	// not answer.
	Isolated Isolation `yaml:"isolated"`
}

// Route says what is done with requests for other paths. The first route whose
// host and path match wins.
type Route struct {
	Name string `yaml:"name"`
	// Host is "" for any, "example.com", or "*.example.com" for its subdomains.
	Host string `yaml:"host"`
	// Path is "/x" for exactly that, "/img/*" for a subtree, "/*" for any.
	Path   string `yaml:"path"`
	Origin string `yaml:"origin"`
	Query  Query  `yaml:"query"`
	TTL    TTL    `yaml:"ttl"`
	// Segment is the quota that requests count against. Empty: `_default`.
	Segment string `yaml:"segment"`
	// Tags is whether the tags of answers are the origin group's own, or shared
	// by all groups.
	Tags TagSpace `yaml:"tags"`
	// Isolated is as for Artifacts.
	Isolated Isolation `yaml:"isolated"`
}

// Query says which query parameters enter a route's key.
type Query struct {
	// Names are the parameters that do; ["*"] is the whole query, verbatim.
	Names []string `yaml:"names"`
	// Others is what happens to all the rest.
	Others Others `yaml:"others"`
}

// Cache bounds what is stored.
type Cache struct {
	// MaxBytes bounds all stored answers together, fields and overhead included.
	MaxBytes Size `yaml:"max_bytes"`
	// MaxObjectBytes is the largest body stored; larger ones are passed through.
	MaxObjectBytes Size `yaml:"max_object_bytes"`
}

// Fills bounds the fetches that fill the cache.
type Fills struct {
	// Wait is how long a request waits for another's fetch of the same key.
	Wait Duration `yaml:"wait"`
	// MaxWaiters bounds the requests waiting in one fetch.
	MaxWaiters int `yaml:"max_waiters"`
	// Timeout bounds one fetch, content included.
	Timeout Duration `yaml:"timeout"`
	// Max bounds the fetches under way at one time, over all origins.
	Max int `yaml:"max"`
	// Memory bounds the content that all fetches under way hold. Beyond it an answer
	// passes through to who waits for it, unstored; an artifact, which has to be
	// checked as a whole, is a stale copy or 503.
	Memory Size `yaml:"memory"`
	// HitForMiss is how long requests for a key whose answer may not be shared
	// go on in parallel instead of waiting for each other.
	HitForMiss Duration `yaml:"hit_for_miss"`
	// RefreshAhead is the last part of a copy's lifetime, as a share of it, in which
	// RefreshAheadHits hits have it fetched anew before it ends. Zero: never.
	RefreshAhead     float64 `yaml:"refresh_ahead"`
	RefreshAheadHits int     `yaml:"refresh_ahead_hits"`
	// RefreshBackoff holds off the next background refresh after a failed one.
	RefreshBackoff Duration `yaml:"refresh_backoff"`
}

// Transport says whose servers speak the protocols.
type Transport struct {
	// H2 and H3 serve HTTP/2 and HTTP/3.
	H2 Stack `yaml:"h2"`
	H3 Stack `yaml:"h3"`
}

// Limits bounds what a client may cost.
type Limits struct {
	HeaderBytes Size `yaml:"header_bytes"` // request line and header section
	BodyBytes   Size `yaml:"body_bytes"`   // request content
	// Connections bounds the open connections of each listener, and
	// ConnectionsPerIP those of one address on it (0: no such bound).
	Connections      int `yaml:"connections"`
	ConnectionsPerIP int `yaml:"connections_per_ip"`
	// Streams bounds the concurrent requests on one HTTP/2 or HTTP/3 connection.
	Streams int `yaml:"streams"`

	ReadTimeout  Duration `yaml:"read_timeout"`  // for a request to arrive, TLS handshake included
	WriteTimeout Duration `yaml:"write_timeout"` // for an answer to be taken
	IdleTimeout  Duration `yaml:"idle_timeout"`  // of a connection between requests
	// Shutdown is how long requests under way may finish after a stop was asked
	// for.
	Shutdown Duration `yaml:"shutdown"`
}

// Token lets its holder use the admin API. The file holds its hash, never the
// token itself.
type Token struct {
	Name string `yaml:"name"`
	// Hash is "sha256:" and 64 hexadecimal digits.
	Hash   string   `yaml:"hash"`
	Scopes []string `yaml:"scopes"`
}

// Admin is what the admin listener answers to.
type Admin struct {
	// AllowedHosts are host names accepted in Host beside the listener's own;
	// on loopback these are localhost, 127.0.0.1 and [::1]. A web page that
	// points its own name at this listener is refused by this.
	AllowedHosts []string `yaml:"allowed_hosts"`
}

// Log is how the node logs, on stderr.
type Log struct {
	Level  Level  `yaml:"level"`
	Format Format `yaml:"format"`
}
