//go:build unix

package origin

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// canPeek: a socket can be looked into without reading it.
const canPeek = true

// isQuiet reports whether nothing has come on a connection that nobody reads,
// and the other side has not closed it.
func isQuiet(c net.Conn) bool {
	t, ok := c.(*tls.Conn)
	if !ok {
		return isEmpty(c)
	}
	// What comes on TLS may be a session ticket, which only reading tells. With a
	// deadline in the past Read still looks at records that it has buffered.
	deadline := time.Unix(1, 0)
	for range maxTickets {
		var b [1]byte
		_ = t.SetReadDeadline(deadline)
		n, err := t.Read(b[:])
		_ = t.SetReadDeadline(time.Time{})
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
		if isEmpty(t.NetConn()) {
			return true
		}
		deadline = time.Now().Add(time.Millisecond)
	}
	return false
}

// maxTickets bounds how often a TLS connection is read before a request goes
// out; servers send two tickets, usually at once.
const maxTickets = 16

// isEmpty reports whether a socket is open and holds no byte to be read.
func isEmpty(c net.Conn) bool {
	s, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return false
	}
	empty := false
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		empty = errors.Is(err, syscall.EAGAIN)
	})
	return err == nil && empty
}
