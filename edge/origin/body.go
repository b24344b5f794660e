package origin

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// watch cancels a fetch when nothing has moved for a while, with the reason as
// the context's cause.
type watch struct {
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	timer   *time.Timer
	timeout time.Duration
	reason  error
	waits   uint64 // counts the waits, so that an old timer's end means nothing
}

func newWatch(cancel context.CancelCauseFunc) *watch { return &watch{cancel: cancel} }

// start begins a wait that ends the fetch with reason after timeout.
func (w *watch) start(timeout time.Duration, reason error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.startLocked(timeout, reason)
}

func (w *watch) startLocked(timeout time.Duration, reason error) {
	w.timeout, w.reason = timeout, reason
	w.waits++
	wait := w.waits
	if w.timer != nil {
		w.timer.Stop()
	}
	w.timer = time.AfterFunc(timeout, func() { w.expire(wait) })
}

// progress begins the current wait anew.
func (w *watch) progress() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.startLocked(w.timeout, w.reason)
	}
}

// pause holds the wait for a header section until the next progress.
func (w *watch) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil && w.reason == ErrHeaderTimeout {
		w.waits++
		w.timer.Stop()
	}
}

// stop ends the wait.
func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits++
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
}

func (w *watch) expire(wait uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waits == wait {
		w.cancel(w.reason)
	}
}

// answerBody is the body of an answer. Each Read has a deadline; the time in
// which nobody reads does not count, so that a slow reader is not the origin's
// fault.
type answerBody struct {
	ctx     context.Context
	body    io.ReadCloser
	watch   *watch
	timeout time.Duration
	done    func() // once
	once    sync.Once
}

func (b *answerBody) Read(p []byte) (int, error) {
	b.watch.start(b.timeout, ErrBodyTimeout)
	n, err := b.body.Read(p)
	b.watch.stop()
	if err != nil && err != io.EOF {
		err = cause(b.ctx, err)
	}
	return n, err
}

func (b *answerBody) Close() error {
	var err error
	b.once.Do(func() {
		err = b.body.Close()
		b.done()
	})
	return err
}

// cause returns the reason why ctx ended where that is what made err.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

// requestBody is the body of a request. The Transport may go on reading it
// after the answer came; once it is revoked nobody reads the caller's reader.
type requestBody struct {
	mu    sync.Mutex // held while reading
	r     io.Reader  // nil once revoked
	read  bool       // somebody has begun to
	watch *watch
	broke atomic.Bool // it ended before its end
}

func (b *requestBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.r == nil {
		return 0, io.ErrClosedPipe
	}
	b.read = true
	b.watch.pause() // the client is waited for, not the origin
	n, err := b.r.Read(p)
	b.watch.progress()
	if err != nil && err != io.EOF {
		b.broke.Store(true)
	}
	return n, err
}

// begun reports whether any of it may be gone.
func (b *requestBody) begun() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.read
}

// Close is the Transport's; the reader stays its owner's.
func (b *requestBody) Close() error { return nil }

func (b *requestBody) revoke() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.r = nil
}
