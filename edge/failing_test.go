package edge_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
)

// A failing origin is asked once; its answer, which may be personal, is the
// leader's, and the others are told what it said of itself: its status, and when to
// come back.
func TestErrorIsNotSharedAndNotMultiplied(t *testing.T) {
	for name, c := range map[string]struct {
		status      int
		lines       []string
		back, title string // what the waiters get
	}{
		"with a time":    {503, []string{"Retry-After: 7"}, "7", `"title":"Service Unavailable"`},
		"with a date":    {503, []string{"Retry-After: Fri, 31 Dec 2199 23:59:59 GMT"}, "Fri, 31 Dec 2199 23:59:59 GMT", `"title":"Service Unavailable"`},
		"with nonsense":  {503, []string{"Retry-After: soon"}, "", `"title":"Service Unavailable"`},
		"without a time": {500, nil, "", `"title":"Internal Server Error"`},
		"of no name":     {599, nil, "", `"title":"Origin Error"`},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			g := newGated(n)
			var personal, told atomic.Int64
			wg := crowdWith(n, g, 50, "/account", func(int) []string { return nil }, func(_ int, r response) {
				switch {
				case r.status != c.status:
				case r.body == "for the leader" && r.header.Get("Set-Cookie") != "":
					personal.Add(1)
				case r.header.Get("Set-Cookie") == "" && r.header.Get("Retry-After") == c.back &&
					r.header.Get("Content-Type") == "application/problem+json" && r.header.Get("Cache-Control") == "no-store":
					require.Contains(t, r.body, c.title)
					require.Equal(t, "test-1; fwd=uri-miss; collapsed; detail=origin-failed", r.cacheStatus())
					told.Add(1)
				}
			})
			g.answer <- func(*edge.Fetch) (*edge.Answer, error) {
				return answer(c.status, "for the leader", append(c.lines, "Set-Cookie: session=1")...), nil
			}
			wg.Wait()
			require.EqualValues(t, 1, personal.Load())
			require.EqualValues(t, 49, told.Load())
			require.EqualValues(t, 1, n.up.n.Load())
		})
	}
}

// An error that its origin lets be stored is one answer for all.
func TestErrorThatMayBeStoredIsShared(t *testing.T) {
	n := newNode(t)
	g := newGated(n)
	var same atomic.Int64
	wg := crowdWith(n, g, 20, "/page", func(int) []string { return nil }, func(_ int, r response) {
		if r.status == 503 && r.body == "for all" && r.header.Get("Retry-After") == "7" {
			same.Add(1)
		}
	})
	g.answer <- func(*edge.Fetch) (*edge.Answer, error) {
		return answer(503, "for all", "Retry-After: 7", "Cache-Control: max-age=5"), nil
	}
	wg.Wait()
	require.EqualValues(t, 20, same.Load())
	require.EqualValues(t, 1, n.up.n.Load())
}

// A copy that may stand in for an error does so for those who wait, too.
func TestStaleCopyWinsOverTheErrorOfAnother(t *testing.T) {
	n := newNode(t)
	n.always(200, "sound", "Cache-Control: max-age=1")
	n.get("/page")
	n.at(10 * time.Second)
	g := newGated(n)
	var stale atomic.Int64
	wg := crowdWith(n, g, 20, "/page", func(int) []string { return nil }, func(_ int, r response) {
		if r.status == 200 && r.body == "sound" && r.header.Get("Edge-Degraded") == "stale" && r.header.Get("Retry-After") == "" {
			stale.Add(1)
		}
	})
	g.answer <- func(*edge.Fetch) (*edge.Answer, error) { return answer(503, "down", "Retry-After: 7"), nil }
	wg.Wait()
	require.EqualValues(t, 20, stale.Load())
}

// Another node that waited for the leader's answer leaves it to the leader.
func TestNodeThatWaitsLeavesTheErrorToItsReader(t *testing.T) {
	for _, stays := range []bool{true, false} {
		n := newNode(t)
		g := newGated(n)
		ctx, leave := context.WithCancel(context.Background())
		defer leave()
		var leader response
		var wg sync.WaitGroup
		wg.Go(func() { leader = n.do(ctx, "GET", "/page") })
		<-g.asked
		key, err := cachekey.ParseText("edge.test/page")
		require.NoError(t, err)
		told := make(chan error, 1)
		go func() {
			_, err := n.core.ServePeer(context.Background(), &edge.Fetch{Key: key, Method: http.MethodGet, Host: "edge.test", Target: "/page"})
			told <- err
		}()
		eventually(t, func() bool { return n.core.Waiting() == 1 }, "the node waits")
		if !stays {
			leave()
			wg.Wait()
		}
		closed := make(chan struct{})
		g.answer <- func(*edge.Fetch) (*edge.Answer, error) {
			a := answer(503, "")
			a.Body, a.Length = &untilClosed{told: told, closed: closed}, -1
			return a, nil
		}
		if stays {
			wg.Wait()
			require.Equal(t, "whole", leader.body)
		} else {
			require.ErrorIs(t, <-told, edge.ErrNotShared)
		}
		<-closed
	}
}

// untilClosed has its content when somebody else has been told, unless it has been
// closed by then.
type untilClosed struct {
	told   chan error
	closed chan struct{}
	read   bool
}

func (b *untilClosed) Read(p []byte) (int, error) {
	if b.read {
		return 0, io.EOF
	}
	<-b.told
	select {
	case <-b.closed:
		return 0, errors.New("it was closed")
	default:
	}
	b.read = true
	return copy(p, "whole"), nil
}

func (b *untilClosed) Close() error {
	select {
	case <-b.closed:
	default:
		close(b.closed)
	}
	return nil
}
