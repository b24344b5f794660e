package serve

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/letteros/letteredge/edge/serve/gate"
)

// netReply writes one answer to a net/http response writer.
type netReply struct {
	w        http.ResponseWriter
	begun    bool      // the header section is out
	deadline deadlines // nil where the server has set one
	timeout  time.Duration
}

// render writes x.Rep. It panics with http.ErrAbortHandler where a stream breaks
// off, so that the client sees an error and not a short answer.
func (o *netReply) render(x *netExchange, altSvc []string, stepTimeout time.Duration) {
	rep := &x.Rep
	defer closeStream(rep)
	header := o.w.Header()
	if rep.Art != nil {
		rep.Art.Lists(func(name string, values []string) bool {
			if !rep.Skip.Has(name) && !gate.OwnLine(name) {
				header[name] = values
			}
			return true
		})
	}
	for i := range rep.Passed {
		if !gate.OwnLine(rep.Passed[i].Name) {
			header[rep.Passed[i].Name] = append(header[rep.Passed[i].Name], rep.Passed[i].Value)
		}
	}
	length, content := gate.Shape(&x.Exchange)
	x.extra(header, length)
	if altSvc != nil {
		header["Alt-Svc"] = altSvc
	}
	if _, ok := header["Content-Type"]; !ok {
		header["Content-Type"] = nil // both libraries would guess one
	}
	if names := gate.Announced(&x.Exchange); names != nil {
		header["Trailer"] = names
	}
	o.extend(time.Now())
	o.begun = true
	o.w.WriteHeader(rep.Status)
	switch {
	case !content:
	case rep.Stream != nil:
		trailing := gate.Trailing(&x.Exchange)
		o.copy(rep.Stream, stepTimeout)
		if trailing {
			for _, f := range rep.Trailer() {
				header[f.Name] = append(header[f.Name], f.Value)
			}
		}
	default:
		_, _ = o.w.Write(rep.Body) // fails where the client has gone
	}
}

// extra adds the lines made for this answer, and Content-Length unless length
// is negative. All values are cut from one string.
func (x *netExchange) extra(header http.Header, length int64) {
	lines := x.Rep.Extra.Lines()
	x.buf = x.buf[:0]
	for i := range lines {
		x.buf = append(x.buf, lines[i].Value...)
	}
	if length >= 0 {
		x.buf = strconv.AppendInt(x.buf, length, 10)
	}
	rest := string(x.buf)
	values := make([]string, len(lines)+1)
	for i := range lines {
		n := len(lines[i].Value)
		values[i], rest = rest[:n], rest[n:]
		name := lines[i].Name
		if old := header[name]; old != nil {
			// A stored artifact's list is shared: its capacity is its length.
			header[name] = append(old[:len(old):len(old)], values[i])
			continue
		}
		header[name] = values[i : i+1 : i+1]
	}
	header["Content-Length"] = nil // quic-go would answer a HEAD with 0
	if length >= 0 {
		values[len(lines)] = rest
		header["Content-Length"] = values[len(lines):]
	}
}

// copyBuffer is how much of a stream is held between origin and client, beside
// the protocol's own windows.
const copyBuffer = 32 << 10

// copy writes a stream, a step at a time, each flushed as it comes: it may be
// events that somebody waits for, or a fill that takes its time.
func (o *netReply) copy(r io.Reader, stepTimeout time.Duration) {
	d, _ := o.w.(deadlines)
	f, _ := o.w.(http.Flusher)
	if f != nil {
		f.Flush() // the header section, before the first event
	}
	buf := make([]byte, copyBuffer)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if d != nil {
				_ = d.SetWriteDeadline(time.Now().Add(stepTimeout))
			}
			if _, werr := o.w.Write(buf[:n]); werr != nil {
				panic(http.ErrAbortHandler) // the client has gone
			}
			if f != nil {
				f.Flush()
			}
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler) // a short answer must not look whole
		}
	}
}

func (o *netReply) extend(now time.Time) {
	if o.deadline != nil {
		_ = o.deadline.SetWriteDeadline(now.Add(o.timeout))
	}
}

// refuse writes a problem.
func (o *netReply) refuse(bad gate.Refusal) {
	content := bad.Body()
	header := o.w.Header()
	header["Content-Type"] = []string{"application/problem+json"}
	header["Cache-Control"] = []string{"no-store"}
	header["Content-Length"] = []string{strconv.Itoa(len(content))}
	o.begun = true
	o.extend(time.Now())
	o.w.WriteHeader(bad.Status)
	_, _ = o.w.Write(content) // fails where the client has gone
}
