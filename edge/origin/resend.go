package origin

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"time"

	"github.com/letteros/letteredge/edge"
)

// roundTrip sends a fetch's request and returns the header section of its answer,
// what was heard of it beside, and when it was sent.
//
// An origin may end a kept connection just when a request is on its way, which says
// nothing of the request (RFC 9112 §9.3.1). Left alone, the Transport sends it anew
// on every other kept connection that ends so, with a pool of a hundred a hundred times. So a
// request of which any byte went out on a kept connection, and for which none came
// back, is sent once more at most, on a connection made for it, if it may be (RFC 9110 §9.2.2)
// and the budget of retries has room. One of which nothing went out
// goes on the next connection, as if it had been there first.
func (o *Origin) roundTrip(ctx context.Context, f *edge.Fetch, body *requestBody) (*http.Response, *tap, time.Time, error) {
	via := o.transport
	for {
		a := newAttempt(ctx)
		req, err := o.request(a.trace(o.cfg.ConnectTimeout, f.Interim), f, body)
		if err != nil {
			a.cancel(err)
			return nil, nil, time.Time{}, err
		}
		at := time.Now()
		res, err := via.RoundTrip(req)
		if err == nil {
			return res, a.tap, at, nil // its context ends with the fetch's
		}
		a.cancel(err)
		sent, heard := true, true
		if a.kept {
			sent, heard = a.conn.progress()
		}
		switch {
		case ctx.Err() != nil:
			return nil, nil, time.Time{}, cause(ctx, err)
		case !sent && !body.begun():
			// The Transport does so itself where there is no content.
		case !heard && via != o.fresh && repeatable(f) && o.maySend():
			via = o.fresh
		default:
			return nil, nil, time.Time{}, err
		}
	}
}

// attempt is one use of the Transport for a request. Its context ends when a
// connection does that has had a part of the request: that stops the Transport, which
// looks there before it sends anything again.
type attempt struct {
	ctx    context.Context
	cancel context.CancelCauseFunc

	conn *conn // that the Transport chose last
	kept bool  // it has served before
	tap  *tap  // of what comes on it
}

func newAttempt(ctx context.Context) *attempt {
	a := &attempt{tap: new(tap)}
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	return a
}

// trace is the context of the request.
func (a *attempt) trace(patience time.Duration, pass func(int, []edge.Field)) context.Context {
	return httptrace.WithClientTrace(a.ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		// The Transport has chosen a connection, and not yet counted the request
		// as waiting for an answer there.
		if c, ok := info.Conn.(*conn); ok {
			a.conn, a.kept, a.tap = c, info.Reused, new(tap) // one before this was given up
			c.await(patience, a.tap, a.broke)
		}
	}, Got1xxResponse: interim(pass)})
}

func (a *attempt) broke(err error) {
	a.cancel(fmt.Errorf("the connection ended before the answer: %w", err))
}
