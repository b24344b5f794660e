package behaviour

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// StrictOrigin is an origin at the level of bytes: it takes requests that are
// framed in exactly one way, and notes everything else that it is sent as a fault.
type StrictOrigin struct {
	URL string

	ln net.Listener
	wg sync.WaitGroup

	mu     sync.Mutex
	conns  []net.Conn
	seen   []string // "METHOD target content" of each request
	faults []string
}

// NewStrictOrigin starts one; it ends with the test.
func NewStrictOrigin(tb testing.TB) *StrictOrigin {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	o := &StrictOrigin{ln: ln, URL: "http://" + ln.Addr().String()}
	o.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			o.mu.Lock()
			o.conns = append(o.conns, c)
			o.mu.Unlock()
			o.wg.Go(func() { o.serve(c) })
		}
	})
	tb.Cleanup(o.close)
	return o
}

func (o *StrictOrigin) close() {
	_ = o.ln.Close()
	o.mu.Lock()
	for _, c := range o.conns {
		_ = c.Close()
	}
	o.mu.Unlock()
	o.wg.Wait()
}

// Take returns what has come since it was last asked.
func (o *StrictOrigin) Take() (seen, faults []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen, faults, o.seen, o.faults = o.seen, o.faults, nil, nil
	return seen, faults
}

func (o *StrictOrigin) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		request, err := readStrictly(r)
		if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
			return // at the end of a request, or before its own: that is none
		}
		o.mu.Lock()
		if err != nil {
			o.faults = append(o.faults, err.Error())
		} else {
			o.seen = append(o.seen, request)
		}
		o.mu.Unlock()
		if err != nil {
			return
		}
		if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\nok"); err != nil {
			return
		}
	}
}

// readStrictly reads a request whose lines end in CRLF, whose names are tokens right
// before their colon, and whose content has exactly one length. io.EOF means that
// the connection ended between two requests.
func readStrictly(r *bufio.Reader) (string, error) {
	line, err := strictLine(r)
	switch {
	case errors.Is(err, errLine):
		return "", err
	case err != nil && line != "":
		return "", io.ErrUnexpectedEOF
	case err != nil:
		return "", io.EOF // or the test's end
	}
	words := strings.Split(line, " ")
	if len(words) != 3 || words[2] != "HTTP/1.1" {
		return "", fmt.Errorf("request line %q", line)
	}
	fields := map[string][]string{}
	for {
		f, err := strictLine(r)
		if err != nil {
			return "", fmt.Errorf("in the fields: %w", broken(err))
		}
		if f == "" {
			break
		}
		name, value, ok := strings.Cut(f, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return "", fmt.Errorf("field line %q", f)
		}
		name = strings.ToLower(name)
		switch dashed := strings.ReplaceAll(name, "_", "-"); dashed {
		case "content-length", "transfer-encoding", "host", "connection", "te", "trailer", "upgrade":
			if dashed != name { // CGI reads it as the other
				return "", fmt.Errorf("field line %q", f)
			}
		}
		fields[name] = append(fields[name], strings.Trim(value, " \t"))
	}
	length, coding := fields["content-length"], fields["transfer-encoding"]
	if len(fields["host"]) != 1 || len(length)+len(coding) > 1 {
		return "", fmt.Errorf("%s %s: host %q, length %q, coding %q", words[0], words[1], fields["host"], length, coding)
	}
	content := ""
	switch {
	case len(coding) == 1:
		if coding[0] != "chunked" {
			return "", fmt.Errorf("coding %q", coding[0])
		}
		content, err = strictChunks(r)
	case len(length) == 1:
		n, perr := strconv.ParseUint(length[0], 10, 20)
		if perr != nil {
			return "", fmt.Errorf("length %q", length[0])
		}
		b := make([]byte, n)
		_, err = io.ReadFull(r, b)
		content = string(b)
	}
	if err != nil {
		return "", fmt.Errorf("content of %s: %w", words[1], broken(err))
	}
	return strings.TrimSpace(words[0] + " " + words[1] + " " + content), nil
}

// broken is the error of a request that ends before its end.
func broken(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func strictChunks(r *bufio.Reader) (string, error) {
	var content strings.Builder
	for {
		line, err := strictLine(r)
		if err != nil {
			return "", err
		}
		n, err := strconv.ParseUint(line, 16, 20) // without extensions
		if err != nil {
			return "", fmt.Errorf("chunk size %q", line)
		}
		if _, err := io.CopyN(&content, r, int64(n)); err != nil {
			return "", io.ErrUnexpectedEOF
		}
		if end, err := strictLine(r); err != nil {
			return "", err
		} else if end != "" {
			return "", fmt.Errorf("chunk or trailer section ends in %q", end)
		}
		if n == 0 {
			return content.String(), nil
		}
	}
}

// errLine is of a line that does not end in CRLF, or holds what no line may.
var errLine = errors.New("line")

func strictLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return line, err
	}
	text, ok := strings.CutSuffix(line, "\r\n")
	if !ok || strings.ContainsAny(text, "\r\x00") {
		return "", fmt.Errorf("%w %q", errLine, line)
	}
	return text, nil
}
