package behaviour

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// TestThousandReadersOneFetch: 1,000 readers of a cold key over three protocols
// make one request to the origin.
func TestThousandReadersOneFetch(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	n := edged.Node(t, docs.URL)
	admin := n.Administer(t)
	const readers = 1000
	// A connection has fewer streams than there are readers.
	clients := []*Readers{n.Readers(t), n.Readers(t), n.Readers(t), n.Readers(t)}
	hold := docs.Holds.Hold(trial)
	answers := make(chan *Reply, readers)
	for i := range readers {
		clients[i%len(clients)].later(t, answers, Protos()[i%3], trial)
	}
	Receive(t, "the fill", hold.Held)
	Until(t, "all others to wait for it", func() bool { return admin.Metric(t, "letteredge_fill_waiters") == readers-1 })
	hold.Release()
	collapsed, body := 0, ""
	for range readers {
		got := Receive(t, "an answer", answers)
		require.Equal(t, 200, got.Status)
		if got.CacheParam("collapsed") == true {
			collapsed++
		}
		if body == "" {
			body = string(got.Body)
		}
		require.Equal(t, body, string(got.Body))
	}
	require.Equal(t, readers-1, collapsed)
	require.EqualValues(t, 1, docs.Fetches(trial))
	require.Zero(t, admin.Metric(t, "letteredge_fill_waiters"))
}

// TestPrivateAnswerIsItsReadersAlone: what the origin marks as private, or gives
// with a cookie, reaches nobody else, neither those who waited for the same fill
// nor those who come later.
func TestPrivateAnswerIsItsReadersAlone(t *testing.T) {
	t.Parallel()
	for name, field := range map[string][2]string{
		"private":    {"Cache-Control", "private, max-age=600"},
		"no-store":   {"Cache-Control", "no-store"},
		"set-cookie": {"Set-Cookie", "session=secret"},
		"vary":       {"Vary", "*"},
	} {
		t.Run(name, func(t *testing.T) {
			var count atomic.Int64
			holds := NewHolds(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Cache-Control", "max-age=600")
				w.Header().Set(field[0], field[1])
				fmt.Fprintf(w, "for reader %d alone", count.Add(1))
			}))
			origin := httptest.NewServer(holds)
			t.Cleanup(origin.Close)
			n := edged.Node(t, origin.URL)
			r, admin := n.Readers(t), n.Administer(t)
			const readers, path = 60, "/account"
			hold := holds.Hold(path)
			answers := make(chan *Reply, readers)
			for i := range readers {
				r.later(t, answers, Protos()[i%3], path, "Host", "app.example")
			}
			Receive(t, "the fill", hold.Held)
			Until(t, "all others to wait for it", func() bool { return admin.Metric(t, "letteredge_fill_waiters") == readers-1 })
			holds.Let(path)
			hold.Release()
			seen := map[string]bool{}
			for range readers {
				got := Receive(t, "an answer", answers)
				require.Equal(t, 200, got.Status)
				require.False(t, seen[string(got.Body)], "two readers got %q", got.Body)
				seen[string(got.Body)] = true
			}
			later := r.Get(t, H1, path, "Host", "app.example")
			require.False(t, seen[string(later.Body)])
			require.False(t, later.Hit())
		})
	}
}

// TestLeaderThatGoesAway disturbs nobody: whoever joined its fill is answered,
// and what it brings is stored.
func TestLeaderThatGoesAway(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	n := edged.Node(t, docs.URL)
	r, admin := n.Readers(t), n.Administer(t)
	for i, proto := range Protos() {
		admin.Purge(t, `{"all":true}`, Hard)
		hold := docs.Holds.Hold(trial)
		ctx, leave := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() {
			_, err := r.Do(ctx, proto, Ask{Target: trial})
			gone <- err
		}()
		Receive(t, "the leader's fill", hold.Held)
		answers := make(chan *Reply, 3)
		for _, p := range Protos() {
			r.later(t, answers, p, trial)
		}
		Until(t, "the others to join", func() bool { return admin.Metric(t, "letteredge_fill_waiters") == 3 })
		leave()
		require.ErrorIs(t, Receive(t, "the leader to have gone", gone), context.Canceled)
		docs.Holds.Let(trial)
		hold.Release()
		for range 3 {
			require.Equal(t, 200, Receive(t, "an answer", answers).Status)
		}
		require.True(t, r.Get(t, proto, trial).Hit())
		require.EqualValues(t, i+1, docs.Fetches(trial), "one fetch, though its leader (%s) went away", proto)
	}
}
