package load

import (
	"crypto/x509"
	"net/http"
	"time"
)

// Limits of a Config. They keep a slip of the finger from becoming a load that
// no one can stop, and bound the memory of a run.
const (
	MaxRate        = 1_000_000        // requests per second
	MaxConnections = 10_000           // of one run
	MaxStreams     = 1_000            // of one connection
	MaxWorkers     = 20_000           // connections × streams
	MaxDuration    = 24 * time.Hour   // of the window, and of the warm-up
	MaxTimeout     = 5 * time.Minute  // of one request
	MaxRequests    = 100_000_000      // of one run, scheduled or asked
	MaxURLs        = 100_000          // of one run
	MaxHeader      = 64               // fields of a request
	maxAuthorities = 64               // different hosts of one run
	requestsBound  = 5 * time.Minute  // Duration where only Requests is given
	defaultWindow  = 10 * time.Second // Duration where neither is
)

// Config says what to ask, how hard and for how long. The zero value of each
// field but URLs is usable.
type Config struct {
	URLs   []string // http or https; h2 and h3 take https
	Choice Choice   // which URL comes next
	ZipfS  float64  // exponent of Choice Zipf: the i-th URL has weight 1/i^s; 0 means 1
	Seed   uint64   // of the choice and of Poisson arrivals
	Proto  Proto
	Method string  // GET or HEAD; "" means GET
	Header []Field // sent with each request; Host replaces the URL's

	Rate    float64 // arrivals per second: the open loop; 0 is the closed loop
	Spacing Spacing // of the open loop's arrivals

	Connections int  // 0 means 16 over h1, 4 over h2 and h3
	Fresh       bool // h1: a connection, and over TLS a full handshake, for each request
	Streams     int  // requests at once on one connection: 1 over h1; 0 means 16 over h2 and h3

	Warmup   time.Duration // asked but not recorded
	Duration time.Duration // of the measured window; 0 means 10 s, or with Requests at most 5 min
	Requests int64         // end after so many measured requests; 0 leaves it to Duration
	Timeout  time.Duration // of one request, and for what is in flight at the end; 0 means 5 s

	Expect Statuses // statuses that are right; nil means 2xx and 3xx

	CA          []byte // PEM certificates to trust beside the system's
	Insecure    bool   // do not verify certificates
	AllowRemote bool   // ask addresses that are not loopback too

	PIDs []int // server processes whose processor time is read (Linux)

	Progress      func(Snapshot) // called about every ProgressEvery, from Run's goroutine; may be nil
	ProgressEvery time.Duration  // 0 means 1 s
}

// plan is a checked Config, complete with its defaults.
type plan struct {
	Config
	targets []*target
	roots   *x509.CertPool
	fields  http.Header // Header as net/http has it; transports only read it
}

// Validate returns a *FieldError for the first setting that is wrong.
func (c Config) Validate() error {
	_, err := c.plan()
	return err
}

func (c Config) plan() (*plan, error) {
	p := &plan{Config: c.withDefaults()}
	if err := p.checkNumbers(); err != nil {
		return nil, err
	}
	if err := p.checkHeader(); err != nil {
		return nil, err
	}
	if err := p.checkTrust(); err != nil {
		return nil, err
	}
	p.fields = http.Header{}
	for _, f := range p.Header {
		if !f.is("Host") {
			p.fields.Add(f.Name, f.Value)
		}
	}
	if p.fields.Get("User-Agent") == "" {
		p.fields.Set("User-Agent", userAgent)
	}
	return p, p.parseTargets()
}

func (c Config) withDefaults() Config {
	if c.Method == "" {
		c.Method = "GET"
	}
	if c.Connections == 0 {
		c.Connections = 16
		if c.Proto.multiplexed() {
			c.Connections = 4
		}
	}
	if c.Streams == 0 {
		c.Streams = 1
		if c.Proto.multiplexed() {
			c.Streams = 16
		}
	}
	if c.Duration == 0 {
		c.Duration = defaultWindow
		if c.Requests > 0 {
			c.Duration = requestsBound
		}
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.ZipfS == 0 {
		c.ZipfS = 1
	}
	if c.Expect == nil {
		c.Expect = Statuses{{200, 399}}
	}
	if c.ProgressEvery == 0 {
		c.ProgressEvery = time.Second
	}
	return c
}
