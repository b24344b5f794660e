package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// h1Body counts a body past, or keeps it.
type h1Body struct {
	r    *bufio.Reader
	keep *Answer
	n    int64
}

func (b *h1Body) exactly(n int64) error {
	if b.keep != nil {
		if int64(len(b.keep.Body))+n > maxKept {
			return fmt.Errorf("body beyond %d bytes", maxKept)
		}
		var buf bytes.Buffer
		got, err := io.CopyN(&buf, b.r, n)
		b.n += got
		b.keep.Body = append(b.keep.Body, buf.Bytes()...)
		return noEOF(err)
	}
	for n > 0 {
		got, err := b.r.Discard(int(min(n, 1<<30)))
		b.n, n = b.n+int64(got), n-int64(got)
		if err != nil {
			return noEOF(err)
		}
	}
	return nil
}

// chunks reads RFC 9112 §7.1, trailer included.
func (b *h1Body) chunks() error {
	for {
		line, err := readLine(b.r)
		if err != nil {
			return err
		}
		size, _, _ := bytes.Cut(line, []byte(";")) // chunk extensions mean nothing to us
		n, err := strconv.ParseUint(string(bytes.TrimRight(size, " \t")), 16, 40)
		if err != nil {
			return fmt.Errorf("not a chunk size: %.40q", line)
		}
		if n == 0 {
			return b.trailer()
		}
		if err := b.exactly(int64(n)); err != nil {
			return err
		}
		if line, err = readLine(b.r); err != nil {
			return err
		}
		if len(line) != 0 {
			return fmt.Errorf("not the end of a chunk: %.40q", line)
		}
	}
}

func (b *h1Body) trailer() error {
	for size := 0; ; {
		line, err := readLine(b.r)
		if err != nil || len(line) == 0 {
			return err
		}
		if size += len(line); size > maxH1Head {
			return fmt.Errorf("trailer beyond %d bytes", maxH1Head)
		}
	}
}

// rest reads to the end of the connection.
func (b *h1Body) rest() error {
	var sink io.Writer = io.Discard
	var buf bytes.Buffer
	if b.keep != nil {
		sink = &buf
	}
	n, err := io.Copy(sink, io.LimitReader(b.r, maxKept+1))
	b.n += n
	if b.keep != nil {
		b.keep.Body = buf.Bytes()
	}
	if err == nil && n > maxKept {
		return fmt.Errorf("body without a length beyond %d bytes", maxKept)
	}
	return err
}

// noEOF: a body that ends before its length is broken, not over.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
