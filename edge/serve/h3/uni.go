package h3

import (
	"context"
	"io"
	"time"

	"github.com/quic-go/quic-go"
)

// Types of streams in one direction (RFC 9114 §6.2, RFC 9204 §4.2).
const (
	streamControl = 0x0
	streamPush    = 0x1
	streamEncoder = 0x2
	streamDecoder = 0x3
)

// receiver is what is needed of a stream that the client alone writes to.
type receiver interface {
	io.Reader
	CancelRead(quic.StreamErrorCode)
	SetReadDeadline(time.Time) error
}

// acceptUnis takes the client's streams in one direction until the connection ends.
func (c *conn) acceptUnis() {
	for {
		str, err := c.q.AcceptUniStream(context.Background())
		if err != nil {
			return
		}
		c.work.Go(func() { c.uni(str) })
	}
}

// uni reads one of them, by its type.
func (c *conn) uni(str receiver) {
	in := reader{src: str}
	_ = str.SetReadDeadline(time.Now().Add(c.srv.cfg.HeaderTimeout))
	typ, err := in.varint()
	if err != nil {
		// It may end before its type has come (RFC 9114 §6.2).
		str.CancelRead(codeStreamCreation.onStream())
		c.stray()
		return
	}
	_ = str.SetReadDeadline(time.Time{})
	var f fault
	switch typ {
	case streamControl:
		if f = c.first(0); !f.is() {
			f = c.control(&in)
		}
	case streamEncoder:
		if f = c.first(1); !f.is() {
			f = encoderStream(&in, c.instructions())
		}
	case streamDecoder:
		if f = c.first(2); !f.is() {
			f = decoderStream(&in, c.instructions())
		}
	case streamPush:
		f = connFault(codeStreamCreation, "a client does not push")
	default:
		str.CancelRead(codeStreamCreation.onStream()) // §9: unknown, and unread
		c.stray()
		return
	}
	if f.is() {
		c.abort(f)
	}
}

// stray counts a stream that was of no use.
func (c *conn) stray() {
	if !c.let(&c.odd) {
		c.abort(connFault(codeExcessiveLoad, "too many streams of unknown types"))
	}
}

// instructions counts those of a QPACK stream, of which a client that cancels requests
// sends some; it reports false where there are too many.
func (c *conn) instructions() (let func() bool) {
	allowed := newAllowance(controlBurst, controlPerSecond, controlPerRequest)
	return func() bool { return allowed.take(time.Now(), c.order.requests()) }
}

// first refuses a second stream of a kind.
func (c *conn) first(kind int) fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unis[kind] {
		return connFault(codeStreamCreation, "a second stream of its kind")
	}
	c.unis[kind] = true
	return fault{}
}

// reader reads a stream by small steps.
type reader struct {
	src  io.Reader
	buf  [256]byte
	r, w int
}

// byte reads one byte.
func (in *reader) byte() (byte, error) {
	for in.r == in.w {
		n, err := in.src.Read(in.buf[:])
		in.r, in.w = 0, n
		if n == 0 && err != nil {
			return 0, err
		}
	}
	in.r++
	return in.buf[in.r-1], nil
}

// varint reads an integer of RFC 9000 §16; io.ErrUnexpectedEOF within one.
func (in *reader) varint() (uint64, error) {
	var b [8]byte
	first, err := in.byte()
	if err != nil {
		return 0, err
	}
	b[0] = first
	n := 1 << (first >> 6)
	for i := 1; i < n; i++ {
		if b[i], err = in.byte(); err != nil {
			return 0, midway(err)
		}
	}
	v, _ := varint(b[:n])
	return v, nil
}

func midway(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// full reads all of p.
func (in *reader) full(p []byte) error {
	for i := range p {
		b, err := in.byte()
		if err != nil {
			return midway(err)
		}
		p[i] = b
	}
	return nil
}

// skip passes over n bytes.
func (in *reader) skip(n uint64) error {
	for n > 0 {
		have := min(uint64(in.w-in.r), n)
		in.r += int(have)
		n -= have
		if n == 0 {
			return nil
		}
		if _, err := in.byte(); err != nil {
			return midway(err)
		}
		n--
	}
	return nil
}

// critical is what becomes of an error on a stream that must not be closed, by the
// client or by an end within what it says.
func critical(err error) fault {
	if err == io.ErrUnexpectedEOF {
		return connFault(codeFrame, "a critical stream ended within a frame")
	}
	return connFault(codeClosedCritical, "a critical stream was closed")
}

// encoderStream reads the client's encoder instructions (RFC 9204 §4.3). We have
// announced no dynamic table: its capacity may be set to 0, and that is all.
func encoderStream(in *reader, let func() bool) fault {
	for {
		b, err := in.byte()
		if err != nil {
			return connFault(codeClosedCritical, "the encoder stream was closed")
		}
		if !let() {
			return connFault(codeExcessiveLoad, "too many encoder instructions")
		}
		if b != 0x20 {
			return connFault(codeEncoderStream, "there is no dynamic table to insert into")
		}
	}
}

// decoderStream reads the client's decoder instructions (RFC 9204 §4.4). Our sections
// refer to no dynamic table, so none can be acknowledged, and no insert counted; that
// a stream is given up may be told.
func decoderStream(in *reader, let func() bool) fault {
	closed := connFault(codeClosedCritical, "the decoder stream was closed")
	for {
		b, err := in.byte()
		if err != nil {
			return closed
		}
		if !let() {
			return connFault(codeExcessiveLoad, "too many decoder instructions")
		}
		if b&0xc0 != 0x40 {
			return connFault(codeDecoderStream, "nothing of ours is to be acknowledged")
		}
		more := b&0x3f == 0x3f
		for i := 0; more; i++ {
			if b, err = in.byte(); err != nil {
				return closed
			}
			if i > 8 {
				return connFault(codeDecoderStream, "an integer that is too large")
			}
			more = b >= 0x80
		}
	}
}
