package h3

import (
	"errors"
	"io"

	"github.com/letteros/letteredge/edge/serve/section"
)

var errContent = errors.New("the content of the request is not coded as its frames say")

// content reads the content of a request: the DATA frames after its header section, and
// trailers, which are checked and dropped. What is wrong with it is told to the client
// where it is found.
type content struct {
	r      *request
	length int64  // announced; -1 if not
	total  int64  // read
	left   uint64 // of the present DATA frame
	empty  int    // DATA frames of nothing
	ended  bool
	closed bool // there were trailers
	failed bool
}

// Read reads content.
func (c *content) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := c.next(); err != nil {
		return 0, err
	}
	r := c.r
	if uint64(len(p)) > c.left {
		p = p[:c.left]
	}
	var n int
	var err error
	if r.r < r.w {
		n = copy(p, r.in[r.r:r.w])
		r.r += n
	} else if n, err = r.str.Read(p); err == io.EOF {
		r.eof, err = true, nil
	}
	if terr := c.took(n); terr != nil {
		return 0, terr
	}
	return n, err
}

// discard is Read without a reader.
func (c *content) discard() (int, error) {
	if err := c.next(); err != nil {
		return 0, err
	}
	r := c.r
	if r.r == r.w {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := int(min(uint64(r.w-r.r), c.left))
	r.r += n
	return n, c.took(n)
}

// took counts what has been read of a DATA frame.
func (c *content) took(n int) error {
	c.left -= uint64(n)
	c.total += int64(n)
	if c.length >= 0 && c.total > c.length {
		return c.fail(streamFault(codeMessage, "more content than announced"))
	}
	return nil
}

// next finds the next DATA frame that has something; io.EOF where there is none.
func (c *content) next() error {
	r := c.r
	for {
		switch {
		case c.failed:
			return errContent
		case c.ended:
			return io.EOF
		case c.left > 0 && r.eof && r.r == r.w:
			return c.fail(connFault(codeFrame, "a stream ended within a frame"))
		case c.left > 0:
			return nil
		}
		whole := r.pass()
		typ, length, n := uint64(0), uint64(0), 0
		if whole {
			typ, length, n = frameHeader(r.in[r.r:r.w])
		}
		if n == 0 {
			if r.eof {
				return c.end(whole)
			}
			if err := r.fill(); err != nil {
				return err
			}
			continue
		}
		r.r += n
		if err := c.frame(typ, length); err != nil {
			return err
		}
	}
}

// end ends the content with its stream.
func (c *content) end(whole bool) error {
	switch {
	case !whole || c.r.r < c.r.w:
		return c.fail(connFault(codeFrame, "a stream ended within a frame"))
	case c.length >= 0 && c.total != c.length:
		return c.fail(streamFault(codeMessage, "less content than announced"))
	}
	c.ended = true
	return io.EOF
}

// frame begins a frame (RFC 9114 §4.1).
func (c *content) frame(typ, length uint64) error {
	switch {
	case typ == frameData && !c.closed:
		c.left = length
		if length == 0 {
			if c.empty++; c.empty > maxOdd {
				return c.fail(streamFault(codeExcessiveLoad, "too many empty DATA frames"))
			}
		}
		return nil
	case typ == frameHeaders && !c.closed:
		c.closed = true
		return c.trailers(length)
	case known(typ):
		return c.fail(connFault(codeFrameUnexpected, "a frame that does not belong in a request"))
	}
	if f := c.r.oddFrame(length); f.is() {
		return c.fail(f)
	}
	return nil
}

// trailers reads a section of trailers.
func (c *content) trailers(length uint64) error {
	r := c.r
	if length > uint64(r.c.srv.cfg.MaxHeaderBytes) {
		return c.fail(streamFault(codeExcessiveLoad, "too large a section of trailers"))
	}
	for uint64(r.w-r.r) < length {
		if r.eof {
			return c.fail(connFault(codeFrame, "a stream ended within a frame"))
		}
		if err := r.fill(); err != nil {
			return err
		}
	}
	var s section.Section
	s.Limit(r.c.srv.cfg.MaxHeaderBytes, maxLines)
	s.Reset()
	ok := r.c.srv.table.Decode(r.in[r.r:][:length], &s)
	r.r += int(length)
	switch why := s.Trailers(); {
	case !ok:
		return c.fail(connFault(codeDecompression, "a field section that is none"))
	case s.Over():
		return c.fail(streamFault(codeExcessiveLoad, "too large a section of trailers"))
	case why != "":
		return c.fail(streamFault(codeMessage, why))
	}
	return nil
}

// fail tells the client at once: whoever reads the content can do no more with it. An
// answer that has been given stands.
func (c *content) fail(f fault) error {
	c.failed = true
	if f.whole {
		c.r.c.abort(f)
	} else {
		c.r.str.CancelRead(f.code.onStream())
		if !c.r.answered {
			c.r.str.CancelWrite(f.code.onStream())
		}
		c.r.c.waste()
	}
	return errContent
}
