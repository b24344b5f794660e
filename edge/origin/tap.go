package origin

import (
	"bytes"
	"strings"
)

// tap listens to the bytes of an answer for its Connection fields. net/http
// deletes these where they hold `close`, and with them the names of the fields
// that must not be passed on.
//
// It also takes an unregistered transfer coding out of net/http's sight, which
// refuses it, by another name for the field: RFC 9112 §6.3 says where such an
// answer ends, see coding.go.
//
// It is fed by the connection's reader and asked once the Transport has parsed
// the header section, which was fed before.
type tap struct {
	values []string

	line    []byte // the line so far
	lines   int    // complete lines of this header section
	interim bool   // it is a 1xx: another header section follows
	listed  bool   // the last line was a Connection field: it may be folded
	coded   bool   // a field has been renamed to oddCoding
	done    bool
}

// feed returns how many bytes of p may go on. Those behind them are the beginning
// of a line that may have to be changed: they are fed again when more has come.
func (t *tap) feed(p []byte) int {
	from := 0
	for from < len(p) && !t.done {
		rest := p[from:]
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			if t.inFields() && len(t.line) == 0 && mayTellCoding(rest) {
				return from
			}
			t.line = append(t.line, rest...)
			return len(p)
		}
		if t.inFields() && len(t.line) == 0 && hideCoding(rest[:end]) {
			t.coded = true
		}
		t.line = append(t.line, rest[:end]...)
		from += end + 1
		t.take(string(bytes.TrimSuffix(t.line, []byte("\r"))))
		t.line = t.line[:0]
	}
	if t.done {
		t.line = nil
	}
	return len(p)
}

// inFields reports whether a line that begins now is one of the answer's fields.
func (t *tap) inFields() bool { return t.lines > 0 && !t.interim }

func (t *tap) take(line string) {
	name, value, isField := strings.Cut(line, ":")
	switch {
	case line == "" && t.lines > 0:
		t.done = !t.interim
		t.lines = 0
		return
	case t.lines == 0:
		_, status, _ := strings.Cut(line, " ")
		t.interim = strings.HasPrefix(status, "1") && !strings.HasPrefix(status, "101")
	case t.interim:
	case line[0] == ' ' || line[0] == '\t':
		if t.listed {
			t.values[len(t.values)-1] += line
		}
	default:
		if t.listed = isField && strings.EqualFold(name, "Connection"); t.listed {
			t.values = append(t.values, value)
		}
	}
	t.lines++
}
