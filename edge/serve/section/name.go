package section

import "strings"

// Kind is what the transport itself has to know of a field.
type Kind uint8

// The kinds. Pseudo-fields come first.
const (
	Other Kind = iota
	Method
	Scheme
	Authority
	Path
	Status
	UnknownPseudo
	Host
	ContentLength
	Cookie
	TE
	Hop // Connection and its like, which these protocols do not have
	Expect
	Trailer
	Priority
)

// pseudo reports whether a field belongs before all others.
func (k Kind) pseudo() bool { return k >= Method && k <= UnknownPseudo }

// Name is a field name, judged once.
type Name struct {
	Text string // canonical ("Cache-Control"); pseudo-fields as they are sent
	Kind Kind
	Bad  bool // no request may have it
	own  bool // Text lives as long as anybody wants it to
}

// tokenBytes maps the bytes that a field name may have on the wire (RFC 9110
// §5.6.2 without upper case, RFC 9113 §8.2.1) to themselves, or letters to upper
// case; all others to 0. Constant.
var tokenBytes = [256]byte{
	'!': '!', '#': '#', '$': '$', '%': '%', '&': '&', '\'': '\'', '*': '*', '+': '+',
	'-': '-', '.': '.', '^': '^', '_': '_', '`': '`', '|': '|', '~': '~',
	'0': '0', '1': '1', '2': '2', '3': '3', '4': '4', '5': '5', '6': '6', '7': '7', '8': '8', '9': '9',
	'a': 'A', 'b': 'B', 'c': 'C', 'd': 'D', 'e': 'E', 'f': 'F', 'g': 'G', 'h': 'H', 'i': 'I',
	'j': 'J', 'k': 'K', 'l': 'L', 'm': 'M', 'n': 'N', 'o': 'O', 'p': 'P', 'q': 'Q', 'r': 'R',
	's': 'S', 't': 'T', 'u': 'U', 'v': 'V', 'w': 'W', 'x': 'X', 'y': 'Y', 'z': 'Z',
}

// judgeName makes a name canonical in place and says what it is.
func judgeName(b []byte) (Kind, bool) {
	if len(b) > 0 && b[0] == ':' {
		switch string(b) {
		case ":method":
			return Method, false
		case ":scheme":
			return Scheme, false
		case ":authority":
			return Authority, false
		case ":path":
			return Path, false
		case ":status":
			return Status, true
		}
		return UnknownPseudo, true
	}
	upper := true
	for i, c := range b {
		t := tokenBytes[c]
		if t == 0 {
			return Other, true
		}
		if upper {
			b[i] = t
		}
		upper = c == '-'
	}
	return kindOf(b), len(b) == 0
}

func kindOf(canonical []byte) Kind {
	switch string(canonical) {
	case "Host":
		return Host
	case "Content-Length":
		return ContentLength
	case "Cookie":
		return Cookie
	case "Te":
		return TE
	case "Connection", "Proxy-Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade":
		return Hop
	case "Expect":
		return Expect
	case "Trailer":
		return Trailer
	case "Priority":
		return Priority
	}
	return Other
}

// badValue reports whether no field may have that value: it holds a control, or
// begins or ends in white space (RFC 9113 §8.2.1, RFC 9114 §4.2, RFC 9110 §5.5).
func badValue(v string) bool {
	for i := range len(v) {
		if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return len(v) > 0 && (space(v[0]) || space(v[len(v)-1]))
}

func space(c byte) bool { return c == ' ' || c == '\t' }

// Line is a field line that outlives its section: one of a table that both ends
// of a connection know.
type Line struct {
	Name  Name
	Value string
	bad   bool
	size  int
}

// Size is the line's size as RFC 7541 §4.1, RFC 9113 §6.5.2 and RFC 9114 §4.2.2
// count it.
func (l *Line) Size() int { return l.size }

// overhead is what a line counts beside its name and value.
const overhead = 32

// NewLine makes a line of a name as it is sent and a value.
func NewLine(wire, value string) Line {
	b := []byte(wire)
	kind, bad := judgeName(b)
	n := Name{Text: string(b), Kind: kind, Bad: bad, own: true}
	return Line{Name: n, Value: value, bad: badValue(value), size: len(wire) + len(value) + overhead}
}

// Keep makes a line of a name and a value that a section has decoded, and copies
// both.
func Keep(n Name, value string) Line {
	size := len(n.Text) + len(value) + overhead
	switch {
	case n.own:
		value = strings.Clone(value)
	case n.Text == "" || value == "": // a string and nothing make that very string, not a copy
		n.Text, value, n.own = strings.Clone(n.Text), strings.Clone(value), true
	default:
		both := n.Text + value
		n.Text, value = both[:len(n.Text)], both[len(n.Text):]
		n.own = true
	}
	return Line{Name: n, Value: value, bad: badValue(value), size: size}
}
