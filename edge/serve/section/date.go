package section

import (
	"net/http"
	"sync/atomic"
	"time"
)

// Dates is the Date line of the present second as a protocol encodes it, for answers
// whose origin sent none (RFC 9110 §6.6.1).
type Dates struct{ last atomic.Pointer[dateLine] }

type dateLine struct {
	second int64
	line   []byte
}

// Line returns the line for now; encode makes one of a value.
func (d *Dates) Line(now time.Time, encode func(value string) []byte) []byte {
	second := now.Unix()
	if l := d.last.Load(); l != nil && l.second == second {
		return l.line
	}
	l := &dateLine{second, encode(now.UTC().Format(http.TimeFormat))}
	d.last.Store(l)
	return l.line
}
