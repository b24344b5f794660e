package h3

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	reference "github.com/quic-go/qpack"
	"github.com/quic-go/quic-go"
)

// fakePeer is a connection whose handshake is complete.
type fakePeer struct {
	mu     sync.Mutex
	closed code
	addr   *net.UDPAddr
	done   chan struct{}
}

func newFakePeer() *fakePeer {
	p := &fakePeer{addr: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, done: make(chan struct{})}
	close(p.done)
	return p
}

func (p *fakePeer) RemoteAddr() net.Addr               { return p.addr }
func (p *fakePeer) HandshakeComplete() <-chan struct{} { return p.done }

func (p *fakePeer) CloseWithError(c quic.ApplicationErrorCode, _ string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed == 0 {
		p.closed = code(c)
	}
	return nil
}

// fakeStream is a stream whose parts have come in a certain way: one a read, a nil one
// standing for a moment in which nothing comes. Then it ends, is taken back, or says
// nothing more.
type fakeStream struct {
	parts [][]byte
	then  error         // io.EOF, a StreamError, or nil for nothing more
	id    quic.StreamID // 0 is 4

	mu          sync.Mutex
	at          int
	off         int
	sent        bytes.Buffer
	closed      bool
	read, write code // what was cancelled with
	full        bool // TryWriteAll takes nothing
	deaf        bool // the client wants no answer
	quiet       bool // keeps no copy of what was sent

	ctx context.Context // nil for one that does not end
}

func (s *fakeStream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.read != 0 {
		return 0, &quic.StreamError{ErrorCode: quic.StreamErrorCode(s.read)}
	}
	if s.at == len(s.parts) {
		if s.then == nil {
			return 0, os.ErrDeadlineExceeded
		}
		return 0, s.then
	}
	if s.parts[s.at] == nil {
		s.at++
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(p, s.parts[s.at][s.off:])
	if s.off += n; s.off == len(s.parts[s.at]) {
		s.at, s.off = s.at+1, 0
		if s.at == len(s.parts) && s.then == io.EOF {
			return n, io.EOF // as quic-go does
		}
	}
	return n, nil
}

func (s *fakeStream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.deaf:
		return 0, &quic.StreamError{Remote: true, ErrorCode: quic.StreamErrorCode(codeRequestCancelled)}
	case s.write != 0 || s.closed:
		return 0, &quic.StreamError{ErrorCode: quic.StreamErrorCode(s.write)}
	}
	if !s.quiet {
		s.sent.Write(p)
	}
	return len(p), nil
}

func (s *fakeStream) TryWriteAll(p []byte) error {
	if s.full {
		return quic.ErrWouldBlock
	}
	_, err := s.Write(p)
	return err
}

func (s *fakeStream) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	return nil
}

func (s *fakeStream) CancelRead(c quic.StreamErrorCode) {
	s.mu.Lock()
	if s.read == 0 {
		s.read = code(c)
	}
	s.mu.Unlock()
}

func (s *fakeStream) CancelWrite(c quic.StreamErrorCode) {
	s.mu.Lock()
	if s.write == 0 {
		s.write = code(c)
	}
	s.mu.Unlock()
}

func (s *fakeStream) SetReadDeadline(time.Time) error  { return nil }
func (s *fakeStream) SetWriteDeadline(time.Time) error { return nil }
func (s *fakeStream) SetPriority(int8, bool)           {}
func (s *fakeStream) StreamID() quic.StreamID          { return max(4, s.id) }

func (s *fakeStream) Context() context.Context {
	if s.ctx == nil {
		return context.Background()
	}
	return s.ctx
}

// ask answers one stream, and waits until all of that is over.
func ask(core Core, s *fakeStream, change ...func(*Config)) (*fakePeer, string) {
	cfg := testConfig()
	for _, c := range change {
		c(&cfg)
	}
	p := newFakePeer()
	c := newConn(newServer(cfg, core, slog.New(slog.DiscardHandler)), p)
	c.take(s)
	c.work.Wait()
	return p, outcome(p, s)
}

// outcome says what became of a request.
func outcome(p *fakePeer, s *fakeStream) string {
	switch {
	case p.closed != 0:
		return fmt.Sprintf("connection %#x", int(p.closed))
	case s.write != 0 && !s.closed:
		return fmt.Sprintf("stream %#x", int(s.write))
	case !s.closed:
		return "unanswered"
	}
	statuses, content, err := parse(s.sent.Bytes())
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(strings.Join(statuses, " ") + " " + content)
}

// parse reads an answer with quic-go's decoder.
func parse(b []byte) (statuses []string, content string, err error) {
	for len(b) > 0 {
		typ, length, n := frameHeader(b)
		if n == 0 || uint64(len(b)-n) < length {
			return nil, "", fmt.Errorf("a frame that is none: %x", b)
		}
		payload := b[n:][:length]
		b = b[n:][length:]
		switch typ {
		case frameData:
			content += string(payload)
		case frameHeaders:
			next := reference.NewDecoder().Decode(payload)
			f, err := next()
			for err == nil {
				if f.Name == ":status" {
					statuses = append(statuses, f.Value)
				}
				f, err = next()
			}
			if err != io.EOF {
				return nil, "", err
			}
		default:
			return nil, "", fmt.Errorf("a frame of type %d", typ)
		}
	}
	return statuses, content, nil
}
