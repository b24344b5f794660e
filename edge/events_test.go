package edge_test

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// A stream of events ends when its node stops, where it is, as if its origin had
// ended it; any other answer is whole.
func TestEventsEndOnDrain(t *testing.T) {
	n := newNode(t)
	pr, pw := io.Pipe()
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		a := answer(200, "whole", "Content-Type: text/plain")
		if f.Target == "/events" {
			a = answer(200, "", "Content-Type: text/event-stream; charset=utf-8")
			a.Body, a.Length = pr, -1
		}
		return a, nil
	})
	go func() {
		_, _ = io.WriteString(pw, "data: 1\n\n") // returns once it has been read
		n.core.Drain()
	}()
	r := n.get("/events")
	require.Equal(t, 200, r.status)
	require.Equal(t, "data: 1\n\n", r.body)
	require.Equal(t, "whole", n.get("/x").body)
	require.ErrorIs(t, writes(pw), io.ErrClosedPipe, "its origin is left")
}

func writes(w io.Writer) error {
	_, err := io.WriteString(w, "data: 2\n\n")
	return err
}
