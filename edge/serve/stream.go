package serve

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// stream is content that fasthttp reads after the handler has returned, on its
// own goroutine and under one deadline for the whole answer. stream moves that
// deadline with each step, turns a panic into an error, and holds what has to
// live until the last byte: the exchange and the request's content.
type stream struct {
	rc      io.ReadCloser
	length  int64    // as announced; -1 where it is not
	conn    net.Conn // nil in tests without one
	timeout time.Duration
	failed  func(p any)
	done    func()
	ended   func() // after the last byte has been read; nil for nothing
	once    sync.Once
}

// Read reads the next part. The client has a full timeout for each: what was
// read before has been written by now.
func (s *stream) Read(p []byte) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			s.failed(r)
			n, err = 0, fmt.Errorf("serve: panic in a stream: %v", r)
		}
	}()
	n, err = s.rc.Read(p)
	if err == io.EOF && s.ended != nil {
		s.ended()
		s.ended = nil
	}
	if s.conn != nil {
		_ = s.conn.SetWriteDeadline(time.Now().Add(s.timeout))
	}
	return n, err
}

// errLong says that a stream goes on beyond the length that was announced.
var errLong = errors.New("serve: a stream is longer than announced")

// WriteTo writes content of known length, each part as it comes: fasthttp would
// hold it back until its buffer is full. It writes to the connection itself, as
// fasthttp has flushed the header section before and holds nothing then. Chunks
// fasthttp flushes one by one, reading with Read.
func (s *stream) WriteTo(w io.Writer) (int64, error) {
	if s.conn != nil {
		w = s.conn
	}
	buf := make([]byte, copyBuffer)
	var written int64
	for {
		n, err := s.Read(buf)
		if over := int64(n) > s.length-written; over {
			n, err = int(s.length-written), errLong
		}
		if n > 0 {
			m, werr := w.Write(buf[:n])
			written += int64(m)
			if werr != nil {
				return written, werr
			}
		}
		if err == io.EOF {
			return written, nil // what is missing, fasthttp will notice
		}
		if err != nil {
			return written, err
		}
	}
}

// Close closes the content and lets go of the request, once. fasthttp calls it
// after the last byte, after a failed write, and when it resets a response that
// was never written.
func (s *stream) Close() (err error) {
	s.once.Do(func() {
		defer func() {
			if r := recover(); r != nil {
				s.failed(r)
				err = fmt.Errorf("serve: panic in a stream: %v", r)
			}
			s.done()
		}()
		err = s.rc.Close()
	})
	return err
}
