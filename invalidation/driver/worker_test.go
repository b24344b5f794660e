package driver

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation/rollout"
)

func TestPreview(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		a, b := w.edges["lima-1"].worker, w.edges["lima-2"].worker
		r := rollout.Rollout{ID: "r1", Documents: []rollout.Version{version("trial", 43)}}
		s := &rollout.Snapshot{}
		field, err := a.seal(r, false)
		require.NoError(t, err)
		refused := func(w *Worker, field string) {
			t.Helper()
			_, ok := w.Preview(field, time.Now())
			require.False(t, ok)
		}
		refused(a, field) // nothing is being verified
		end := a.open(r, s)
		defer b.open(r, s)()
		got, ok := a.Preview(field, time.Now())
		require.True(t, ok)
		require.Same(t, s, got)
		refused(b, field) // another node's
		asReader, err := a.seal(r, true)
		require.NoError(t, err)
		got, ok = a.Preview(asReader, time.Now())
		require.True(t, ok)
		require.Nil(t, got, "a check that looks as a reader does sees what readers see")
		refused(a, "")
		refused(a, "x")
		refused(a, field+"x")

		wire, err := base64.RawURLEncoding.DecodeString(field)
		require.NoError(t, err)
		var e gossip.Envelope
		require.NoError(t, e.UnmarshalBinary(wire))
		resend := func(e gossip.Envelope) string {
			wire, err := e.MarshalBinary()
			require.NoError(t, err)
			return base64.RawURLEncoding.EncodeToString(wire)
		}
		forged := e
		forged.Payload, err = json.Marshal(leave{"r1", versionsOf(r), time.Now().Add(15 * time.Second).UnixMilli(), false})
		require.NoError(t, err)
		refused(a, resend(forged))
		other := e
		other.Kind = gossip.KindReport
		require.NoError(t, other.Seal(key("lima-1")))
		refused(a, resend(other))
		foreign := e
		require.NoError(t, foreign.Seal(key("evil")))
		refused(a, resend(foreign))

		// Another candidate of the same rollout, and another rollout.
		later := r
		later.Documents = []rollout.Version{version("trial", 44)}
		field44, err := a.seal(later, false)
		require.NoError(t, err)
		refused(a, field44)
		later.ID = "r2"
		field2, err := a.seal(later, false)
		require.NoError(t, err)
		refused(a, field2)

		<-time.After(previewLife + time.Second) // in the bubble
		refused(a, field)
		end()
	})
}

func FuzzPreview(f *testing.F) {
	now := time.Unix(1_800_000_000, 0) // each of the fuzzer's processes makes the same field
	w, err := NewWorker(WorkerDeps{
		Self: gossip.Member{Cluster: "c", Region: "lima", Node: "lima-1"}, Records: gossip.NewRecords(), Filler: &edge{}, Door: &edge{},
		Signer: key("lima-1"), Verifier: key("lima-1"), Now: func() time.Time { return now },
	})
	require.NoError(f, err)
	r := rollout.Rollout{ID: "r1", Documents: []rollout.Version{version("trial", 43)}}
	field, err := w.seal(r, false)
	require.NoError(f, err)
	f.Add(field)
	w.open(r, &rollout.Snapshot{})
	f.Fuzz(func(t *testing.T, got string) {
		if _, ok := w.Preview(got, now); ok {
			require.Equal(t, field, strings.NewReplacer("\r", "", "\n", "").Replace(got), "but for line ends, which no field has")
		}
	})
}

func TestAWorkerWaitsForItsRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		done := make(chan error, 1)
		go func() {
			_, err := w.edges["lima-1"].worker.Do(t.Context(), Job{Rollout: "none", Action: rollout.Fill, Index: 1})
			done <- err
		}()
		synctest.Wait()
		require.Empty(t, done)
		w.push("", version("trial", 43))
		require.ErrorIs(t, <-done, rollout.ErrUnknown)
	})
}

func TestJudge(t *testing.T) {
	key, err := cachekey.ParseText(ctaPath)
	require.NoError(t, err)
	it := rollout.Item{Key: key, Vector: "core=7, trial=43"}
	body := func(change func(map[string]any)) []byte {
		all := map[string]any{"kind": "cta", "segment": "b2b", "cta": "trial", "id": "trial", "lang": "en", "title": "", "html": "", "documents": map[string]int64{"trial": 43}}
		change(all)
		text, err := json.Marshal(all)
		require.NoError(t, err)
		return text
	}
	good := Reply{Status: 200, Versions: "trial=43, core=7, more=1", Body: body(func(map[string]any) {})}
	require.NoError(t, judge(it, good))
	for want, change := range map[string]func(*Reply){
		"status":       func(r *Reply) { r.Status = 404 },
		"whole":        func(r *Reply) { r.Degraded = "stale" },
		"docs-version": func(r *Reply) { r.Versions = "trial=43" },
		"schema":       func(r *Reply) { r.Body = body(func(m map[string]any) { m["segment"] = "b2c" }) },
	} {
		bad := good
		change(&bad)
		require.ErrorContains(t, judge(it, bad), want+": ")
	}
	for _, versions := range []string{"", "trial=42, core=7", "trial=43, core=7,", "trial=+43", "Trial=43"} {
		bad := good
		bad.Versions = versions
		require.ErrorContains(t, judge(it, bad), "docs-version", versions)
	}
	for _, field := range []string{"lang", "title", "html", "documents"} {
		bad := good
		bad.Body = body(func(m map[string]any) { delete(m, field) })
		require.ErrorContains(t, judge(it, bad), "schema", field)
	}
	// A name in another case is another name, as it is to the edge.
	other := good
	other.Body = body(func(m map[string]any) { m["Proofs"], m["SEGMENT"] = 1, "b2c" })
	require.NoError(t, judge(it, other))
	other.Body = body(func(m map[string]any) { m["Segment"] = m["segment"]; delete(m, "segment") })
	require.ErrorContains(t, judge(it, other), "schema")
	it.Gone = true
	require.ErrorContains(t, judge(it, good), "should be gone")
	require.NoError(t, judge(it, Reply{Status: 410}))
}

func TestWeb(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Docs-Version", "trial=42")
		rw.Header().Set("Edge-Degraded", r.Header.Get("Edge-Preview"))
		rw.WriteHeader(http.StatusAccepted)
		_, _ = rw.Write([]byte(r.URL.Path))
	}))
	defer server.Close()
	rep, err := Web{Base: server.URL + "/", Client: server.Client()}.Get(t.Context(), ctaPath, "leave")
	require.NoError(t, err)
	require.Equal(t, Reply{http.StatusAccepted, "trial=42", "leave", []byte(ctaPath)}, rep)
	_, err = readAll(strings.NewReader("four"), 3)
	require.ErrorContains(t, err, "more than 3 bytes")
}
