package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

const (
	maxH1Head     = 256 << 10 // bytes of one head
	maxH1Interims = 16        // 1xx answers before the final one
)

// h1Head is what frames the body of an answer (RFC 9112 §6.3).
type h1Head struct {
	status  int
	length  int64 // -1 unknown
	chunked bool
	last    bool // Connection: close, or HTTP/1.0
}

// readH1 reads one answer, interim ones before it included, and tells whether
// the connection can carry another request.
func readH1(r *bufio.Reader, toHead bool, keep *Answer) (a answer, again bool, err error) {
	for range maxH1Interims {
		h, err := readH1Head(r, keep)
		if err != nil {
			return a, false, err
		}
		if h.status < 200 && h.status != 101 {
			continue
		}
		a.status = h.status
		body := &h1Body{r: r, keep: keep}
		again = !h.last
		switch {
		case h.status == 101:
			return a, false, errors.New("the server switched protocols unasked")
		case toHead || h.status == 204 || h.status == 304:
		case h.chunked:
			err = body.chunks()
		case h.length >= 0:
			err = body.exactly(h.length)
		default:
			again = false
			err = body.rest()
		}
		a.bytes = body.n
		return a, again && err == nil, err
	}
	return a, false, fmt.Errorf("more than %d interim answers", maxH1Interims)
}

func readH1Head(r *bufio.Reader, keep *Answer) (h h1Head, err error) {
	line, err := readLine(r)
	if err != nil {
		return h, err
	}
	// HTTP/1.1 200 OK
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[8] != ' ' || (len(line) > 12 && line[12] != ' ') {
		return h, fmt.Errorf("not a status line: %.40q", line)
	}
	status, ok := parseDecimal(line[9:12])
	if !ok || status < 100 || status > 599 {
		return h, fmt.Errorf("not a status: %.40q", line)
	}
	h = h1Head{status: int(status), length: -1, last: line[7] == '0'}
	if keep != nil {
		*keep = Answer{Status: h.status}
	}
	for size := len(line); ; {
		line, err := readLine(r)
		if err != nil {
			return h, err
		}
		if len(line) == 0 {
			return h, nil
		}
		if size += len(line); size > maxH1Head {
			return h, fmt.Errorf("head of an answer beyond %d bytes", maxH1Head)
		}
		if err := h.field(line, keep); err != nil {
			return h, err
		}
	}
}

func (h *h1Head) field(line []byte, keep *Answer) error {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || len(name) == 0 {
		return fmt.Errorf("not a field line: %.40q", line)
	}
	value = bytes.TrimSpace(value)
	if keep != nil {
		keep.Fields = append(keep.Fields, Field{string(name), string(value)})
	}
	switch len(name) { // the three lengths that matter, so that the rest costs one compare
	case len("Connection"):
		if bytes.EqualFold(name, []byte("Connection")) {
			h.last = h.last || bytes.EqualFold(value, []byte("close"))
		}
	case len("Content-Length"):
		if bytes.EqualFold(name, []byte("Content-Length")) {
			n, ok := parseDecimal(value)
			if !ok || (h.length >= 0 && h.length != n) {
				return fmt.Errorf("not a content length: %.40q", value)
			}
			h.length = n
		}
	case len("Transfer-Encoding"):
		if bytes.EqualFold(name, []byte("Transfer-Encoding")) {
			if !bytes.EqualFold(value, []byte("chunked")) {
				return fmt.Errorf("transfer coding is not chunked: %.40q", value)
			}
			h.chunked = true
		}
	}
	return nil
}

// readLine returns a line without its end, valid until the next read. A line
// longer than the reader's buffer is an error.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, fmt.Errorf("line of an answer beyond %d bytes", len(line))
	case errors.Is(err, io.EOF):
		return nil, io.ErrUnexpectedEOF
	case err != nil:
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}

// parseDecimal reads up to 18 digits and nothing else.
func parseDecimal(text []byte) (n int64, ok bool) {
	if len(text) == 0 || len(text) > 18 {
		return 0, false
	}
	for _, b := range text {
		if b < '0' || b > '9' {
			return 0, false
		}
		n = n*10 + int64(b-'0')
	}
	return n, true
}
