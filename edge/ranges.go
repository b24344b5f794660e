package edge

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/letteros/letteredge/edge/freshness"
)

// rangeOf turns a 200 into the parts that were asked for of a body in memory (RFC
// 9110 §14). Other units and what cannot be read get the whole, as §14.2 allows.
func (c *Core) rangeOf(x *Exchange) {
	spec := x.Req.Fields.Combined("Range")
	if spec == "" || x.Rep.Art == nil || x.Rep.Stream != nil {
		return
	}
	if cond := x.Req.Fields.Get("If-Range"); cond != "" && !x.ifRange(cond) {
		return
	}
	size := int64(len(x.Rep.Body))
	var few [4]span
	parts, result := parseRanges(few[:0], spec, size)
	switch {
	case result == rangeIgnored:
	case result == rangeUnsatisfiable:
		from := len(x.buf)
		x.buf = append(x.buf, "bytes */"...)
		x.buf = strconv.AppendInt(x.buf, size, 10)
		value := x.buf[from:len(x.buf):len(x.buf)]
		c.problem(x, 416, "about:blank", "Range Not Satisfiable", "the representation has "+strconv.FormatInt(size, 10)+" bytes", "Range")
		x.Rep.Extra.Add("Content-Range", value)
	case len(parts) > 1:
		x.skipDigest()
		x.multipart(parts, size)
	default:
		x.skipDigest()
		from := len(x.buf)
		x.buf = parts[0].appendTo(x.buf, size)
		x.add("Content-Range", from)
		x.Rep.Status = 206
		x.Rep.Body = x.Rep.Body[parts[0].first : parts[0].last+1]
		x.Rep.Length = parts[0].length()
	}
}

// ifRange reports whether the validator in If-Range is that of the reply, by
// strong comparison (RFC 9110 §13.1.5). A date is a strong validator where the
// reply was sent at least a second after it (§8.8.2.2): within that second the
// representation may have changed again.
func (x *Exchange) ifRange(cond string) bool {
	etag, modified := x.validators()
	if strings.HasPrefix(cond, `"`) {
		return cond == etag
	}
	if modified == "" || cond != modified {
		return false
	}
	m, ok := freshness.ParseDate(modified, x.Now)
	date, dated := freshness.ParseDate(x.date(), x.Now)
	return ok && dated && date.Sub(m) >= time.Second
}

// date returns the Date of the reply, "" if it has none.
func (x *Exchange) date() string {
	if x.Rep.Art != nil {
		return x.Rep.Art.Get("Date")
	}
	return fieldLines(x.Rep.Passed).Get("Date")
}

// span is a part of a representation: its first and its last byte.
type span struct{ first, last int64 }

func (s span) length() int64 { return s.last + 1 - s.first }

// appendTo writes a Content-Range (RFC 9110 §14.4).
func (s span) appendTo(dst []byte, size int64) []byte {
	dst = append(dst, "bytes "...)
	dst = strconv.AppendInt(dst, s.first, 10)
	dst = append(dst, '-')
	dst = strconv.AppendInt(dst, s.last, 10)
	dst = append(dst, '/')
	return strconv.AppendInt(dst, size, 10)
}

type rangeResult uint8

const (
	rangeIgnored rangeResult = iota
	rangePart
	rangeUnsatisfiable
)

// maxRanges bounds the parts of one answer. Who asks for more, or for more bytes
// than there are, gets the whole: such requests are made to do harm (RFC 9110 §14.2).
const maxRanges = 32

// parseRanges reads a byte-ranges specifier for a body of size bytes, and returns
// the parts that there are, in the order asked for. Parts that touch are one.
func parseRanges(parts []span, spec string, size int64) ([]span, rangeResult) {
	unit, set, ok := strings.Cut(spec, "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return nil, rangeIgnored
	}
	seen := 0
	for one := range strings.SplitSeq(set, ",") {
		if one = strings.Trim(one, " \t"); one == "" {
			continue // RFC 9110 §5.6.1.2
		}
		if seen++; seen > maxRanges {
			return nil, rangeIgnored
		}
		first, last, result := parseRange(one, size)
		switch result {
		case rangeIgnored:
			return nil, rangeIgnored
		case rangePart:
			parts = append(parts, span{first, last})
		}
	}
	if seen == 0 {
		return nil, rangeIgnored
	}
	if len(parts) == 0 {
		return nil, rangeUnsatisfiable
	}
	total := int64(0)
	for _, s := range parts {
		total += s.length()
	}
	if len(parts) > 1 {
		if total > size {
			return nil, rangeIgnored
		}
		parts = joinTouching(parts)
	}
	return parts, rangePart
}

// joinTouching makes one part of those that follow each other without a gap, or
// overlap (RFC 9110 §15.3.7.2 allows it), where the request has them in order.
func joinTouching(parts []span) []span {
	if !slices.IsSortedFunc(parts, func(a, b span) int { return cmp.Compare(a.first, b.first) }) {
		return parts
	}
	joined := parts[:1]
	for _, s := range parts[1:] {
		if end := &joined[len(joined)-1]; s.first <= end.last+1 {
			end.last = max(end.last, s.last)
			continue
		}
		joined = append(joined, s)
	}
	return joined
}

// parseRange reads one byte-range of a body of size bytes.
func parseRange(set string, size int64) (first, last int64, _ rangeResult) {
	from, to, ok := strings.Cut(set, "-")
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
