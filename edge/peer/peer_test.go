package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/auth"
	"github.com/letteros/letteredge/gossip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// town is some nodes of a cluster, on loopback.
type town struct {
	t     *testing.T
	ca    *auth.Cluster
	mu    sync.Mutex
	where map[string]string
}

func newTown(t *testing.T) *town {
	ca, err := auth.OpenCluster(t.TempDir(), "letters", time.Now)
	require.NoError(t, err)
	return &town{t: t, ca: ca, where: map[string]string{}}
}

func (w *town) identity(name string) *auth.Node {
	w.t.Helper()
	cert, key, err := w.ca.Issue(w.t.TempDir(), "here", name)
	require.NoError(w.t, err)
	n, err := auth.OpenNode(cert, key, w.ca.Path(), time.Now)
	require.NoError(w.t, err)
	return n
}

func (w *town) at(name, addr string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.where[name] = addr
}

func (w *town) find(name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.where[name]
}

// server opens a server; handle adds its paths.
func (w *town) server(name string, handle func(*Server)) *Server {
	w.t.Helper()
	id := w.identity(name)
	s, err := Listen("127.0.0.1:0", id.ServerTLS(), id.PeerOf, slog.New(slog.DiscardHandler))
	require.NoError(w.t, err)
	handle(s)
	done := make(chan error, 1)
	go func() { done <- s.Serve() }()
	w.t.Cleanup(func() {
		_ = s.Close() // a test may have
		require.NoError(w.t, <-done)
	})
	w.at(name, s.Addr())
	return s
}

func (w *town) client(name string) *Client {
	w.t.Helper()
	c, err := NewClient(w.find, w.identity(name).ClientTLS)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, c.Close()) })
	return c
}

func echo(_ context.Context, from gossip.Member, body []byte) ([]byte, error) {
	if string(body) == "no" {
		return nil, &StatusError{409, "not so"}
	}
	return fmt.Append(nil, from.Node, " says ", string(body)), nil
}

func TestCalls(t *testing.T) {
	w := newTown(t)
	w.server("b", func(s *Server) { s.Handle("/echo", echo) })
	c := w.client("a")
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			reply, err := c.Call(t.Context(), "b", "/echo", fmt.Append(nil, i))
			if err != nil || string(reply) != fmt.Sprintf("a says %d", i) {
				t.Errorf("%q, %v", reply, err)
			}
		})
	}
	all.Wait()
	_, err := c.Call(t.Context(), "b", "/echo", []byte("no"))
	var status *StatusError
	require.ErrorAs(t, err, &status)
	require.Equal(t, StatusError{409, "not so"}, *status)
	_, err = c.Call(t.Context(), "b", "/none", nil)
	require.ErrorAs(t, err, &status)
	require.Equal(t, 404, status.Code)
}

// Nobody is heard, or believed, but nodes of the cluster under their own names.
func TestStrangers(t *testing.T) {
	w := newTown(t)
	b := w.server("b", func(s *Server) { s.Handle("/echo", echo) })
	c := w.client("a")
	w.at("c", b.Addr())
	_, err := c.Call(t.Context(), "c", "/echo", nil)
	require.ErrorIs(t, err, ErrUnreachable, "b answers in the place of c")

	elsewhere := newTown(t)
	elsewhere.at("b", b.Addr())
	_, err = elsewhere.client("a").Call(t.Context(), "b", "/echo", nil)
	require.Error(t, err, "a node of another cluster of the same name")
}

// A dead node costs one time-out, then nothing for a moment, and others do not
// wait for it. Back at the same place, it is found again.
func TestDeadNodes(t *testing.T) {
	w := newTown(t)
	w.server("b", func(s *Server) { s.Handle("/echo", echo) })
	dead := w.server("d", func(s *Server) { s.Handle("/echo", echo) })
	c := w.client("a")
	_, err := c.Call(t.Context(), "d", "/echo", nil)
	require.NoError(t, err)
	require.NoError(t, dead.Close())
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err = c.Call(ctx, "d", "/echo", nil)
	require.Error(t, err)
	_, err = c.Call(t.Context(), "d", "/echo", nil)
	require.ErrorIs(t, err, ErrUnreachable)
	_, err = c.Call(t.Context(), "b", "/echo", nil)
	require.NoError(t, err)

	w.server("d", func(s *Server) { s.Handle("/echo", echo) })
	require.Eventually(t, func() bool {
		_, err := c.Call(t.Context(), "d", "/echo", nil)
		return err == nil
	}, time.Minute, 20*time.Millisecond)
	_, err = c.Call(t.Context(), "nobody", "/echo", nil)
	require.ErrorIs(t, err, ErrUnreachable)
}

