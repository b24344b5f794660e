package h2

import (
	"sync/atomic"
	"time"
)

// dates is the Date line of this second, for answers whose origin sent none (RFC
// 9110 §6.6.1).
type dates struct{ now atomic.Pointer[stamp] }

type stamp struct {
	second int64
	line   []byte
}

// line returns the line of a Unix second.
func (d *dates) line(second int64) []byte {
	if s := d.now.Load(); s != nil && s.second == second {
		return s.line
	}
	const form = "Mon, 02 Jan 2006 15:04:05 GMT"
	line := append(make([]byte, 0, 3+len(form)), 0x0f, 33-0x0f, byte(len(form)))
	s := &stamp{second, time.Unix(second, 0).UTC().AppendFormat(line, form)}
	d.now.Store(s)
	return s.line
}
