package serve

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/h3"
)

// h3End serves HTTP/3 on one UDP socket, lean or stock.
type h3End interface {
	// Serve serves until Shutdown, which makes it return nil.
	Serve() error
	// Shutdown refuses new connections, from now on until Close, and finishes the requests
	// in flight, or cuts them off when ctx ends.
	Shutdown(ctx context.Context) error
	// Close releases the socket, after Shutdown or of a server that was never started. It
	// may be called again.
	Close() error
	Connections() int
}

func newH3(core Core, cfg Config, udp *net.UDPConn, tlsConfig *tls.Config, admission h3.Admission, logger *slog.Logger) (h3End, error) {
	c := h3.Config{
		StatelessReset: cfg.Keys.StatelessReset, Token: cfg.Keys.Token, NoEarlyData: cfg.NoEarlyData,
		MaxHeaderBytes: cfg.MaxHeaderBytes, MaxBody: cfg.MaxBody, MaxStreams: cfg.MaxStreams,
		HeaderTimeout: cfg.HeaderTimeout, BodyTimeout: cfg.BodyTimeout,
		WriteTimeout: cfg.WriteTimeout, IdleTimeout: cfg.IdleTimeout,
		Admission: admission,
	}
	if cfg.H3 == Lean {
		return h3.New(udp, tlsConfig, c, core, logger)
	}
	handler := newNetHandler(core, cfg, edge.H3, "", logger)
	return h3.NewStock(udp, tlsConfig, c, handler, func() bool { return handler.inFlight.Load() > 0 })
}
