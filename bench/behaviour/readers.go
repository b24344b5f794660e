package behaviour

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// Proto is a protocol that readers speak.
type Proto string

// The protocols, as net/http names them.
const (
	H1 Proto = "HTTP/1.1"
	H2 Proto = "HTTP/2.0"
	H3 Proto = "HTTP/3.0"
)

// Protos are all of them.
func Protos() []Proto { return []Proto{H1, H2, H3} }

// Readers are the clients of one node, one for each protocol. They may be used
// from any number of goroutines.
type Readers struct {
	node    *Node
	clients map[Proto]*http.Client
}

// Readers opens clients, which are closed with the test. Certificates are
// checked against the node's CA.
func (n *Node) Readers(tb testing.TB) *Readers {
	tb.Helper()
	r := &Readers{node: n, clients: map[Proto]*http.Client{}}
	plain := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true, MaxIdleConnsPerHost: 2000}
	plain.Protocols.SetHTTP1(true)
	r.add(tb, H1, plain, plain.CloseIdleConnections)
	if n.HTTPS == "" {
		return r
	}
	trust, err := trusted(n.CA)
	if err != nil {
		tb.Fatal(err)
	}
	secure := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true, TLSClientConfig: trust}
	secure.Protocols.SetHTTP2(true)
	r.add(tb, H2, secure, secure.CloseIdleConnections)
	udp := &http3.Transport{TLSClientConfig: trust, DisableCompression: true, QUICConfig: &quic.Config{
		HandshakeIdleTimeout: 10 * time.Second, MaxIdleTimeout: time.Minute,
		KeepAlivePeriod: 10 * time.Second, // a client's duty while it waits for answers (RFC 9114 §5.1)
	}}
	r.add(tb, H3, udp, func() { _ = udp.Close() }) // the test is over: nobody to tell
	return r
}

// trusted is a client's TLS configuration that trusts the CA in a file.
func trusted(file string) (*tls.Config, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the CA: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read the CA: %s holds no certificate", file)
	}
	return &tls.Config{RootCAs: roots}, nil
}

func (r *Readers) add(tb testing.TB, proto Proto, rt http.RoundTripper, closing func()) {
	tb.Cleanup(closing)
	r.clients[proto] = &http.Client{Transport: rt, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// Idle closes the connections that nobody uses.
func (r *Readers) Idle() {
	for _, c := range r.clients {
		c.CloseIdleConnections()
	}
}

// Base returns the URL under which the node serves that protocol.
func (r *Readers) Base(proto Proto) string {
	switch proto {
	case H1:
		return r.node.HTTP
	case H2:
		return r.node.HTTPS
	default:
		return r.node.H3
	}
}

// Ask is one request. Fields come in pairs of name and value.
type Ask struct {
	Method string // "" is GET
	Target string // path and query
	Fields []string
	Body   io.Reader
}

// Do sends a request in a protocol and reads the whole answer.
func (r *Readers) Do(ctx context.Context, proto Proto, a Ask) (*Reply, error) {
	req, err := http.NewRequestWithContext(ctx, a.Method, r.Base(proto)+a.Target, a.Body)
	if err != nil {
		return nil, err
	}
	for field := range slices.Chunk(a.Fields, 2) {
		if req.Header.Add(field[0], field[1]); field[0] == "Host" {
			req.Host = field[1]
		}
	}
	res, err := r.clients[proto].Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.Proto != string(proto) {
		return nil, fmt.Errorf("asked in %s, answered in %s", proto, res.Proto)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer to %s: %w", a.Target, err)
	}
	return &Reply{res.StatusCode, res.Header, body}, nil
}

// Get asks for a target, and fails the test if no answer comes.
func (r *Readers) Get(tb testing.TB, proto Proto, target string, fields ...string) *Reply {
	tb.Helper()
	return r.Must(tb, proto, Ask{Target: target, Fields: fields})
}

// Must is Do, but fails the test if no answer comes.
func (r *Readers) Must(tb testing.TB, proto Proto, a Ask) *Reply {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 30*time.Second)
	defer cancel()
	reply, err := r.Do(ctx, proto, a)
	if err != nil {
		tb.Fatalf("%s %s over %s: %v", a.Method, a.Target, proto, err)
	}
	return reply
}
