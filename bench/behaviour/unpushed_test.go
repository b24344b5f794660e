package behaviour

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// TestAnOriginThatPinsNothing: what an origin shows beyond what was pushed reaches no
// reader while a copy of the target is left anywhere; when a hard purge has left none,
// and no rollout is open, readers get it, marked, and after its push unmarked.
func TestAnOriginThatPinsNothing(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	next := docs.Config.Handler
	docs.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Docs-Pin")
		next.ServeHTTP(w, r)
	})
	demo := edged.Demo(t, "--origin", docs.URL)
	allReady(t, demo)
	p := pusher{command(t, "edgectl"), demo}
	exit, last := p.push(t, docs.Dir)
	require.Zero(t, exit, "%+v", last)
	shown := func(n *Node) (version, degraded, control string) {
		r := n.Readers(t).Get(t, H1, trial)
		require.Equal(t, http.StatusOK, r.Status, "%s: %s", n.ID, r.Body)
		return r.Versions()["trial"], r.Header.Get("Edge-Degraded"), r.Header.Get("Cache-Control")
	}
	was, _, _ := shown(demo.Nodes[0])
	edit := fmt.Sprint(docs.Raise(t, "trial"))
	for _, n := range demo.Nodes {
		version, degraded, _ := shown(n)
		require.Equal(t, was, version, n.ID)
		require.Empty(t, degraded, n.ID)
	}
	demo.Nodes[1].Administer(t).Purge(t, `{"all":true}`, Hard)
	for _, n := range demo.Nodes {
		version, degraded, control := shown(n)
		require.Equal(t, []string{edit, "held", "no-store"}, []string{version, degraded, control}, n.ID)
	}
	exit, last = p.push(t, docs.Dir)
	require.Zero(t, exit, "%+v", last)
	for _, n := range demo.Nodes {
		version, degraded, _ := shown(n)
		require.Equal(t, edit, version, n.ID)
		require.Empty(t, degraded, n.ID)
	}
}
