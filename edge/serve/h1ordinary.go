package serve

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strings"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/gate"
)

// ordinary reports whether b is one whole request of the kind that nearly all hits
// have, and fills x.Req with views into it: GET or HEAD of a path in HTTP/1.1, of
// one host with a name, without content, expectations or an end of its connection.
// It is narrower than fasthttp and the gate: what it takes, they take and read the
// same way, which a fuzzer holds; the rest is theirs to read or to refuse. HOT.
func (x *h1Exchange) ordinary(b []byte) bool {
	req, at := &x.Req, 0
	switch {
	case bytes.HasPrefix(b, []byte("GET /")):
		req.MethodText, req.Method, at = "GET", edge.MethodGet, len("GET ")
	case bytes.HasPrefix(b, []byte("HEAD /")):
		req.MethodText, req.Method, at = "HEAD", edge.MethodHead, len("HEAD ")
	default:
		return false
	}
	const version, end = " HTTP/1.1\r\n", "\r\n\r\n"
	n := bytes.IndexByte(b[at:], ' ')
	if n < 0 || !bytes.HasPrefix(b[at+n:], []byte(version)) || !bytes.HasSuffix(b, []byte(end)) {
		return false
	}
	target, lines := b[at:at+n], b[at+n+len(version):]
	if n > 1 && target[1] == '/' || !visible(target) || gate.CheckTarget(gate.View(target)).Refused() {
		return false
	}
	if x.fields.scan(lines).Refused() || controls(lines) != 2*x.fields.framing.lines+2 {
		return false
	}
	framing := &x.fields.framing
	if framing.hosts != 1 || framing.length || framing.coding || framing.other || !named(framing.host) {
		return false
	}
	for i := range x.fields.lines {
		if x.fields.name(i) == "Connection" && !strings.EqualFold(x.fields.value(i), "keep-alive") {
			return false
		}
	}
	req.Proto, req.Host, req.Target, req.Fields = edge.H1, gate.View(framing.host), gate.View(target), &x.fields
	return true
}

// visible reports whether b is visible ASCII alone.
func visible(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// named reports whether a host is a name or an IPv4 address, with a port or without:
// letters, digits, hyphens and dots, and then digits.
func named(host []byte) bool {
	for i, c := range host {
		switch {
		case c == ':':
			return i > 0 && digits(host[i+1:])
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', c == '-', c == '.':
		default:
			return false
		}
	}
	return len(host) > 0
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 5
}

// controls counts the control characters of b, eight bytes at a time.
func controls(b []byte) (n int) {
	const low, high = 0x7f7f7f7f7f7f7f7f, 0x8080808080808080
	for ; len(b) >= 8; b = b[8:] {
		v := binary.LittleEndian.Uint64(b)
		printable := (v & low) + 0x6060606060606060 | v // high bit: 0x20 and above
		del := v ^ low
		notDel := (del & low) + low | del // high bit: not 0x7f
		n += 8 - bits.OnesCount64(printable&notDel&high)
	}
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			n++
		}
	}
	return n
}
