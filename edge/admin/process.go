package admin

import (
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/letteros/letteredge/edge/adminapi"
)

func livez(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") }

// readyz tells why the node does not serve: a sentence of its own making, as
// probes show it to operators.
func (a *api) readyz(w http.ResponseWriter, _ *http.Request) {
	if err := a.Ready(); err != nil {
		writeProblem(w, adminapi.NewProblem(http.StatusServiceUnavailable, err.Error()))
		return
	}
	plain(w, http.StatusOK, "ready")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

func (a *api) openAPIDocument(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(a.openAPI)
}

// index lists what the API can do.
func (a *api) index(*request) (reply, error) {
	list := adminapi.Index{Node: a.node, OpenAPI: "/openapi.json"}
	for _, o := range adminapi.Operations() {
		list.Routes = append(list.Routes, adminapi.IndexRoute{Method: o.Method, Path: o.Path, Scope: o.Scope, Summary: o.Summary})
	}
	return ok(list)
}

// maxProfile bounds how long a profile may be taken, answer included.
const maxProfile = 2 * time.Minute

// profiles serves net/http/pprof, which sets no bound of its own.
func profiles() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setDeadline(w, time.Now().Add(maxProfile))
		switch strings.TrimPrefix(r.URL.Path, "/debug/pprof/") {
		case "cmdline":
			pprof.Cmdline(w, r)
		case "profile":
			pprof.Profile(w, r)
		case "symbol":
			pprof.Symbol(w, r)
		case "trace":
			pprof.Trace(w, r)
		default:
			pprof.Index(w, r)
		}
	})
}