// One call's failure drops the connection that others are just about to use: they
// fail as calls do. A failure that comes late does not drop the next one.
func TestCallsThatFailTogether(t *testing.T) {
	w := newTown(t)
	c := w.client("a")
	for round := range 50 {
		to := fmt.Sprint("nobody-", round) // a node of its own: after a failure nobody calls for a while
		w.at(to, "127.0.0.1:1")
		var calls sync.WaitGroup
		for i := range 8 {
			calls.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Millisecond)
				defer cancel()
				_, err := c.Call(ctx, to, "/echo", nil)
				require.ErrorIs(t, err, ErrUnreachable)
			})
		}
		calls.Wait()
	}
	w.server("b", func(s *Server) { s.Handle("/echo", echo) })
	l, before, err := c.link("b")
	require.NoError(t, err)
	c.failed(l, before)
	c.mu.Lock()
	l.failed = time.Time{} // the pause is over
	c.mu.Unlock()
	_, err = c.Call(t.Context(), "b", "/echo", []byte("hello"))
	require.NoError(t, err)
	c.failed(l, before)
	_, err = c.Call(t.Context(), "b", "/echo", []byte("hello"))
	require.NoError(t, err, "the connection that was made since still stands")
}

func TestSender(t *testing.T) {
	w := newTown(t)
	got := make(chan string, 1000)
	w.server("b", func(s *Server) {
		s.Handle(GossipPath, Receiver(func(from string, m []byte) { got <- from + ":" + string(m) }))
	})
	s := NewSender(w.client("a"))
	defer s.Close()
	for i := range 200 {
		s.Send("b", fmt.Append(nil, i))
	}
	seen := map[string]bool{}
	for range 200 {
		select {
		case m := <-got:
			seen[m] = true
		case <-time.After(time.Minute):
			t.Fatalf("%d of 200 messages came", len(seen))
		}
	}
	require.Len(t, seen, 200)
	s.Send("nobody", []byte("x"))
	require.Eventually(t, func() bool { return s.Lost() == 1 }, time.Minute, time.Millisecond)
}

// owner is a Source and an origin.
type owner struct {
	mu    sync.Mutex
	asked []*edge.Fetch
	err   error
	slow  chan struct{}
}

func (o *owner) ServePeer(ctx context.Context, f *edge.Fetch) (*edge.Answer, error) {
	return o.Fetch(ctx, f)
}

func (o *owner) Fetch(ctx context.Context, f *edge.Fetch) (*edge.Answer, error) {
	o.mu.Lock()
	o.asked = append(o.asked, f)
	err, slow := o.err, o.slow
	o.mu.Unlock()
	if slow != nil {
		select {
		case <-slow:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err != nil {
		return nil, err
	}
	return &edge.Answer{Status: 200, Fields: []edge.Field{{Name: "Age", Value: "7"}}, Body: io.NopCloser(strings.NewReader("body")), Length: 4}, nil
}

// answers sets what the owner does from now on.
func (o *owner) answers(err error, slow chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err, o.slow = err, slow
}

func (o *owner) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.asked)
}

// fetch is a fill of a key that b owns among a and b.
func fetch(t *testing.T) *edge.Fetch {
	t.Helper()
	for i := range 100 {
		target := fmt.Sprintf("/k%d", i)
		key, err := cachekey.ParseText("example.com" + target)
		require.NoError(t, err)
		if Owner([]string{"a", "b"}, key.Text) == "b" {
			return &edge.Fetch{Key: key, Method: "GET", Host: "example.com", Target: target, Vector: "x=1"}
		}
	}
	t.Fatal("b owns nothing")
	return nil
}

