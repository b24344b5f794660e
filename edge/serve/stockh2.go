//lint:file-ignore SA1019 net/http's own server cannot take over the connections of fasthttp's ALPN hook.

package serve

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/http2"
)

// stockH2 is x/net's server.
type stockH2 struct {
	handler *netHandler
	life    context.Context
	srv     *http2.Server
	// base carries the bounds, and is told of a shutdown: ConfigureServer has
	// registered srv's GOAWAY with it.
	base *http.Server
}

func newStockH2(life context.Context, handler *netHandler, cfg Config, tlsConfig *tls.Config, logger *slog.Logger) (*stockH2, error) {
	h := &stockH2{
		handler: handler,
		life:    life,
		srv: &http2.Server{
			MaxConcurrentStreams:         uint32(cfg.MaxStreams),
			MaxReadFrameSize:             16 << 10,
			IdleTimeout:                  cfg.IdleTimeout,
			ReadIdleTimeout:              cfg.IdleTimeout / 2,
			PingTimeout:                  cfg.HeaderTimeout,
			WriteByteTimeout:             cfg.WriteTimeout,
			MaxUploadBufferPerConnection: 1 << 20,
			MaxUploadBufferPerStream:     256 << 10,
		},
		base: &http.Server{
			Handler:           handler,
			TLSConfig:         tlsConfig.Clone(),
			MaxHeaderBytes:    cfg.MaxHeaderBytes,
			ReadHeaderTimeout: cfg.HeaderTimeout,
			WriteTimeout:      cfg.WriteTimeout,
			IdleTimeout:       cfg.IdleTimeout,
			ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		},
	}
	if err := http2.ConfigureServer(h.base, h.srv); err != nil {
		return nil, fmt.Errorf("serve: http/2: %w", err)
	}
	return h, nil
}

func (h *stockH2) beneath(ln net.Listener) net.Listener { return ln }

func (h *stockH2) serve(conn net.Conn) error {
	h.srv.ServeConn(conn, &http2.ServeConnOpts{
		Context:    h.life,
		BaseConfig: h.base, // without it MaxHeaderBytes is not heeded
		Handler:    h.handler,
	})
	return nil
}

// again is how often a shutdown tells the connections to go away: one that was
// still in its handshake is not among them the first time.
const again = 200 * time.Millisecond

// shutdown sends GOAWAY until ctx ends.
func (h *stockH2) shutdown(ctx context.Context) {
	tick := time.NewTicker(again)
	defer tick.Stop()
	for {
		_ = h.base.Shutdown(ctx) // has no listeners that could fail to close
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
