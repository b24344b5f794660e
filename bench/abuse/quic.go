package abuse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"

	"github.com/quic-go/quic-go"
)

// Conn is a QUIC connection that says nothing by itself.
type Conn struct{ q *quic.Conn }

// Dial opens one to a UDP address.
func Dial(ctx context.Context, addr string, trust *tls.Config) (*Conn, error) {
	q, err := quic.DialAddr(ctx, addr, trust, &quic.Config{})
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	return &Conn{q}, nil
}

// Close ends it as a client does that wants no more.
func (c *Conn) Close() { _ = c.q.CloseWithError(noError, "") } // it may be over already

// Gone is closed when the connection is over.
func (c *Conn) Gone() <-chan struct{} { return c.q.Context().Done() }

// Code is what the server closed the connection with; false while it has not, and
// where it was not the server.
func (c *Conn) Code() (code uint64, closed bool) {
	err, ok := errors.AsType[*quic.ApplicationError](context.Cause(c.q.Context()))
	if !ok || !err.Remote {
		return 0, false
	}
	return uint64(err.ErrorCode), true
}

// endedByServer reports whether an error of a stream is the server's end of the
// connection. Streams have it before Code and Gone tell of it.
func endedByServer(err error) bool {
	closed, ok := errors.AsType[*quic.ApplicationError](err)
	return ok && closed.Remote
}

// Stream is one of a connection. A stream in one direction has nothing to read.
type Stream struct {
	send interface {
		io.WriteCloser
		CancelWrite(quic.StreamErrorCode)
		Context() context.Context
	}
	receive *quic.Stream
}

// Open opens a request stream, once the server lets it, and says something on it.
func (c *Conn) Open(ctx context.Context, sent string) (*Stream, error) {
	str, err := c.q.OpenStreamSync(ctx)
	if err != nil {
		return nil, fmt.Errorf("open a stream: %w", err)
	}
	return (&Stream{str, str}).say(sent)
}

// OpenUni opens a stream in one direction and says something on it.
func (c *Conn) OpenUni(ctx context.Context, sent string) (*Stream, error) {
	str, err := c.q.OpenUniStreamSync(ctx)
	if err != nil {
		return nil, fmt.Errorf("open a stream in one direction: %w", err)
	}
	return (&Stream{send: str}).say(sent)
}

func (s *Stream) say(sent string) (*Stream, error) {
	if _, err := io.WriteString(s.send, sent); err != nil {
		return nil, fmt.Errorf("write to a stream: %w", err)
	}
	return s, nil
}

// Read reads what the server says on a request stream.
func (s *Stream) Read(p []byte) (int, error) { return s.receive.Read(p) }

// Write says more.
func (s *Stream) Write(p []byte) (int, error) { return s.send.Write(p) }

// Finish ends what is said. The server may have had enough before, which is no error
// if it says so with the code noError.
func (s *Stream) Finish() error {
	err := s.send.Close()
	if stopped, ok := errors.AsType[*quic.StreamError](context.Cause(s.send.Context())); ok && stopped.ErrorCode == noError {
		return nil
	}
	return err
}

// Reset takes back what is said, and, of a request stream, wants no answer.
func (s *Stream) Reset(code uint64) {
	s.send.CancelWrite(quic.StreamErrorCode(code))
	if s.receive != nil {
		s.receive.CancelRead(quic.StreamErrorCode(code))
	}
}

// ResetCode is the code that an error of a stream says the server took it back with.
func ResetCode(err error) (code uint64, reset bool) {
	e, ok := errors.AsType[*quic.StreamError](err)
	if !ok || !e.Remote {
		return 0, false
	}
	return uint64(e.ErrorCode), true
}
