package load

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/net/http2/hpack"
)

// h2Input is what the reader of a connection keeps between frames.
type h2Input struct {
	r       *bufio.Reader
	decoder *hpack.Decoder

	block []byte // a field block whose CONTINUATIONs have not all come
	of    uint32 // its stream; 0: none
	ends  bool   // its stream ends with it

	whole  bool // all fields of the block being decoded are wanted, not the status alone
	status int
	fields []Field

	taken int64 // content not yet given back to the connection's window
}

const (
	h2ReadSize = 64 << 10  // a frame's payload fits
	h2MaxBlock = 256 << 10 // bytes of one field block
)

func newH2Input(r io.Reader) *h2Input {
	in := &h2Input{r: bufio.NewReaderSize(r, h2ReadSize)}
	in.decoder = hpack.NewDecoder(defaultTable, in.field)
	return in
}

// field takes one decoded field. Without the wish for all, the status is the
// last that is decoded: the rest only keeps the dynamic table in step.
func (in *h2Input) field(f hpack.HeaderField) {
	if f.Name == ":status" {
		in.status, _ = strconv.Atoi(f.Value) // 0 is refused with the block
	} else if in.whole {
		in.fields = append(in.fields, Field{http.CanonicalHeaderKey(f.Name), f.Value})
	}
	in.decoder.SetEmitEnabled(in.whole)
}

// decode reads a field block.
func (in *h2Input) decode(block []byte, whole bool) error {
	in.whole, in.status, in.fields = whole, 0, nil
	in.decoder.SetEmitEnabled(true)
	if _, err := in.decoder.Write(block); err != nil {
		return fmt.Errorf("field block: %w", err)
	}
	if err := in.decoder.Close(); err != nil {
		return fmt.Errorf("field block: %w", err)
	}
	return nil
}

// next returns the head of a frame; its payload is in the buffer.
func (in *h2Input) next() (kind, flags byte, id uint32, payload []byte, err error) {
	head, err := in.r.Peek(frameHead)
	if err != nil {
		return 0, 0, 0, nil, err
	}
	length := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
	kind, flags, id = head[3], head[4], binary.BigEndian.Uint32(head[5:])&h2LastID
	if length > frameLimit {
		return 0, 0, 0, nil, fmt.Errorf("frame of %d bytes", length)
	}
	all, err := in.r.Peek(frameHead + length)
	if err != nil {
		return 0, 0, 0, nil, err
	}
	_, _ = in.r.Discard(len(all)) // it is there
	return kind, flags, id, all[frameHead:], nil
}

// greet says hello and reads until the server's settings have come.
func (p *h2Peer) greet() (s h2Settings, err error) {
	if err := p.nc.SetDeadline(time.Now().Add(p.plan.Timeout)); err != nil {
		return s, err
	}
	if _, err := p.nc.Write(appendHello(nil)); err != nil {
		return s, err
	}
	kind, flags, _, payload, err := p.in.next()
	switch {
	case err != nil:
		return s, err
	case kind != frameSettings || flags&flagAck != 0:
		return s, errors.New("server's first frame is not SETTINGS") // RFC 9113 §3.4
	}
	if s, err = readSettings(payload, h2Settings{tableSize: defaultTable, streams: MaxStreams}); err != nil {
		return s, err
	}
	if s.streams == 0 {
		return s, errors.New("server admits no streams")
	}
	if _, err := p.nc.Write(appendFrame(nil, frameSettings, flagAck, 0)); err != nil {
		return s, err
	}
	return s, p.nc.SetDeadline(time.Time{})
}

// read takes frames until the connection ends.
func (p *h2Peer) read() {
	for {
		kind, flags, id, payload, err := p.in.next()
		if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
			err = errServerGone
		}
		reply := false
		if err == nil {
			reply, err = p.frame(kind, flags, id, payload)
		}
		if err != nil {
			p.fail(err)
			return
		}
		if reply {
			p.flush()
		}
	}
}

