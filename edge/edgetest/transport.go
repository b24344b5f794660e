package edgetest

import (
	"bytes"
	"context"
	"io"
	"strings"
	"time"
	"unsafe"

	"github.com/letteros/letteredge/edge"
)

// Core is what a transport serves.
type Core interface {
	Serve(ctx context.Context, x *edge.Exchange)
}

// Poison is what the memory of a request holds once Serve has returned.
const Poison = 0xDB

// Do sends a request through core and returns the answer.
func Do(core Core, r Request) Response { return DoContext(context.Background(), core, r) }

// DoContext is Do under a reader's context, at the wall clock's time.
func DoContext(ctx context.Context, core Core, r Request) Response {
	return DoAt(ctx, core, r, time.Now())
}

// DoAt is DoContext with the request's own reading of the clock.
func DoAt(ctx context.Context, core Core, r Request, now time.Time) Response {
	m := &memory{}
	x := &edge.Exchange{Now: now}
	m.fill(&x.Req, r)
	core.Serve(ctx, x)
	resp := copyReply(&x.Rep)
	m.poison()
	if x.Rep.Stream != nil {
		resp.Body, resp.Err = io.ReadAll(x.Rep.Stream)
		if err := x.Rep.Stream.Close(); resp.Err == nil {
			resp.Err = err
		}
	}
	m.poisonBody()
	x.Reset()
	return resp
}

// copyReply copies what ends with the exchange. The stream is read later: it may
// not need the request any more.
func copyReply(rep *edge.Reply) Response {
	resp := Response{Status: rep.Status, Body: bytes.Clone(rep.Body), Length: rep.Length, Cache: rep.Cache}
	resp.Cache.Detail = strings.Clone(rep.Cache.Detail)
	line := func(name, value string) {
		resp.Fields = append(resp.Fields, edge.Field{Name: strings.Clone(name), Value: strings.Clone(value)})
	}
	if rep.Art != nil {
		for name, value := range rep.Art.All {
			if !rep.Skip.Has(name) {
				line(name, value)
			}
		}
	}
	for _, f := range rep.Passed {
		line(f.Name, f.Value)
	}
	for _, l := range rep.Extra.Lines() {
		line(l.Name, string(l.Value))
	}
	return resp
}

// memory is the memory of one request: every string of it is a view into views,
// its content is read from body.
type memory struct {
	views  [][]byte
	body   []byte
	fields Fields
}

func (m *memory) view(s string) string {
	if s == "" {
		return ""
	}
	b := []byte(s)
	m.views = append(m.views, b)
	return unsafe.String(unsafe.SliceData(b), len(b))
}

func (m *memory) fill(req *edge.Request, r Request) {
	if r.Method == "" {
		r.Method = "GET"
	}
	if r.Host == "" {
		r.Host = "edge.test"
	}
	req.Method = edge.ParseMethod(r.Method)
	req.MethodText = m.view(r.Method)
	req.Proto, req.TLS = r.Proto, r.Proto != edge.H1
	req.Host, req.Target = m.view(r.Host), m.view(r.Target)
	req.Client, req.Early = r.Client, r.Early
	for _, f := range r.Header {
		m.fields = append(m.fields, edge.Field{Name: m.view(f.Name), Value: m.view(f.Value)})
	}
	req.Fields = &m.fields
	if r.Body != nil {
		m.body = bytes.Clone(r.Body)
		req.Body, req.Length = bytes.NewReader(m.body), int64(len(m.body))
	}
}

// poison overwrites what ends when Serve returns.
func (m *memory) poison() {
	for _, b := range m.views {
		for i := range b {
			b[i] = Poison
		}
	}
}

// poisonBody overwrites what ends with the answer.
func (m *memory) poisonBody() {
	for i := range m.body {
		m.body[i] = Poison
	}
}
