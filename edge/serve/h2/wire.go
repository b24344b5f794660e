package h2

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// Listener puts a Wire beneath each connection that it accepts. It belongs under
// the listener that makes TLS of them.
type Listener struct{ net.Listener }

// Accept returns the next connection.
func (l Listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &Wire{Conn: conn}, nil
}

// Wire is a network connection that passes everything on as it is, until HTTP/2
// takes it over. From then on what TLS writes is collected, so that a batch of
// records is one system call, and whoever reads is told before it has to wait.
//
// TLS survives a read that times out, but no write that does (crypto/tls): here
// below, a write that was cut short is simply gone on with.
type Wire struct {
	net.Conn
	user user       // nil until HTTP/2 takes over
	pool *sync.Pool // of *buffer

	mu      sync.Mutex // guards pending
	pending *buffer    // written by TLS, not yet sent

	// Of whoever writes at the moment, one at a time:
	sending *buffer
	sent    int
	limit   time.Time // the write deadline that is set
}

// user is the HTTP/2 connection above a wire, on its reader's goroutine.
type user interface {
	// beforeRead is called when all that has come was read.
	beforeRead() error
	// afterRead is called when something has come.
	afterRead(now time.Time)
	// late is called when nothing has come by the read deadline.
	late(now time.Time) error
}

// buffer is memory for what is to be sent; pooled, as most connections have
// nothing to send at most times.
type buffer struct{ b []byte }

// maxKeptBuffer is the largest buffer that goes back to the pool.
const maxKeptBuffer = 256 << 10

// Read reads from the network.
func (w *Wire) Read(p []byte) (int, error) {
	if w.user == nil {
		return w.Conn.Read(p)
	}
	for {
		if err := w.user.beforeRead(); err != nil {
			return 0, err
		}
		n, err := w.Conn.Read(p)
		now := time.Now()
		if n > 0 {
			w.user.afterRead(now)
			return n, nil
		}
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if err := w.user.late(now); err != nil {
			return 0, err
		}
	}
}

// Write collects what is to be sent.
func (w *Wire) Write(p []byte) (int, error) {
	if w.user == nil {
		return w.Conn.Write(p)
	}
	w.mu.Lock()
	if w.pending == nil {
		w.pending = w.pool.Get().(*buffer)
	}
	w.pending.b = append(w.pending.b, p...)
	w.mu.Unlock()
	return len(p), nil
}

// hasMore reports whether TLS has written something that nobody is sending.
func (w *Wire) hasMore() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pending != nil
}

// send sends what was collected. It reports false where the peer did not take it
// all within patience; what is left is sent the next time.
func (w *Wire) send(now time.Time, patience time.Duration) (all bool, err error) {
	// A deadline costs a timer: one that is right to a factor of four is left alone.
	if left := w.limit.Sub(now); left < patience/2 || left > 2*patience {
		w.limit = now.Add(patience)
		if err := w.Conn.SetWriteDeadline(w.limit); err != nil {
			return false, err
		}
	}
	for {
		if w.sending == nil {
			w.mu.Lock()
			w.sending, w.pending = w.pending, nil
			w.mu.Unlock()
			if w.sending == nil {
				return true, nil
			}
		}
		n, err := w.Conn.Write(w.sending.b[w.sent:])
		w.sent += n
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				w.limit = time.Time{}
				return false, nil
			}
			return false, err
		}
		done := w.sending
		w.sending, w.sent = nil, 0
		recycle(w.pool, done)
	}
}

// recycle keeps a buffer for another batch.
func recycle(pool *sync.Pool, b *buffer) {
	if cap(b.b) > maxKeptBuffer {
		return
	}
	b.b = b.b[:0]
	pool.Put(b)
}