// frame takes one; reply tells that there is something to send.
func (p *h2Peer) frame(kind, flags byte, id uint32, payload []byte) (reply bool, err error) {
	if p.in.of != 0 && (kind != frameContinuation || id != p.in.of) {
		return false, errors.New("field block is interrupted") // RFC 9113 §6.10
	}
	switch kind {
	case frameData:
		return p.data(flags, id, payload)
	case frameHeaders:
		if payload, err = unpad(payload, kind, flags); err != nil {
			return false, err
		}
		if flags&flagEndHeaders != 0 {
			return false, p.headers(id, payload, flags&flagEndStream != 0)
		}
		p.in.block, p.in.of, p.in.ends = append(p.in.block[:0], payload...), id, flags&flagEndStream != 0
		return false, nil
	case frameContinuation:
		return false, p.continued(flags, id, payload)
	case framePush:
		return false, errors.New("server pushes, though told not to")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.controlLocked(kind, flags, id, payload)
}

func (p *h2Peer) controlLocked(kind, flags byte, id uint32, payload []byte) (reply bool, err error) {
	switch kind {
	case frameReset, frameGoAway, framePing:
		if len(payload) < map[byte]int{frameReset: 4, frameGoAway: 8, framePing: 8}[kind] {
			return false, fmt.Errorf("frame of kind %d has %d bytes", kind, len(payload))
		}
	}
	switch kind {
	case frameReset:
		if s := p.open[id]; s != nil {
			p.finishLocked(s, resetError(binary.BigEndian.Uint32(payload)))
		}
	case frameSettings:
		if flags&flagAck != 0 {
			return false, nil
		}
		p.out = appendFrame(p.out, frameSettings, flagAck, 0)
		s, err := readSettings(payload, h2Settings{tableSize: defaultTable})
		if s.tableSize < defaultTable {
			p.leaving = true // our blocks count on the table as it was: a connection of its own for what follows
		}
		return true, err
	case framePing:
		if flags&flagAck == 0 {
			p.out = appendFrame(p.out, framePing, flagAck, 0, payload[:8]...)
			return true, nil
		}
	case frameGoAway:
		p.leaving = true
		last := binary.BigEndian.Uint32(payload) & h2LastID
		for id, s := range p.open {
			if id > last {
				p.finishLocked(s, &unprocessedError{errServerGone})
			}
		}
	}
	return false, nil
}

func resetError(code uint32) error {
	err := fmt.Errorf("server reset the stream with code %d", code)
	if code == codeRefused {
		return &unprocessedError{err}
	}
	return err
}

func (p *h2Peer) continued(flags byte, id uint32, payload []byte) error {
	in := p.in
	if in.of == 0 {
		return errors.New("CONTINUATION of nothing")
	}
	in.block = append(in.block, payload...)
	if len(in.block) > h2MaxBlock {
		return fmt.Errorf("field block beyond %d bytes", h2MaxBlock)
	}
	if flags&flagEndHeaders == 0 {
		return nil
	}
	in.of = 0
	return p.headers(id, in.block, in.ends)
}

// headers takes a whole field block: of an interim answer, an answer, or trailers.
func (p *h2Peer) headers(id uint32, block []byte, ends bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.open[id]
	if err := p.in.decode(block, s != nil && s.keep != nil); err != nil || s == nil {
		return err // also of a stream that we gave up: the table must stay in step
	}
	if !s.begun {
		status := p.in.status
		if status < 100 || status > 999 || (status < 200 && ends) {
			return fmt.Errorf("stream %d: status %d", id, status)
		}
		if status < 200 {
			return nil
		}
		s.begun, s.got.status = true, status
		if s.keep != nil {
			*s.keep = Answer{Status: status, Fields: p.in.fields}
			sortFields(s.keep.Fields)
		}
	}
	if ends {
		p.finishLocked(s, nil)
	}
	return nil
}

// data takes content and widens the windows again when half of them is used.
func (p *h2Peer) data(flags byte, id uint32, payload []byte) (reply bool, err error) {
	content, err := unpad(payload, frameData, flags)
	if err != nil {
		return false, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.in.taken += int64(len(payload)); p.in.taken > h2Window/2 {
		p.out = appendWindow(p.out, 0, uint32(p.in.taken))
		p.in.taken, reply = 0, true
	}
	s := p.open[id]
	if s == nil {
		return reply, nil // of a stream that we gave up
	}
	if !s.begun {
		return reply, fmt.Errorf("stream %d: content before its fields", id)
	}
	s.got.bytes += int64(len(content))
	if s.keep != nil {
		if s.got.bytes > maxKept {
			p.out = appendReset(p.out, id)
			p.finishLocked(s, errTooLong)
			return true, nil
		}
		s.keep.Body = append(s.keep.Body, content...)
	}
	if flags&flagEndStream != 0 {
		p.finishLocked(s, nil)
	} else if s.unacked += int64(len(payload)); s.unacked > h2Window/2 {
		p.out = appendWindow(p.out, id, uint32(s.unacked))
		s.unacked, reply = 0, true
	}
	return reply, nil
}
