package peer

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/gossip"
)

// shelf is a Source that has one body, or nothing.
type shelf struct {
	body  atomic.Value // a string
	asked atomic.Int64
}

func (s *shelf) ServePeer(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
	s.asked.Add(1)
	body, _ := s.body.Load().(string)
	switch {
	case !f.Stored || !f.Direct:
		return nil, errors.New("not asked for what is stored")
	case body == "":
		return nil, edge.ErrNotShared
	}
	return &edge.Answer{Status: 200, Body: io.NopCloser(strings.NewReader(body)), Length: int64(len(body)), Degraded: "stale"}, nil
}

func TestElsewhere(t *testing.T) {
	w := newTown(t)
	shelves := map[string]*shelf{"b": {}, "c": {}, "d": {}}
	shelves["d"].body.Store("far")
	has := gossip.Vector{}
	for name, s := range shelves {
		w.server(name, func(srv *Server) { srv.Fills(s, func() gossip.Vector { return has }) })
	}
	e := NewElsewhere()
	e.Client, e.Self, e.Patience = w.client("a"), "a", 10*time.Second
	e.Near = func() []string { return []string{"a", "b", "c", "nobody"} }
	e.Far = func() []string { return []string{"d"} }
	told := gossip.Vector{}
	e.Horizon = func() gossip.Vector { return told }
	f := *fetch(t)
	f.Stored = true
	find := func() string {
		t.Helper()
		a, err := e.Stored(t.Context(), &f)
		require.NoError(t, err)
		defer a.Body.Close()
		body, err := io.ReadAll(a.Body)
		require.NoError(t, err)
		require.Equal(t, "stale", a.Degraded, "as it is marked there")
		return string(body)
	}
	require.Equal(t, "far", find())
	require.Equal(t, []int64{1, 1}, []int64{shelves["b"].asked.Load(), shelves["c"].asked.Load()}, "near ones come first")
	shelves["c"].body.Store("near")
	require.Equal(t, "near", find())
	require.EqualValues(t, 1, shelves["d"].asked.Load(), "those far away were not asked")
	shelves["b"].body.Store("near")
	require.Equal(t, "near", find(), "one of two")
	require.EqualValues(t, 3, e.Stats.Found.Load())

	// Who lacks a purge that this node has applied does not answer.
	told[gossip.Source{Node: "a", Incarnation: 1}] = 1
	_, err := e.Stored(t.Context(), &f)
	require.ErrorIs(t, err, edge.ErrNotShared)
	require.EqualValues(t, 1, e.Stats.Missed.Load())

	// Nobody is asked again at once.
	asked := shelves["b"].asked.Load()
	_, err = e.Stored(t.Context(), &f)
	require.ErrorIs(t, err, edge.ErrNotShared)
	require.Equal(t, asked, shelves["b"].asked.Load())
	require.EqualValues(t, 1, e.Stats.Skipped.Load())
	f.Vector = "d=1" // another slot is another question
	_, err = e.Stored(t.Context(), &f)
	require.ErrorIs(t, err, edge.ErrNotShared)
	require.EqualValues(t, 2, e.Stats.Missed.Load())

	f.Vector = "d=2"
	for range maxSearches {
		e.searches <- struct{}{}
	}
	_, err = e.Stored(t.Context(), &f)
	require.ErrorIs(t, err, edge.ErrNotShared)
	require.EqualValues(t, 2, e.Stats.Skipped.Load())
}
