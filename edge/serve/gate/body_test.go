package gate

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBodyLimit(t *testing.T) {
	for size, want := range map[int]error{0: nil, 9: nil, 10: nil, 11: errBodyTooLarge, 100: errBodyTooLarge} {
		b := NewBody(strings.NewReader(strings.Repeat("x", size)), -1, 10)
		content, err := io.ReadAll(b)
		require.Equal(t, want, err, "size %d", size)
		require.Len(t, content, min(size, 10))
		require.Equal(t, want != nil, b.exceeded.Load())
	}
}

func TestBodyOfALength(t *testing.T) {
	for size, want := range map[int]error{0: io.ErrUnexpectedEOF, 9: io.ErrUnexpectedEOF, 10: nil} {
		b := NewBody(iotest.DataErrReader(strings.NewReader(strings.Repeat("x", size))), 10, 100)
		content, err := io.ReadAll(b)
		require.Equal(t, want, err, "size %d", size)
		require.Len(t, content, size)
		require.Equal(t, want != nil, b.broken.Load())
		require.Equal(t, want == nil, b.Whole())
	}
}

func TestBodyEndsWhoeverReads(t *testing.T) {
	pr, pw := io.Pipe()
	b := NewBody(pr, -1, 10)
	inside := make(chan struct{})
	read := make(chan error)
	go func() {
		close(inside)
		_, err := b.Read(make([]byte, 1))
		read <- err
	}()
	<-inside
	require.Eventually(t, func() bool {
		if b.mu.TryLock() {
			b.mu.Unlock()
			return false
		}
		return true
	}, 5*time.Second, time.Millisecond)
	require.True(t, b.End(func() { _ = pw.CloseWithError(io.ErrClosedPipe) }))
	require.ErrorIs(t, <-read, io.ErrClosedPipe)
	_, err := b.Read(make([]byte, 1))
	require.ErrorIs(t, err, errBodyEnded)
	require.False(t, b.End(func() { require.Fail(t, "nobody to interrupt") }))
}
