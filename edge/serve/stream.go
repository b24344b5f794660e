package serve

import (
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
	conn    net.Conn // nil in tests without one
	timeout time.Duration
	failed  func(p any)
	done    func()
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
	if s.conn != nil {
		_ = s.conn.SetWriteDeadline(time.Now().Add(s.timeout))
	}
	return n, err
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
