package gossip

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// errShort says that bytes end within a value.
var errShort = errors.New("it ends too early")

// appendBytes writes a length and the bytes.
func appendBytes[T string | []byte](b []byte, v T) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

// reader takes values off the front of a message. After the first failure all
// further ones fail, too; err tells it.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err, r.rest = err, nil
	}
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail(errShort)
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) fixed64() uint64 {
	if len(r.rest) < 8 {
		r.fail(errShort)
		return 0
	}
	v := binary.BigEndian.Uint64(r.rest)
	r.rest = r.rest[8:]
	return v
}

// bytes returns a view of at most limit bytes.
func (r *reader) bytes(field string, limit int) []byte {
	n := r.uvarint()
	if r.err != nil {
		return nil
	}
	if n > uint64(limit) {
		r.fail(fmt.Errorf("%s has %d bytes, at most %d are allowed", field, n, limit))
		return nil
	}
	if n > uint64(len(r.rest)) {
		r.fail(errShort)
		return nil
	}
	v := r.rest[:n:n]
	r.rest = r.rest[n:]
	return v
}

// end fails if anything is left.
func (r *reader) end() error {
	if r.err == nil && len(r.rest) > 0 {
		r.fail(fmt.Errorf("%d bytes follow its end", len(r.rest)))
	}
	return r.err
}
