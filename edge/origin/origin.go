package origin

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/letteros/letteredge/edge"
)

var _ edge.Upstream = (*Origin)(nil)

// Origin asks one origin. It is safe for concurrent use.
type Origin struct {
	catalogue
	cfg       Config
	base      *url.URL
	tls       *tls.Config // nil for http
	transport *http.Transport
	fresh     *http.Transport // makes a connection for each request
	slots     chan struct{}   // one token for each fetch in flight
	uploads   chan struct{}   // one more for each that has content
	maySend   func() bool     // whether a request may be sent again; it counts as a retry then

	ctx    context.Context // ends with Close
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	closed  bool
	fetches sync.WaitGroup // calls of Fetch; Add only under mu, before closed
	conns   sync.WaitGroup // dials and connections; likewise
}

// New returns a client for the origin; it connects when it is first asked.
// Errors name the field of Config.
func New(cfg Config) (*Origin, error) {
	cfg = cfg.withDefaults()
	base, err := cfg.base()
	if err == nil {
		err = cfg.validate()
	}
	if err != nil {
		return nil, fmt.Errorf("origin: %w", err)
	}
	o := &Origin{cfg: cfg, base: base, slots: make(chan struct{}, cfg.MaxInFlight), uploads: make(chan struct{}, max(1, cfg.MaxInFlight*3/4)), maySend: func() bool { return true }}
	o.catalogue = catalogue{up: o, host: base.Host}
	if base.Scheme == "https" {
		roots, err := cfg.roots()
		if err != nil {
			return nil, fmt.Errorf("origin: %w", err)
		}
		o.tls = &tls.Config{RootCAs: roots, ServerName: base.Hostname(), MinVersion: tls.VersionTLS12}
	}
	o.ctx, o.cancel = context.WithCancelCause(context.Background())
	o.transport = &http.Transport{
		Proxy:                  nil, // never by environment
		DialContext:            o.dial,
		DialTLSContext:         o.dial,
		DisableCompression:     true,
		MaxConnsPerHost:        cfg.MaxInFlight,
		MaxIdleConnsPerHost:    cfg.MaxInFlight,
		IdleConnTimeout:        cfg.IdleTimeout,
		MaxResponseHeaderBytes: cfg.MaxHeaderBytes,
		// The wait for the header section is watched in Fetch: the Transport's own
		// timeout begins only when the whole request has been taken.
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1.1 only
	}
	o.fresh = o.transport.Clone()
	o.fresh.DisableKeepAlives = true
	return o, nil
}

// Fetch asks the origin and returns when the header section of its answer has
// come. ctx bounds the whole fetch, reading the body included. The caller must
// close the answer's body; until then the fetch counts as in flight.
//
// Errors are edge.ErrUpstreamBusy where MaxInFlight is reached, those of this
// package, and what the network reports; all wrapped.
func (o *Origin) Fetch(ctx context.Context, f *edge.Fetch) (*edge.Answer, error) {
	answer, err := o.fetch(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("fetch %s from %s: %w", f.Target, o.base.Host, err)
	}
	return answer, nil
}

func (o *Origin) fetch(ctx context.Context, f *edge.Fetch) (_ *edge.Answer, err error) {
	if !o.begin(&o.fetches) {
		return nil, ErrClosed
	}
	defer o.fetches.Done()
	leave, ok := o.enter(f)
	if !ok {
		return nil, edge.ErrUpstreamBusy
	}
	ctx, cancel := context.WithCancelCause(ctx)
	detach := context.AfterFunc(o.ctx, func() { cancel(ErrClosed) })
	w := newWatch(cancel)
	body := &requestBody{r: f.Body, watch: w}
	done := func() {
		w.stop()
		detach()
		cancel(context.Canceled)
		body.revoke()
		leave()
	}
	defer func() {
		if err != nil {
			done()
		}
	}()

	w.start(o.cfg.HeaderTimeout, ErrHeaderTimeout)
	res, t, requestAt, err := o.roundTrip(ctx, f, body)
	responseAt := time.Now()
	w.stop()
	if err != nil {
		if body.broke.Load() {
			err = fmt.Errorf("%w: %w", ErrContent, err)
		}
		return nil, err
	}
	if res.StatusCode < 200 || res.StatusCode > 599 {
		_ = res.Body.Close()
		return nil, fmt.Errorf("%w: %d", ErrStatus, res.StatusCode)
	}
	if t.coded {
		if err := checkCoding(res); err != nil {
			_ = res.Body.Close()
			return nil, err
		}
	}
	fields, err := answerFields(res.Header, t.values)
	if err != nil {
		_ = res.Body.Close()
		return nil, err
	}
	names := announced(res)
	a := &edge.Answer{
		Status:     res.StatusCode,
		Fields:     fields,
		Body:       &answerBody{ctx: ctx, body: res.Body, watch: w, timeout: o.cfg.BodyTimeout, done: done},
		Length:     res.ContentLength,
		RequestAt:  requestAt,
		ResponseAt: responseAt,
	}
	if len(names) > 0 {
		a.Announced, a.Trailer = names, func() []edge.Field { return trailer(res, names) }
	}
	return a, nil
}

