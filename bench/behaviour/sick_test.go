package behaviour

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// sick is a docs origin with an address of its own, that can have what origins have.
type sick struct {
	*mortal
	docs   *Docs
	halves atomic.Bool // breaks off in the midst of each answer
}

func newSick(t *testing.T, docs *Docs) *sick {
	t.Helper()
	s := &sick{docs: docs}
	s.mortal = &mortal{t: t, addr: "127.0.0.1:0", counts: map[int64]int{}, content: http.HandlerFunc(s.serve)}
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *sick) url() string { return "http://" + s.addr }

func (s *sick) serve(w http.ResponseWriter, r *http.Request) {
	if !s.halves.Load() {
		s.docs.Holds.ServeHTTP(w, r)
		return
	}
	made := httptest.NewRecorder()
	s.docs.Holds.ServeHTTP(made, r)
	for name, values := range made.Header() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(made.Body.Len()))
	w.WriteHeader(made.Code)
	_, _ = w.Write(made.Body.Bytes()[:made.Body.Len()/2]) // the node may have gone
	panic(http.ErrAbortHandler)
}

// illness is what an origin has for a while.
type illness struct {
	name       string
	begin, end func()
}

// illnesses are all of them: in each, no answer of the origin is of any use.
func (s *sick) illnesses() []illness {
	fault := func(name string, f docsorigin.Fault) illness {
		return illness{name, func() { s.docs.Faults.Set(docsorigin.EveryPath, f) }, s.docs.Faults.Reset}
	}
	return []illness{
		fault("answers 500", docsorigin.Fault{Status: 500}),
		fault("answers 503", docsorigin.Fault{Status: 503}),
		fault("is slow", docsorigin.Fault{Delay: 3 * time.Second}),
		fault("cuts connections", docsorigin.Fault{Abort: true}),
		fault("answers with another's artifact", docsorigin.Fault{Body: []byte(`{"kind":"cta","segment":"b2c","cta":"other","id":"other","lang":"en","title":"t","html":"h","documents":{"other":1}}`)}),
		{"breaks off", func() { s.halves.Store(true) }, func() { s.halves.Store(false) }},
		{"is down", s.kill, s.start},
	}
}
