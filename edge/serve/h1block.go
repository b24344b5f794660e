package serve

import (
	"bytes"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/gate"
)

// block gives fasthttp all field lines of a stored answer in one piece, as the
// name of the last of them: line by line it looks through those before for each
// one, copies name and value apart from each other, and puts them together again.
// It reports false, and has done nothing, where the answer is another one.
//
// SetCanonical takes a name as it is, which is what makes this possible, and why
// tests look at the bytes that a client gets. What fasthttp does with names that it
// knows is done here, or such an answer goes the other way: a line break in a value,
// which no upstream can send, would begin a line of its own here, and fasthttp takes
// it out; trailer fields leave the header section once they are announced. HOT.
func (h *h1) block(hdr *fasthttp.ResponseHeader, x *h1Exchange) bool {
	rep := &x.Rep
	extra := rep.Extra.Lines()
	if rep.Art == nil || rep.Skip != "" || rep.Passed != nil || rep.Trailer != nil || len(extra) == 0 {
		return false
	}
	form := rep.Art.Form(edge.H1, h1Form)
	if form[0] == h1Broken {
		return false
	}
	b := append(x.lines[:0], form[1:]...)
	from, last := len(b), len(extra)-1
	for i := range extra[:last] {
		if notPlain(extra[i].Name) {
			return false
		}
		b = append(append(append(append(b, extra[i].Name...), ": "...), extra[i].Value...), "\r\n"...)
	}
	if made := b[from:]; notPlain(extra[last].Name) || breaks(made, last) || breaks(extra[last].Value, 0) {
		return false
	}
	if h.altSvc != nil {
		b = append(append(append(b, "Alt-Svc: "...), h.altSvc...), "\r\n"...)
	}
	if form[0] == h1Dateless { // RFC 9110 §6.6.1
		b = append(fasthttp.AppendHTTPDate(append(b, "Date: "...), x.Now), "\r\n"...)
	}
	b = append(b, extra[last].Name...)
	if cap(b) <= maxKeptBlock {
		x.lines = b
	}
	hdr.SetCanonical(b, extra[last].Value)
	return true
}

// notPlain reports whether a line of that name means something to fasthttp.
func notPlain(name string) bool { return name == "Date" || gate.OwnLine(name) }

// breaks reports whether b has other line breaks than those of so many lines.
func breaks(b []byte, lines int) bool {
	return bytes.Count(b, []byte{'\n'}) != lines || bytes.Count(b, []byte{'\r'}) != lines
}

// maxKeptBlock bounds what a pooled exchange keeps.
const maxKeptBlock = 16 << 10

// The first byte of a form says what the lines behind it are.
const (
	h1Dated    = 'd'
	h1Dateless = 'n'
	h1Broken   = 'x' // with line breaks of their own
)

// h1Form writes the lines of a stored answer as HTTP/1.1 has them.
func h1Form(a *edge.Artifact) []byte {
	form := []byte{h1Dateless}
	for name, value := range a.All {
		switch {
		case gate.OwnLine(name):
			continue
		case name == "Date" && form[0] == h1Dated:
			continue // a second one is an origin's fault; the first stands
		case strings.ContainsAny(value, "\r\n"), strings.ContainsAny(name, "\r\n"):
			return []byte{h1Broken}
		case name == "Date":
			form[0] = h1Dated
		}
		form = append(append(append(append(form, name...), ": "...), value...), "\r\n"...)
	}
	return bytes.Clone(form)
}