// enter takes a fetch's place among those in flight, if there is one. Content comes at
// its client's pace, so what has some may take three quarters of them at most: clients
// that send nothing would keep everybody from the origin otherwise.
func (o *Origin) enter(f *edge.Fetch) (leave func(), ok bool) {
	caps := []chan struct{}{o.slots}
	if f.Body != nil {
		caps = []chan struct{}{o.uploads, o.slots}
	}
	for i, c := range caps {
		select {
		case c <- struct{}{}:
		default:
			for _, c := range caps[:i] {
				<-c
			}
			return nil, false
		}
	}
	return func() {
		for _, c := range caps {
			<-c
		}
	}, true
}

// request builds what goes on the wire.
func (o *Origin) request(ctx context.Context, f *edge.Fetch, body *requestBody) (*http.Request, error) {
	if f.Method == "" || f.Method == http.MethodConnect {
		return nil, fmt.Errorf("%w: method %q", ErrRequest, f.Method)
	}
	u, err := address(o.base, f.Target)
	if err != nil {
		return nil, err
	}
	header, err := requestHeader(f.Fields, o.cfg.Via)
	if err != nil {
		return nil, err
	}
	delete(header, "Docs-Pin") // the node's to say, not its clients'
	if f.Vector != "" {
		if !httpguts.ValidHeaderFieldValue(f.Vector) {
			return nil, fmt.Errorf("%w: the vector has a control character", ErrRequest)
		}
		header["Docs-Pin"] = []string{f.Vector}
	}
	req := (&http.Request{
		Method:     f.Method,
		URL:        u,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     header,
		Host:       o.base.Host,
	}).WithContext(ctx)
	if o.cfg.PreserveHost && f.Host != "" {
		if !httpguts.ValidHostHeader(f.Host) {
			return nil, fmt.Errorf("%w: host %q", ErrRequest, f.Host)
		}
		req.Host = f.Host
	}
	if f.Body != nil && f.Length != 0 {
		req.Body, req.ContentLength = body, f.Length
	}
	return req, nil
}

// dial connects, with TLS for https. The Transport does not cancel its dials
// with the request that wanted them, so Close does.
func (o *Origin) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if !o.begin(&o.conns) {
		return nil, ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, o.cfg.ConnectTimeout)
	defer cancel()
	defer context.AfterFunc(o.ctx, cancel)()
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		o.conns.Done()
		return nil, cause(o.ctx, err) // it may be heard of before its fetch hears of Close
	}
	if o.tls != nil {
		t := tls.Client(c, o.tls)
		if err := t.HandshakeContext(ctx); err != nil {
			_ = c.Close()
			o.conns.Done()
			return nil, fmt.Errorf("TLS: %w", cause(o.ctx, err))
		}
		c = t
	}
	return newConn(c, o.conns.Done), nil
}

// begin counts a piece of work, unless the origin is closed.
func (o *Origin) begin(work *sync.WaitGroup) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	work.Add(1)
	return true
}

// InFlight returns how many fetches are under way, their bodies included.
func (o *Origin) InFlight() int { return len(o.slots) }

// Close ends the fetches under way, also those whose body is being read, and
// returns when they and all connections are closed.
func (o *Origin) Close() error {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.cancel(ErrClosed)
	// Once no fetch can take an idle connection any more, those that become idle
	// are closed too.
	o.fetches.Wait()
	o.transport.CloseIdleConnections() // fresh has none
	o.conns.Wait()
	return nil
}
