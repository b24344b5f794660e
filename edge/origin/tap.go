package origin

import (
	"bytes"
	"strings"
)

// tap listens to the bytes of an answer for its Connection fields. net/http
// deletes these where they hold `close`, and with them the names of the fields
// that must not be passed on.
//
// It is fed by the connection's reader and asked once the Transport has parsed
// the header section, which was fed before.
type tap struct {
	values []string

	line    []byte // the line so far
	lines   int    // complete lines of this header section
	interim bool   // it is a 1xx: another header section follows
	listed  bool   // the last line was a Connection field: it may be folded
	done    bool
}

func (t *tap) feed(p []byte) {
	for len(p) > 0 && !t.done {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			t.line = append(t.line, p...)
			return
		}
		t.line = append(t.line, p[:end]...)
		p = p[end+1:]
		t.take(string(bytes.TrimSuffix(t.line, []byte("\r"))))
		t.line = t.line[:0]
	}
	if t.done {
		t.line = nil
	}
}

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
