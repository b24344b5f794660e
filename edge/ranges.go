package edge

import (
	"strconv"
	"strings"
)

// rangeOf turns a 200 into the part that was asked for: one byte range of a body
// in memory (RFC 9110 §14). Several ranges, other units and what cannot be read
// get the whole, as §14.2 allows.
func (c *Core) rangeOf(x *Exchange) {
	spec := x.Req.Fields.Get("Range")
	if spec == "" || x.Rep.Art == nil || x.Rep.Stream != nil {
		return
	}
	if cond := x.Req.Fields.Get("If-Range"); cond != "" && !x.ifRange(cond) {
		return
	}
	size := int64(len(x.Rep.Body))
	first, last, result := parseRange(spec, size)
	switch result {
	case rangeIgnored:
		return
	case rangeUnsatisfiable:
		from := len(x.buf)
		x.buf = append(x.buf, "bytes */"...)
		x.buf = strconv.AppendInt(x.buf, size, 10)
		value := x.buf[from:len(x.buf):len(x.buf)]
		c.problem(x, 416, "about:blank", "Range Not Satisfiable", "the representation has "+strconv.FormatInt(size, 10)+" bytes", "Range")
		x.Rep.Extra.Add("Content-Range", value)
		return
	}
	from := len(x.buf)
	x.buf = append(x.buf, "bytes "...)
	x.buf = strconv.AppendInt(x.buf, first, 10)
	x.buf = append(x.buf, '-')
	x.buf = strconv.AppendInt(x.buf, last, 10)
	x.buf = append(x.buf, '/')
	x.buf = strconv.AppendInt(x.buf, size, 10)
	x.add("Content-Range", from)
	x.Rep.Status = 206
	x.Rep.Body = x.Rep.Body[first : last+1]
	x.Rep.Length = last + 1 - first
}

// ifRange reports whether the validator in If-Range is that of the reply, by
// strong comparison (RFC 9110 §13.1.5).
func (x *Exchange) ifRange(cond string) bool {
	etag, modified := x.validators()
	if strings.HasPrefix(cond, `"`) {
		return cond == etag
	}
	return modified != "" && cond == modified
}

type rangeResult uint8

const (
	rangeIgnored rangeResult = iota
	rangePart
	rangeUnsatisfiable
)

// parseRange reads one byte-range of a body of size bytes.
func parseRange(spec string, size int64) (first, last int64, _ rangeResult) {
	unit, set, ok := strings.Cut(spec, "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") || strings.Contains(set, ",") {
		return 0, 0, rangeIgnored
	}
	from, to, ok := strings.Cut(strings.TrimSpace(set), "-")
	if !ok {
		return 0, 0, rangeIgnored
	}
	if from == "" { // the last n bytes
		n, ok := parsePosition(to)
		if !ok {
			return 0, 0, rangeIgnored
		}
		if n == 0 || size == 0 {
			return 0, 0, rangeUnsatisfiable
		}
		return max(0, size-n), size - 1, rangePart
	}
	first, ok = parsePosition(from)
	if !ok {
		return 0, 0, rangeIgnored
	}
	last = size - 1
	if to != "" {
		last, ok = parsePosition(to)
		if !ok || last < first {
			return 0, 0, rangeIgnored
		}
		last = min(last, size-1)
	}
	if first >= size {
		return 0, 0, rangeUnsatisfiable
	}
	return first, last, rangePart
}

// parsePosition reads digits only; a number beyond int64 is as good as the
// largest.
func parsePosition(s string) (int64, bool) {
	if s == "" {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		if n > (1<<62)/10 {
			n = 1 << 62
			continue
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}
