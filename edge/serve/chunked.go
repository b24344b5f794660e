package serve

import (
	"io"
	"sync/atomic"
)

// fin is the client's end of its side of a connection.
type fin struct{ seen atomic.Bool }

// read notes the end, which it tells by itself: beside the last bytes it would be seen
// before anybody has missed more.
func (f *fin) read(n int, err error) (int, error) {
	switch {
	case err != io.EOF:
	case n > 0:
		return n, nil // TLS tells both; then the end again
	default:
		f.seen.Store(true)
	}
	return n, err
}

// chunked is content without a length, as fasthttp decodes it, which takes the end of the
// connection where the next chunk or the trailer should be for the end of the content.
// Content that is whole has ended before anybody read so far.
type chunked struct {
	io.Reader
	fin *fin
}

// Read reads content; io.ErrUnexpectedEOF where it breaks off.
func (c chunked) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err == io.EOF && c.fin.seen.Load() {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
