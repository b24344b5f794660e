package load

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

const userAgent = "edgebench"

// answer is what is counted of an answer.
type answer struct {
	status int
	bytes  int64 // of the body as on the wire
}

// Answer is a whole answer, kept. Fields are in wire order over h1, sorted by
// name over h2 and h3.
type Answer struct {
	Status int
	Fields []Field
	Body   []byte
}

// sortFields puts fields that came in no order of their own into one.
func sortFields(fields []Field) {
	slices.SortStableFunc(fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
}

const maxKept = 64 << 20 // bytes of a body that Fetch keeps

var errTooLong = fmt.Errorf("body beyond %d bytes", maxKept)

// conn is one client connection to each host of the run. It connects anew by
// itself after the server has ended a connection: an idle close or a GOAWAY is
// no reason to stop.
type conn interface {
	// connect makes sure that there is a connection to the target's host.
	connect(ctx context.Context, t *target) error
	// do asks for a target and reads the whole answer. Its errors are told
	// apart by classify. A keep that is not nil receives the answer.
	do(ctx context.Context, t *target, keep *Answer) (answer, error)
	// close ends the connections; calls of do must have returned.
	close()
}

// newConn returns a connection of the plan's protocol, not yet connected. Over
// h1 it belongs to one worker.
func (d *dialer) newConn() conn {
	switch d.plan.Proto {
	case H2:
		return newMuxConn(d.dialH2)
	case H3:
		return newMuxConn(d.dialH3)
	default:
		return newH1Conn(d)
	}
}

// Fetch asks once for the first URL of a Config and returns the whole answer,
// at most 64 MiB of body. It returns ErrUnreachable, wrapped, if there is no
// connection to be had.
func Fetch(ctx context.Context, cfg Config) (*Answer, error) {
	p, err := cfg.plan()
	if err != nil {
		return nil, err
	}
	d, err := p.resolve(ctx)
	if err != nil {
		return nil, err
	}
	c := d.newConn()
	defer c.close()
	if err := connect(ctx, c, p.targets[0]); err != nil {
		return nil, err
	}
	kept := &Answer{}
	if _, err := c.do(ctx, p.targets[0], kept); err != nil {
		return nil, err
	}
	return kept, nil
}
