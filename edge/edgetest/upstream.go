package edgetest

import (
	"bytes"
	"context"
	"io"
	"sync/atomic"
	"time"

	"github.com/letteros/letteredge/edge"
)

var _ edge.Upstream = (*Upstream)(nil)

// Upstream is an upstream made of a function.
type Upstream struct {
	// FetchFunc answers; nil answers 200 with no content.
	FetchFunc func(ctx context.Context, f *edge.Fetch) (*edge.Answer, error)

	calls atomic.Int64
}

// Fetch calls FetchFunc.
func (u *Upstream) Fetch(ctx context.Context, f *edge.Fetch) (*edge.Answer, error) {
	u.calls.Add(1)
	if u.FetchFunc == nil {
		return Answer(200, ""), nil
	}
	return u.FetchFunc(ctx, f)
}

// Calls returns how many fetches there were.
func (u *Upstream) Calls() int { return int(u.calls.Load()) }

// Answer is an answer of an upstream now, with header lines given as name, value
// pairs.
func Answer(status int, body string, header ...string) *edge.Answer {
	now := time.Now()
	return &edge.Answer{
		Status: status, Fields: Lines(header...),
		Body: io.NopCloser(bytes.NewReader([]byte(body))), Length: int64(len(body)),
		RequestAt: now, ResponseAt: now,
	}
}
