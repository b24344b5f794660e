package h3

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/quic-go/quic-go"
)

var (
	_ stream = (*quic.Stream)(nil)
	_ peer   = (*quic.Conn)(nil)
)

// stream is what a request needs of a QUIC stream.
type stream interface {
	// Read fails with a deadline error where nothing has come by the read deadline,
	// also where something has, once that has passed. Where the end is known already
	// it is told whatever the deadline is.
	io.ReadWriteCloser
	// TryWriteAll queues all of it, or fails with quic.ErrWouldBlock.
	TryWriteAll([]byte) error
	CancelRead(quic.StreamErrorCode)
	CancelWrite(quic.StreamErrorCode)
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
	SetPriority(urgency int8, incremental bool)
	StreamID() quic.StreamID
	Context() context.Context
}

// peer is what a request needs to know of its connection.
type peer interface {
	RemoteAddr() net.Addr
	HandshakeComplete() <-chan struct{}
	CloseWithError(quic.ApplicationErrorCode, string) error
}

// packet is the most that a stream takes in one write without waiting for the
// connection to send it (quic-go's MaxPacketBufferSize).
const packet = 1452

func isDeadline(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// takenBack reports whether the client has cancelled the stream.
func takenBack(err error) bool {
	s, ok := errors.AsType[*quic.StreamError](err)
	return ok && s.Remote
}
