package serve

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

var _ http3.QUICListener = (*cappedListener)(nil)

// cappedListener bounds the QUIC connections of one socket, which the library
// does not. A connection too many is closed with H3_EXCESSIVE_LOAD.
type cappedListener struct {
	*quic.EarlyListener
	max    int64
	open   atomic.Int64
	logger *slog.Logger
}

// busy reports whether new clients have to show their address first (a Retry,
// RFC 9000 §8.1.2): it costs them a round trip, so only from half the bound on.
func (l *cappedListener) busy() bool { return l.open.Load() >= (l.max+1)/2 }

// Accept returns the next connection within the bound.
func (l *cappedListener) Accept(ctx context.Context) (*quic.Conn, error) {
	for {
		conn, err := l.EarlyListener.Accept(ctx)
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= l.max {
			context.AfterFunc(conn.Context(), func() { l.open.Add(-1) })
			return conn, nil
		}
		l.open.Add(-1)
		l.logger.Debug("connection refused: too many", "proto", "h3")
		_ = conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeExcessiveLoad), "too many connections")
	}
}
