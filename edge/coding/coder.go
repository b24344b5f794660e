package coding

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	brrr "github.com/molecule-man/go-brrr"
)

// The levels: a coding is made once and sent often, but the reader who asks
// first waits for it. The next better ones cost twice the time for one part in a
// hundred (bench/RESULTS.md).
const (
	gzipLevel   = 6
	brotliLevel = 5
	zstdLevel   = zstd.SpeedBetterCompression
	// zstdWindow is the most that a receiver of the coding must support (RFC 9659
	// §3).
	zstdWindow = 8 << 20
)

// minSaving is how much less the coded bytes must be: about what the field lines
// of a coding take.
const minSaving = 48

// Coder makes codings by a policy. Its methods may be called from any number of
// goroutines.
type Coder struct {
	policy   Policy
	places   chan struct{} // one token for each coding under way
	encoders [Count]sync.Pool
	// known are the fields that have been read; the map is never changed.
	known atomic.Pointer[map[string]Preference]
}

// encoder writes one coding of src behind dst.
type encoder func(dst *bytes.Buffer, src []byte) error

// New returns a coder, or an error that names what is wrong with the policy.
func New(p Policy) (*Coder, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if p.AtOnce == 0 {
		p.AtOnce = max(1, runtime.GOMAXPROCS(0)/2)
	}
	p.Codings, p.Types = slices.Clone(p.Codings), slices.Clone(p.Types)
	for i, t := range p.Types {
		p.Types[i] = strings.ToLower(t)
	}
	c := &Coder{policy: p, places: make(chan struct{}, p.AtOnce)}
	c.known.Store(&map[string]Preference{})
	for coding, make := range [Count]func() (encoder, error){Gzip: newGzip, Brotli: newBrotli, Zstd: newZstd} {
		if make == nil {
			continue
		}
		if _, err := make(); err != nil {
			return nil, fmt.Errorf("coding: %s: %w", Coding(coding), err)
		}
		c.encoders[coding].New = func() any {
			e, _ := make() // it has been tried
			return e
		}
	}
	return c, nil
}

// Makes reports whether the policy has any coding.
func (c *Coder) Makes() bool { return len(c.policy.Codings) > 0 }

// Codable reports whether content of that type and size is coded.
func (c *Coder) Codable(contentType string, size int64) bool {
	if !c.Makes() || size < max(1, c.policy.MinBytes) || size > c.policy.MaxBytes {
		return false
	}
	media, _, _ := strings.Cut(contentType, ";")
	return c.policy.names(strings.ToLower(strings.Trim(media, " \t")))
}

// Enter takes a place for one coding, which Leave gives back. Without wait it
// reports false where none is free; with wait only where ctx has ended.
func (c *Coder) Enter(ctx context.Context, wait bool) bool {
	select {
	case c.places <- struct{}{}:
		return true
	default:
	}
	if !wait {
		return false
	}
	select {
	case c.places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// Leave gives a place back.
func (c *Coder) Leave() { <-c.places }

// Encode returns src in that coding, nil where that saves too little to be of
// use. Whoever calls has a place.
func (c *Coder) Encode(coding Coding, src []byte) ([]byte, error) {
	if coding == Identity || coding >= Count {
		return nil, fmt.Errorf("encode: %s is no coding", coding)
	}
	e := c.encoders[coding].Get().(encoder)
	var out bytes.Buffer
	out.Grow(len(src)/2 + 64)
	if err := e(&out, src); err != nil {
		return nil, fmt.Errorf("encode %s: %w", coding, err) // the encoder is not used again
	}
	defer c.encoders[coding].Put(e)
	if out.Len()+minSaving > len(src) {
		return nil, nil
	}
	coded := bytes.Clone(out.Bytes()) // without spare memory: it is kept for long
	out = bytes.Buffer{}              // the encoder still points at it
	return coded, nil
}

func newGzip() (encoder, error) {
	w, err := gzip.NewWriterLevel(io.Discard, gzipLevel)
	if err != nil {
		return nil, err
	}
	return func(dst *bytes.Buffer, src []byte) error {
		w.Reset(dst)
		if _, err := w.Write(src); err != nil {
			return err
		}
		return w.Close()
	}, nil
}

func newBrotli() (encoder, error) {
	w, err := brrr.NewWriter(io.Discard, brotliLevel)
	if err != nil {
		return nil, err
	}
	return func(dst *bytes.Buffer, src []byte) error {
		w.ResetWithSizeHint(dst, uint(len(src)))
		if _, err := w.Write(src); err != nil {
			return err
		}
		return w.Close()
	}, nil
}

func newZstd() (encoder, error) {
	// The transport checks the bytes; a sum of their own would only cost four.
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstdLevel), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(zstdWindow), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, err
	}
	return func(dst *bytes.Buffer, src []byte) error {
		_, err := dst.Write(w.EncodeAll(src, dst.AvailableBuffer()))
		return err
	}, nil
}
