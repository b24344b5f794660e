package edge_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
)

// told is a reader that takes interim responses.
type told struct {
	mu    sync.Mutex
	texts []string
}

func (r *told) Inform(status int, fields []edge.Field) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts = append(r.texts, fmt.Sprintf("%d %v", status, fields))
	if status == 199 {
		panic("a transport that fails")
	}
}

func (r *told) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.texts
}

// ask serves a request for a reader that takes interim responses.
func (n *node) ask(method, target string) *told {
	reader := &told{}
	x := &edge.Exchange{Now: n.now(), Informer: reader}
	x.Req = edge.Request{Method: edge.ParseMethod(method), MethodText: method, Host: "edge.test", Target: target, Fields: &edgetest.Fields{}}
	n.core.Serve(context.Background(), x)
	if x.Rep.Stream != nil {
		_ = x.Rep.Stream.Close()
	}
	require.Equal(n.t, 200, x.Rep.Status)
	x.Reset()
	require.Nil(n.t, x.Informer)
	return reader
}

// Who leads a fill is told of the origin's interim responses; nobody else is, and
// nothing of them is stored.
func TestInterimResponses(t *testing.T) {
	n := newNode(t)
	hint := []edge.Field{{Name: "Link", Value: "</s.css>"}}
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		if f.Interim == nil {
			return answer(200, "x", "Cache-Control: max-age=60"), nil
		}
		f.Interim(102, nil)
		f.Interim(103, hint)
		return answer(200, "x", "Cache-Control: max-age=60"), nil
	})
	both := []string{"102 []", "103 [{Link </s.css>}]"}
	require.Equal(t, both, n.ask("GET", "/a").all())
	require.Empty(t, n.ask("GET", "/a").all(), "a hit")
	require.NotContains(t, n.get("/a").header, "Link")
	require.Equal(t, both, n.ask("POST", "/a").all(), "passed through")
	require.Equal(t, both, n.ask("GET", "/a").all(), "invalidated since")
}

func TestInterimResponsesOfArtifacts(t *testing.T) {
	n := newNode(t)
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		require.Nil(t, f.Interim, "what is not checked is not shown")
		return artifactOf(f.Key, 1), nil
	})
	n.ask("GET", "/v1/segments/b2b/ctas/trial")
}

// An origin that sends interim responses for ever, or later than its answer, or a
// transport that fails on them, disturbs nobody.
func TestInterimResponsesAreBounded(t *testing.T) {
	n := newNode(t)
	var late func(int, []edge.Field)
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		late = f.Interim
		for range 1000 {
			f.Interim(103, nil)
		}
		return answer(200, "x"), nil
	})
	reader := n.ask("GET", "/a")
	require.Len(t, reader.all(), 16)
	late(103, nil)
	require.Len(t, reader.all(), 16)

	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		f.Interim(199, nil)
		f.Interim(103, nil)
		return answer(200, "x"), nil
	})
	require.Equal(t, []string{"199 []"}, n.ask("GET", "/b").all())
}

// Those who wait for another's fill are not told: it may have been told before
// they came.
func TestInterimResponsesAreTheLeaders(t *testing.T) {
	n := newNode(t)
	release := make(chan struct{})
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		<-release
		f.Interim(103, nil)
		return answer(200, "x", "Cache-Control: max-age=60"), nil
	})
	var wg sync.WaitGroup
	readers := make([]*told, 8)
	for i := range readers {
		wg.Go(func() { readers[i] = n.ask("GET", "/a") })
	}
	require.Eventually(t, func() bool { return n.core.Waiting() == len(readers)-1 }, 20*time.Second, time.Millisecond)
	close(release)
	wg.Wait()
	sum := 0
	for _, r := range readers {
		sum += len(r.all())
	}
	require.Equal(t, 1, sum)
}
