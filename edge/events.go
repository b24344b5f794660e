package edge

import (
	"context"
	"io"
	"strings"
)

// isEvents reports whether an answer is a stream of events, which has no end: it is
// each reader's own, at that reader's pace, whatever its origin says of caches.
func isEvents(ans *Answer) bool {
	typ, _, _ := strings.Cut(fieldLines(ans.Fields).Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(typ), "text/event-stream")
}

// Drain has streams of events end, where they are, as if their origin had ended them:
// their readers come back, to another node. New ones end at once. It is called before
// transports are shut down, which would wait for them in vain.
func (c *Core) Drain() { c.drain() }

// events is a stream that ends when the core drains.
type events struct {
	io.ReadCloser
	draining context.Context
	forget   func() bool
}

func (c *Core) events(body io.ReadCloser) io.ReadCloser {
	// Whoever waits for the next event is woken by the body's end.
	forget := context.AfterFunc(c.draining, func() { _ = body.Close() })
	return &events{body, c.draining, forget}
}

// Read reads what has come.
func (e *events) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if err != nil && e.draining.Err() != nil {
		err = io.EOF
	}
	return n, err
}

// Close closes the body.
func (e *events) Close() error {
	e.forget()
	return e.ReadCloser.Close()
}
