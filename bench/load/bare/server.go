package bare

import (
	"context"
	"fmt"

	"github.com/letteros/letteredge/bench/load"
)

// engine is one library's server on an open socket.
type engine interface {
	addr() string // host:port
	serve() error // until close; then nil
	close() error
}

// Server is a bare server that listens.
type Server struct {
	spec   Spec
	engine engine
	ca     []byte
}

// Listen opens a free port on 127.0.0.1. The caller calls Serve, or Close.
func Listen(spec Spec) (*Server, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	s := &Server{spec: spec}
	cert, err := NewCertificate()
	if err != nil {
		return nil, err
	}
	switch spec.Proto {
	case load.H2:
		s.engine, err = listenH2(spec, cert.TLS)
	case load.H3:
		s.engine, err = listenH3(spec, cert.TLS)
	default:
		s.engine, err = listenH1(spec, cert.TLS)
	}
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if s.secure() {
		s.ca = cert.CA
	}
	return s, nil
}

func (s *Server) secure() bool { return s.spec.TLS || s.spec.Proto != load.H1 }

// URL returns the address of the server; every path has the same answer.
func (s *Server) URL() string {
	scheme := "http"
	if s.secure() {
		scheme = "https"
	}
	return scheme + "://" + s.engine.addr() + "/"
}

// CA returns the PEM certificate to trust; nil without TLS.
func (s *Server) CA() []byte { return s.ca }

// Serve answers until the context ends, closes the server and returns nil.
func (s *Server) Serve(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.engine.serve() }()
	select {
	case err := <-failed:
		if cerr := s.engine.close(); err == nil {
			err = cerr
		}
		return fmt.Errorf("serve %s: %w", s.URL(), err)
	case <-ctx.Done():
		if err := s.engine.close(); err != nil {
			return fmt.Errorf("close %s: %w", s.URL(), err)
		}
		return <-failed
	}
}

// Close ends a server that Serve was not called for.
func (s *Server) Close() error { return s.engine.close() }
