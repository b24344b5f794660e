package behaviour

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// TestSummaryIsRebuiltBeforeAnyoneAsks: after the purge of a Proof the node makes
// the Summary anew by itself, with the new Proof.
func TestSummaryIsRebuiltBeforeAnyoneAsks(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	n := edged.Node(t, docs.URL)
	r, admin := n.Readers(t), n.Administer(t)
	const summary = trial + "/summary"
	first := r.Get(t, H1, summary)
	require.Equal(t, 200, first.Status)
	require.Zero(t, docs.Fetches(summary), "the origin has no Summaries")
	for _, part := range []string{trial, trialP1} { // parts are cached under their own keys
		require.True(t, r.Get(t, H2, part).Hit(), part)
	}

	rebuilt := func() float64 { return admin.Metric(t, "letteredge_summary_rebuilds_total", `result="done"`) }
	was := rebuilt()
	docs.Raise(t, "p1")
	admin.Purge(t, `{"tags":["doc:p1"]}`, Hard)
	Until(t, "the rebuild", func() bool { return rebuilt() > was })
	for _, proto := range Protos() {
		got := r.Get(t, proto, summary)
		require.True(t, got.Hit(), "%s: %v", proto, got.Header["Cache-Status"])
		require.NotEqual(t, first.Versions()["p1"], got.Versions()["p1"])
		require.Equal(t, first.Versions()["trial"], got.Versions()["trial"])
		var body struct{ Proofs []json.RawMessage }
		require.NoError(t, json.Unmarshal(got.Body, &body))
		require.JSONEq(t, string(r.Get(t, proto, trialP1).Body), string(body.Proofs[0]), "the Proof in it is the Proof itself")
	}
}
