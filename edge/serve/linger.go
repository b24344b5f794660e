package serve

import (
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// lingerer closes a TCP connection. Where a request has its answer and more of it may be
// on the way, it does so in stages (RFC 9112 §9.6): the client is told that nothing more
// comes, what still comes of it is read and thrown away, and then only the connection is
// closed. Closed at once it would be reset by what comes, and the client's system would
// throw away an answer that the client has not read: most clients read none before they
// have sent all, and over TLS many none where sending has failed.
type lingerer struct {
	tcp    *net.TCPConn
	client netip.Addr
	bounds *lingering
	from   *admission // who counts it
	next   arrival
	fin    fin
	left   atomic.Bool // it is counted off
	// unread: the client may be sending more of a request that has its answer, until then.
	unread atomic.Bool
	until  time.Time
}

// lingering bounds how long clients may send behind their answers.
type lingering struct {
	bytes   int64
	time    time.Duration
	silence time.Duration // a client that reads sees the end of the answer, and closes

	now     atomic.Int64 // connections that do
	stopped atomic.Bool  // a shutdown has begun
}

const (
	lingerSilence = 5 * time.Second
	// lingerAtStop is how long a client that has its answer holds up a shutdown.
	lingerAtStop = time.Second
)

func newLingering(cfg Config) *lingering {
	return &lingering{bytes: 2 * cfg.MaxBody, time: cfg.BodyTimeout, silence: lingerSilence}
}

// last is how long connections are waited for of which only that is left.
func (b *lingering) last() time.Duration {
	if b.now.Load() == 0 {
		return 0
	}
	return lingerAtStop
}

// expectMore notes that more of a request, which began at that time, may come behind its
// answer, which is about to be written.
func (l *lingerer) expectMore(begun time.Time) {
	l.until = begun.Add(l.bounds.time)
	if least := time.Now().Add(l.bounds.silence); l.until.Before(least) {
		l.until = least
	}
	l.unread.Store(true)
	l.hurry()
}

// hurry bounds what is read behind an answer once a shutdown has begun: fasthttp waits
// for it before it lets a connection go.
func (l *lingerer) hurry() {
	if l.bounds.stopped.Load() && l.unread.Load() {
		_ = l.tcp.SetReadDeadline(time.Now().Add(lingerAtStop))
	}
}

// settled notes that all of the request has come.
func (l *lingerer) settled() {
	if l.unread.Load() {
		l.unread.Store(false)
	}
}

// quit tells the client that no more comes, and waits for its end.
func (l *lingerer) quit(tell func() error) {
	if !l.unread.Swap(false) {
		return
	}
	l.bounds.now.Add(1)
	defer l.bounds.now.Add(-1)
	if tell() != nil || l.tcp.CloseWrite() != nil {
		return
	}
	until := l.until
	if last := time.Now().Add(lingerAtStop); l.bounds.stopped.Load() && last.Before(until) {
		until = last
	}
	buf := make([]byte, 4<<10)
	for left := l.bounds.bytes; left > 0; {
		by := time.Now().Add(l.bounds.silence)
		if until.Before(by) {
			by = until
		}
		if l.tcp.SetReadDeadline(by) != nil {
			return
		}
		n, err := l.tcp.Read(buf)
		if err != nil {
			return
		}
		left -= int64(n)
	}
}

// leave counts the connection off.
func (l *lingerer) leave() {
	if !l.left.Swap(true) {
		l.from.leave(l.client)
	}
}

// lingererOf returns that of one of our connections, nil for others.
func lingererOf(conn net.Conn) *lingerer {
	switch c := conn.(type) {
	case *h1Conn:
		return &c.lingerer
	case *tlsConn:
		return &c.lingerer
	}
	return nil
}
