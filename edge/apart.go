package edge

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"time"
)

const (
	// maxAparts bounds the readers of one fetch that go on by themselves: each is a
	// request to the origin.
	maxAparts = 64
	// apartRest is how long it is not tried again after the origin gave no answer.
	apartRest = time.Second
)

// errOther says that what the origin shows now is not what the reader has the beginning of.
var errOther = errors.New("the origin shows something else by now")

// apart is how a reader goes on by itself that is slower than others of content that
// passes: with an answer of its own to the same request. Guarded by the mu of the
// content; body, once it is there, and what goes with it are the reader's.
type apart struct {
	trying bool
	again  time.Time // not tried before
	cancel context.CancelFunc
	body   io.ReadCloser
	skip   int64 // of body, what the reader has had already
	// digest of body so far, and what it must be once the reader's place is reached;
	// nil where a validator vouches for it.
	digest *maphash.Hash
	want   uint64
}

// read returns what comes after what was shared. It does not need mu.
func (a *apart) read(p []byte) (int, error) {
	if a.skip > 0 {
		if err := skip(a.body, a.skip, a.digest); err != nil {
			return 0, err
		}
		a.skip = 0
		if a.digest != nil && a.digest.Sum64() != a.want {
			return 0, errOther
		}
	}
	return a.body.Read(p)
}

func skip(body io.Reader, n int64, digest *maphash.Hash) error {
	to := io.Discard
	if digest != nil {
		to = digest
	}
	_, err := io.CopyN(to, body, n)
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// sendApart has those go on by themselves who are in the older half of what is held.
// Until the first has shown that it can be done, one tries. The caller holds mu.
func (g *growing) sendApart(p *pacing, now time.Time) {
	most := 1
	if g.proven {
		most = maxAparts
	}
	middle := g.oldest.at + (g.tail.at-g.oldest.at)/2
	for r := range g.readers {
		if g.other || g.aparts >= most {
			return
		}
		if r.off > middle || r.step == g.tail || r.apart.trying || now.Before(r.apart.again) {
			continue
		}
		r.apart.trying = true
		g.aparts++
		p.apart(r, r.off, r.digest())
	}
}

// digest is that of what r has read, nil where none is needed. The caller holds mu.
func (r *growingReader) digest() *maphash.Hash {
	if r.step.before == nil {
		return nil
	}
	h := cloned(r.step.before)
	_, _ = h.Write(r.step.b[:r.off-r.step.at]) // it never fails
	return h
}

// goOn ends a reader's try: it goes on with what came, if it still holds up others. It
// reports whether it does.
func (g *growing) goOn(r *growingReader, got apart, at int64, err error) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	r.apart.trying = false
	switch {
	case err != nil:
		r.apart.again = time.Now().Add(apartRest)
		g.other = g.other || errors.Is(err, errOther)
	case r.closed || r.cut || r.step == g.tail || g.ended && g.err == nil:
		g.proven = true
	default:
		g.proven = true
		got.cancel, got.skip = r.apart.cancel, r.off-at
		if got.digest != nil {
			got.want = r.digest().Sum64()
		}
		r.apart = got
		g.leave(r)
		return true
	}
	g.aparts--
	g.room.Signal()
	return false
}
