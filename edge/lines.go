package edge

import "encoding/binary"

// lines is a header section in one string: for each line the code of its name and
// its value, both with their length before them. A stored response is one of a
// million: two strings for each of its lines would cost more than what they hold,
// and give the collector as many pointers to follow.
//
//	line  = code [length name] length value    ; the name only with ownName
//	about = kind length value / (kind|isLine) index
//
// What is known about the response beside its lines, an about, comes before them.
// Lengths and indexes are uvarints.
type lines string

const (
	// ownName is the code of a name that is written out.
	ownName = 0
	// ownVary is the code of a whole line, the one that this node adds where it
	// codes: Vary: Accept-Encoding. Readers are shown it; whoever takes the
	// response on (a peer, a pin, a 304) gets what the upstream has said.
	ownVary = 0xff
)

// kind is what an about tells.
type kind byte

const (
	aboutETag kind = iota
	aboutLastModified
	aboutUpstreamETag
	aboutCacheStatus
	aboutControl
	kinds

	// isLine says that the value is that of a line, and only its index is here.
	isLine kind = 0x80
)

// uvarint reads a number at from. Nearly all are below 128.
func (l lines) uvarint(from int) (v, next int) {
	if b := l[from]; b < 0x80 {
		return int(b), from + 1
	}
	var shift uint
	for ; l[from] >= 0x80; from++ {
		v |= int(l[from]&0x7f) << shift
		shift += 7
	}
	return v | int(l[from])<<shift, from + 1
}

func (l lines) text(from int) (text string, next int) {
	n, from := l.uvarint(from)
	return string(l[from : from+n]), from + n
}

// line reads the line at from.
func (l lines) line(from int) (name, value string, next int) {
	code := l[from]
	from++
	switch code {
	case ownName:
		name, from = l.text(from)
	case ownVary:
		return "Vary", "Accept-Encoding", from
	default:
		name = commonName(code)
	}
	value, next = l.text(from)
	return name, value, next
}

// find returns the value of the first line of a name from some place on.
func (l lines) find(from int, name string) string {
	for from < len(l) {
		n, value, next := l.line(from)
		if n == name {
			return value
		}
		from = next
	}
	return ""
}

// about returns what is known of that kind, in the first part, which ends at end.
func (l lines) about(end int, of kind) string {
	for at := 0; at < end; {
		k := kind(l[at])
		at++
		if k&isLine == 0 {
			value, next := l.text(at)
			if k == of {
				return value
			}
			at = next
			continue
		}
		index, next := l.uvarint(at)
		if k&^isLine == of {
			var value string
			for from := end; index >= 0; index-- {
				_, value, from = l.line(from)
			}
			return value
		}
		at = next
	}
	return ""
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

func appendIndex(dst []byte, index int) []byte { return binary.AppendUvarint(dst, uint64(index)) }

func appendLine(dst []byte, f Field) []byte {
	code := commonCode(f.Name)
	dst = append(dst, code)
	if code == ownName {
		dst = appendText(dst, f.Name)
	}
	return appendText(dst, f.Value)
}

// lineSize is what appendLine will write, at most.
func lineSize(f Field) int { return 1 + 2*binary.MaxVarintLen32 + len(f.Name) + len(f.Value) }