func TestFills(t *testing.T) {
	w := newTown(t)
	peer, origin := &owner{}, &owner{}
	has := gossip.Vector{{Node: "a", Incarnation: 1}: 3}
	w.server("b", func(s *Server) { s.Fills(peer, func() gossip.Vector { return has }) })
	told := gossip.Vector{{Node: "a", Incarnation: 1}: 3}
	u := &Upstream{Origin: origin, Client: w.client("a"), Self: "a", Patience: time.Minute,
		Ring: func() []string { return []string{"a", "b"} }, Horizon: func() gossip.Vector { return told }}
	f := fetch(t)
	get := func(f *edge.Fetch) {
		t.Helper()
		a, err := u.Fetch(t.Context(), f)
		require.NoError(t, err)
		body, err := io.ReadAll(a.Body)
		require.NoError(t, err)
		require.NoError(t, a.Body.Close())
		require.Equal(t, "body", string(body))
		require.Equal(t, []edge.Field{{Name: "Age", Value: "7"}}, a.Fields)
	}
	get(f)
	require.Equal(t, []int{1, 0}, []int{peer.count(), origin.count()})
	require.Equal(t, uint64(1), u.Stats.Answered.Load())
	require.True(t, peer.asked[0].Direct, "an owner asks no further peer")
	require.Equal(t, "x=1", peer.asked[0].Vector)

	direct := *f
	direct.Direct = true
	get(&direct)
	require.Equal(t, []int{1, 1}, []int{peer.count(), origin.count()})

	// An owner that lacks what the asker has does not answer from its cache.
	told[gossip.Source{Node: "a", Incarnation: 1}] = 4
	get(f)
	require.Equal(t, []int{1, 2}, []int{peer.count(), origin.count()})
	require.Equal(t, uint64(1), u.Stats.Behind.Load())
	told[gossip.Source{Node: "a", Incarnation: 1}] = 3

	peer.answers(edge.ErrNotShared, nil)
	get(f)
	require.Equal(t, []int{2, 3}, []int{peer.count(), origin.count()})
	require.Equal(t, uint64(1), u.Stats.Refused.Load())

	// A slow one is passed by, and then left alone for a while.
	u.Patience = 20 * time.Millisecond
	slow := make(chan struct{})
	peer.answers(nil, slow)
	get(f)
	get(f)
	require.Equal(t, 5, origin.count())
	require.LessOrEqual(t, peer.count(), 3)
	require.Equal(t, uint64(2), u.Stats.PassedBy.Load())
	close(slow)

	u.Self = "b"
	get(f)
	require.Equal(t, uint64(1), u.Stats.Own.Load(), "its own key")
	u.Self = "a"

	down := errors.New("down")
	origin.answers(down, nil)
	_, err := u.Fetch(t.Context(), &direct)
	require.ErrorIs(t, err, down)
}

// An owner that is at work is waited for, however slow the origin is: it says so.
func TestOwnerAtWorkIsWaitedFor(t *testing.T) {
	for name, refused := range map[string]error{"answered": nil, "refused": edge.ErrNotShared} {
		t.Run(name, func(t *testing.T) {
			w := newTown(t)
			peer, origin := &owner{}, &owner{}
			w.server("b", func(s *Server) {
				s.sign = 20 * time.Millisecond
				s.Fills(peer, func() gossip.Vector { return nil })
			})
			u := &Upstream{Origin: origin, Client: w.client("a"), Self: "a", Patience: 2 * time.Second,
				Ring: func() []string { return []string{"a", "b"} }, Horizon: func() gossip.Vector { return nil }}
			slow := make(chan struct{})
			time.AfterFunc(3*u.Patience/2, func() { close(slow) })
			peer.answers(refused, slow)
			a, err := u.Fetch(t.Context(), fetch(t))
			require.NoError(t, err)
			body, err := io.ReadAll(a.Body)
			require.NoError(t, err)
			require.NoError(t, a.Body.Close())
			require.Equal(t, "body", string(body))
			require.Zero(t, u.Stats.PassedBy.Load())
			if refused == nil {
				require.Zero(t, origin.count())
				return
			}
			require.Equal(t, 1, origin.count())
			require.Equal(t, uint64(1), u.Stats.Refused.Load())
		})
	}
}

func TestOwner(t *testing.T) {
	nodes := []string{"a", "b", "c", "d"}
	count := map[string]int{}
	for i := range 4000 {
		key := fmt.Sprint("key", i)
		o := Owner(nodes, key)
		count[o]++
		require.Equal(t, o, Owner([]string{"d", "c", "b", "a"}, key), "whatever the order")
		if o != "d" {
			require.Equal(t, o, Owner(nodes[:3], key), "who goes moves only its own keys")
		}
	}
	for n, c := range count {
		require.InDelta(t, 1000, c, 150, n)
	}
	require.Empty(t, Owner(nil, "x"))
}

func FuzzSplit(f *testing.F) {
	f.Add(join([][]byte{[]byte("a"), nil, []byte("bc")}))
	f.Fuzz(func(t *testing.T, body []byte) {
		messages, err := split(body)
		if err == nil {
			again, err := split(join(messages))
			require.NoError(t, err)
			require.Equal(t, len(messages), len(again))
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x02{}body"))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x02{}body"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = readAnswer(strings.NewReader(string(data)), time.Time{}, func() {})
	})
}
