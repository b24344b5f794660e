package bare

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// h1Engine is fasthttp.
type h1Engine struct {
	ln     net.Listener
	server *fasthttp.Server
}

// h1Field is a field line in the form that fasthttp takes without converting.
type h1Field struct {
	name, value []byte
	again       bool // a further line of the same name
}

func listenH1(spec Spec, cert tls.Certificate) (engine, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if spec.TLS {
		ln = tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12})
	}
	seen := map[string]bool{}
	fields := make([]h1Field, 0, len(spec.Fields))
	for _, f := range spec.Fields {
		fields = append(fields, h1Field{[]byte(f.Name), []byte(f.Value), seen[f.Name]})
		seen[f.Name] = true
	}
	handler := func(ctx *fasthttp.RequestCtx) {
		rsp := &ctx.Response
		rsp.SetStatusCode(spec.Status)
		for i := range fields {
			if f := &fields[i]; f.again {
				rsp.Header.AddBytesKV(f.name, f.value)
			} else {
				rsp.Header.SetCanonical(f.name, f.value)
			}
		}
		rsp.SetBodyRaw(spec.Body)
	}
	return &h1Engine{ln: ln, server: &fasthttp.Server{
		Handler:                      handler,
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		DisablePreParseMultipartForm: true,
		SecureErrorLogMessage:        true,
		ReadBufferSize:               32 << 10,
		ReadTimeout:                  time.Minute,
		WriteTimeout:                 time.Minute,
		IdleTimeout:                  time.Minute,
		Logger:                       silent{},
	}}, nil
}

func (e *h1Engine) addr() string { return e.ln.Addr().String() }
func (e *h1Engine) serve() error { return e.server.Serve(e.ln) }

// close: connections that are idle end at once, others with their answer. What
// does not end soon ends with the process.
func (e *h1Engine) close() error {
	// A library that does not serve yet knows no listener to close, and would
	// go on to accept from it.
	if err := e.ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := e.server.ShutdownWithContext(ctx); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// silent drops what fasthttp says about broken connections: the client counts them.
type silent struct{}

func (silent) Printf(string, ...any) {}
