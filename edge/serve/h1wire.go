package serve

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/gate"
)

// wire writes a stored answer's whole header section into x.lines. It reports false
// where the answer is another one, or has what fasthttp's lines take care of:
// several lines that it joins, a name that means something to the transport, and
// line breaks in a value, which no upstream can send and would begin a line of
// their own here. HOT.
func (h *h1) wire(x *h1Exchange) bool {
	rep := &x.Rep
	if rep.Art == nil || rep.Stream != nil || rep.Skip != 0 || rep.Passed != nil || rep.Trailer != nil {
		return false
	}
	form := rep.Art.Form(edge.H1, h1Form)
	if form[0] == h1Broken {
		return false
	}
	b := append(x.lines[:0], "HTTP/1.1 "...)
	if rep.Status == 200 {
		b = append(b, "200 OK\r\n"...)
	} else {
		b = append(strconv.AppendInt(b, int64(rep.Status), 10), ' ')
		b = append(append(b, fasthttp.StatusMessage(rep.Status)...), "\r\n"...)
	}
	if length, _ := gate.Shape(&x.Exchange); length >= 0 {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), length, 10), "\r\n"...)
	}
	b = append(b, form[1:]...)
	from, extra := len(b), rep.Extra.Lines()
	for i := range extra {
		if name := extra[i].Name; name == "Date" || gate.OwnLine(name) {
			return false
		}
		b = append(append(append(append(b, extra[i].Name...), ": "...), extra[i].Value...), "\r\n"...)
	}
	if made := b[from:]; bytes.Count(made, []byte{'\n'}) != len(extra) || bytes.Count(made, []byte{'\r'}) != len(extra) {
		return false
	}
	if h.altSvc != nil {
		b = append(append(append(b, "Alt-Svc: "...), h.altSvc...), "\r\n"...)
	}
	if form[0] == h1Dateless { // RFC 9110 §6.6.1
		b = append(fasthttp.AppendHTTPDate(append(b, "Date: "...), x.Now), "\r\n"...)
	}
	x.lines = append(b, "\r\n"...)
	return true
}

// maxKeptWire bounds what a pooled exchange keeps of an answer.
const maxKeptWire = 16 << 10

// The first byte of a form says what the lines behind it are.
const (
	h1Dated    = 'd'
	h1Dateless = 'n'
	h1Broken   = 'x' // not to be written as they are
)

// h1Form writes the lines of a stored answer as HTTP/1.1 has them.
func h1Form(a *edge.Artifact) []byte {
	form := []byte{h1Dateless}
	before := ""
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
		case name == before && (name == "Content-Type" || name == "Content-Encoding" || name == "Server"):
			return []byte{h1Broken} // joined, see h1Lines.add
		}
		before = name
		form = append(append(append(append(form, name...), ": "...), value...), "\r\n"...)
	}
	return bytes.Clone(form)
}
