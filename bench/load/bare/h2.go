//lint:file-ignore SA1019 the bound is measured on the very server that the node uses.

package bare

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/http2"
)

// h2Engine is golang.org/x/net/http2 on TLS connections that it accepts itself.
type h2Engine struct {
	ln    net.Listener
	base  *http.Server
	h2    *http2.Server
	conns sync.WaitGroup

	mu     sync.Mutex // guards open and closed
	open   map[net.Conn]struct{}
	closed bool
}

func listenH2(spec Spec, cert tls.Certificate) (engine, error) {
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{http2.NextProtoTLS}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return nil, err
	}
	e := &h2Engine{
		ln:   ln,
		base: &http.Server{Handler: newConstant(spec), ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute},
		h2:   &http2.Server{MaxConcurrentStreams: 1000, IdleTimeout: time.Minute},
		open: map[net.Conn]struct{}{},
	}
	if err := http2.ConfigureServer(e.base, e.h2); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return e, nil
}

func (e *h2Engine) addr() string { return e.ln.Addr().String() }

func (e *h2Engine) serve() error {
	for {
		conn, err := e.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		if e.enter(conn) {
			e.conns.Go(func() { e.one(conn) })
		}
	}
}

// enter registers a connection, or closes it where the server has ended.
func (e *h2Engine) enter(conn net.Conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		_ = conn.Close() // nothing was said on it
		return false
	}
	e.open[conn] = struct{}{}
	return true
}

func (e *h2Engine) one(conn net.Conn) {
	defer func() {
		_ = conn.Close() // ServeConn has ended it already
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.open, conn)
	}()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second)) // of the handshake; a dead socket fails there
	if secure, ok := conn.(*tls.Conn); !ok || secure.Handshake() != nil {
		return
	}
	_ = conn.SetDeadline(time.Time{})
	e.h2.ServeConn(conn, &http2.ServeConnOpts{BaseConfig: e.base})
}

func (e *h2Engine) close() error {
	err := e.ln.Close()
	e.mu.Lock()
	e.closed = true
	for conn := range e.open {
		_ = conn.Close() // a bare server owes nobody a goodbye
	}
	e.mu.Unlock()
	e.conns.Wait()
	return err
}
