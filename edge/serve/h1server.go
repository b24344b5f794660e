package serve

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/valyala/fasthttp"
)

// newFasthttp returns the server of one listener. Every default that is
// unlimited, or that would change an answer, is set.
func newFasthttp(h *h1, cfg Config, open *conns, logger *slog.Logger) *fasthttp.Server {
	return &fasthttp.Server{
		Handler:       h.serve,
		ErrorHandler:  h.failed,
		ExpectHandler: h.expect,
		HeaderReceived: func(hdr *fasthttp.RequestHeader) fasthttp.RequestConfig {
			switch n := hdr.ContentLength(); {
			case int64(n) > cfg.MaxBody:
				// It is refused by its length: of its content one byte is waited for,
				// where 8 KiB would be read ahead.
				return fasthttp.RequestConfig{ReadTimeout: cfg.BodyTimeout, MaxRequestBodySize: 1}
			case n > 0 || n == -1:
				return fasthttp.RequestConfig{ReadTimeout: cfg.BodyTimeout}
			}
			return fasthttp.RequestConfig{}
		},
		ConnState: open.state,
		Logger:    fasthttpLog{logger},

		ReadBufferSize:     cfg.MaxHeaderBytes,
		WriteBufferSize:    8 << 10,
		MaxRequestBodySize: int(cfg.MaxBody),
		StreamRequestBody:  true,
		Concurrency:        2 * cfg.MaxConns, // admission bounds them; a worker ends after its connection

		ReadTimeout:  cfg.HeaderTimeout,
		WriteTimeout: cfg.WriteTimeout,
		IdleTimeout:  cfg.IdleTimeout,
		TCPKeepalive: true,

		// An answer has the origin's own fields, and nothing invented.
		NoDefaultServerHeader: true,
		NoDefaultDate:         true,
		NoDefaultContentType:  true,

		DisablePreParseMultipartForm: true, // content is opaque
		SecureErrorLogMessage:        true, // no bytes of requests in the log
		CloseOnShutdown:              true,
	}
}

// fasthttpLog takes fasthttp's messages, which are about clients that break off
// or send nonsense.
type fasthttpLog struct{ logger *slog.Logger }

// Printf logs at debug level.
func (l fasthttpLog) Printf(format string, args ...any) {
	if l.logger.Enabled(context.Background(), slog.LevelDebug) {
		l.logger.Debug("connection", "err", fmt.Sprintf(format, args...))
	}
}
