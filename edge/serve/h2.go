package serve

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/h2"
)

// h2End serves the HTTP/2 connections that fasthttp has accepted and whose TLS
// handshake chose "h2", lean or stock.
type h2End interface {
	// beneath is what TLS has to accept on.
	beneath(net.Listener) net.Listener
	// serve is fasthttp's NextProto hook: it runs on a worker, after the handshake,
	// with all deadlines cleared, until the connection ends.
	serve(net.Conn) error
	// shutdown sends GOAWAY on all connections, on those to come too, and returns when
	// ctx ends at the latest. The waiting is fasthttp's: it counts the connections.
	shutdown(ctx context.Context)
}

func newH2(life context.Context, core Core, cfg Config, overTCP *tls.Config, alt string, logger *slog.Logger) (h2End, error) {
	if cfg.H2 == Stock {
		return newStockH2(life, newNetHandler(core, cfg, edge.H2, alt, logger), cfg, overTCP, logger)
	}
	srv, err := h2.New(core, h2.Config{
		MaxHeaderBytes: cfg.MaxHeaderBytes, MaxBody: cfg.MaxBody, MaxStreams: cfg.MaxStreams,
		HeaderTimeout: cfg.HeaderTimeout, BodyTimeout: cfg.BodyTimeout,
		WriteTimeout: cfg.WriteTimeout, IdleTimeout: cfg.IdleTimeout,
		AltSvc: alt, Logger: logger,
	})
	if err != nil {
		return nil, fmt.Errorf("serve: http/2: %w", err)
	}
	return leanH2{srv, life}, nil
}

// leanH2 is our own server.
type leanH2 struct {
	srv  *h2.Server
	life context.Context
}

func (h leanH2) beneath(ln net.Listener) net.Listener { return h2.Listener{Listener: ln} }
func (h leanH2) serve(conn net.Conn) error            { return h.srv.ServeConn(h.life, conn) }
func (h leanH2) shutdown(context.Context)             { h.srv.Shutdown() }
