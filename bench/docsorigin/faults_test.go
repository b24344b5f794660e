package docsorigin

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFaults(t *testing.T) {
	var f Faults
	d := newDesk(t, func(o *Options) { o.Faults = &f })
	good := d.get(trialPath)

	f.Set(trialPath, Fault{Status: 503, Header: http.Header{"retry-after": {"7"}}, Times: 2})
	for range 2 {
		w := d.get(trialPath)
		require.Equal(t, 503, w.Code)
		require.Equal(t, "7", w.Header().Get("Retry-After"))
		require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	}
	require.Equal(t, 200, d.get(trialPath).Code, "after two times it is over")

	f.Set(trialPath, Fault{Body: []byte("{}"), Header: http.Header{"Docs-Version": nil, "Set-Cookie": {"a=b"}}})
	w := d.get(trialPath + "?lang=en")
	require.Equal(t, "{}", w.Body.String())
	require.Equal(t, "2", w.Header().Get("Content-Length"))
	require.Equal(t, good.Header().Get("ETag"), w.Header().Get("ETag"))
	require.Empty(t, w.Header().Values("Docs-Version"))
	require.Equal(t, "a=b", w.Header().Get("Set-Cookie"))
	require.Equal(t, 200, d.get(trialPath+"/proofs/p1").Code)

	f.Set(EveryPath, Fault{Status: 500})
	require.Equal(t, 500, d.get(trialPath+"/proofs/p1").Code)
	require.Equal(t, "{}", d.get(trialPath).Body.String(), "a path's own fault comes first")
	require.Equal(t, 200, d.get("/stats").Code, "what tests read is not disturbed")
	f.Clear(trialPath)
	require.Equal(t, 500, d.get(trialPath).Code)
	f.Reset()
	require.Equal(t, good.Body.String(), d.get(trialPath).Body.String())
	require.EqualValues(t, 10, d.origin.Stats().Requests)

	f.Set(trialPath, Fault{Abort: true})
	server := httptest.NewServer(d.origin)
	defer server.Close()
	_, err := server.Client().Get(server.URL + trialPath)
	require.Error(t, err)
}

func TestADelayPassesOrTheClientGoes(t *testing.T) {
	d := newDesk(t, nil)
	synctest.Test(t, func(t *testing.T) {
		d.origin.faults = &Faults{}
		d.origin.faults.Set(trialPath, Fault{Delay: time.Minute})
		began := time.Now()
		require.Equal(t, 200, d.get(trialPath).Code)
		require.Equal(t, time.Minute, time.Since(began))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w := httptest.NewRecorder()
		d.origin.ServeHTTP(w, httptest.NewRequest(http.MethodGet, trialPath, nil).WithContext(ctx))
		require.Equal(t, time.Minute+time.Second, time.Since(began))
		require.Empty(t, w.Body.String())
	})
}

func TestBeforeHoldsARequest(t *testing.T) {
	var f Faults
	d := newDesk(t, func(o *Options) { o.Faults = &f })
	arrived, release := make(chan string), make(chan struct{})
	f.Set(trialPath, Fault{Before: func(r *http.Request) { arrived <- r.URL.Path; <-release }})
	done := make(chan *httptest.ResponseRecorder)
	go func() { done <- d.get(trialPath) }()
	require.Equal(t, trialPath, <-arrived)
	d.raise(42, 43, "Meanwhile")
	close(release)
	require.Contains(t, (<-done).Body.String(), "Meanwhile")
}
