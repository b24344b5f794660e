package admin

import (
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/audit"
	"github.com/letteros/letteredge/edge/auth"
)

// api is what the server serves, whatever the listener.
type api struct {
	Deps
	node    string
	hosts   []string
	openAPI []byte
	paths   map[string]methods
	mux     *http.ServeMux
	quit    chan struct{} // closed when the server shuts down
}

// methods are the endpoints of one path.
type methods map[string]endpoint

// endpoint is how one operation is carried out: by call, or by raw where the
// answer is not JSON.
type endpoint struct {
	adminapi.Operation
	call func(*request) (reply, error)
	raw  http.Handler
}

// writes reports whether the operation changes something, so that it needs a
// token everywhere and leaves an audit entry.
func (e endpoint) writes() bool { return e.Method != http.MethodGet }

func newAPI(cfg Config, deps Deps) (*api, error) {
	doc, err := adminapi.OpenAPI()
	if err != nil {
		return nil, err
	}
	a := &api{
		Deps: deps, node: cfg.Node, hosts: cfg.AllowedHosts, openAPI: doc,
		paths: make(map[string]methods), mux: http.NewServeMux(), quit: make(chan struct{}),
	}
	calls := map[string]func(*request) (reply, error){
		"quota.list": a.listQuotas, "quota.get": a.getQuota, "quota.put": a.putQuota, "quota.delete": a.deleteQuota,
		"purge.list": a.listPurges, "purge.get": a.getPurge, "purge.create": a.createPurge,
		"node.list": a.listNodes, "region.list": a.listRegions,
		"docs.list": a.listDocs, "docs.update": a.updateDocs, "rollout.list": a.listRollouts, "rollout.get": a.getRollout,
		"rollout.promote": a.promote, "rollout.abort": a.abort, "rollout.rollback": a.rollback,
		"token.list": a.listTokens, "token.create": a.createToken, "token.delete": a.deleteToken,
		"audit.list": a.listAudit, "explain": a.explain, "index": a.index,
	}
	raws := map[string]http.Handler{
		"metrics": a.Metrics, "livez": http.HandlerFunc(livez), "readyz": http.HandlerFunc(a.readyz),
		"rollout.events": http.HandlerFunc(a.rolloutEvents),
		"pprof":          profiles(), "openapi": http.HandlerFunc(a.openAPIDocument),
	}
	for _, o := range adminapi.Operations() {
		e := endpoint{Operation: o, call: calls[o.ID], raw: raws[o.ID]}
		if a.paths[o.Path] == nil {
			a.paths[o.Path] = methods{}
		}
		a.paths[o.Path][o.Method] = e
	}
	for path, m := range a.paths {
		a.mux.Handle(path, a.dispatch(path, m))
	}
	return a, nil
}

// handler returns the handler for a listener on loopback, or elsewhere.
func (a *api) handler(loopback bool) http.Handler {
	g := guard{api: a, loopback: loopback}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		// What ServeMux would redirect is not there: a redirected write is a trap. An
		// encoded slash is no slash (RFC 3986 §2.2), and nothing here has one in a name.
		if p := r.URL.Path; strings.Contains(strings.ToLower(r.URL.RawPath), "%2f") || p != path.Clean(p) && p != path.Clean(p)+"/" {
			writeProblem(w, adminapi.NewProblem(http.StatusNotFound, "there is no such route; GET / lists them"))
			return
		}
		r.URL.RawPath = "" // other spellings of a path are equal to the decoded one
		if !open(r.URL.Path) {
			if p := g.host(r); p != nil {
				writeProblem(w, p)
				return
			}
		}
		a.mux.ServeHTTP(w, r.WithContext(g.into(r.Context())))
	})
}

// open reports whether a path is for probes, which know neither names nor
// tokens.
func open(path string) bool { return path == "/livez" || path == "/readyz" }

// dispatch serves one path.
func (a *api) dispatch(path string, m methods) http.Handler {
	allowed := []string{}
	for method := range m {
		allowed = append(allowed, method)
		if method == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	slices.Sort(allowed)
	allow := strings.Join(allowed, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path == "/" && r.URL.Path != "/" { // to ServeMux "/" is everything
			writeProblem(w, adminapi.NewProblem(http.StatusNotFound, "there is no such route; GET / lists them"))
			return
		}
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		e, found := m[method]
		if !found {
			w.Header().Set("Allow", allow)
			writeProblem(w, adminapi.NewProblem(http.StatusMethodNotAllowed, r.URL.Path+" allows "+allow))
			return
		}
		a.serve(w, r, e)
	})
}

// answerTimeout bounds the writing of an answer, and of what it takes to make
// it; the longest is a purge that is waited for.
const answerTimeout = adminapi.MaxTimeout + 15*time.Second

// setDeadline bounds the rest of an exchange: what it takes to make the answer,
// and to write it. A connection that knows no deadlines (a recorder in a test)
// goes without.
func setDeadline(w http.ResponseWriter, at time.Time) {
	_ = http.NewResponseController(w).SetWriteDeadline(at)
}

// serve carries out one operation.
func (a *api) serve(w http.ResponseWriter, r *http.Request, e endpoint) {
	req := &request{Request: r, entry: audit.Entry{Action: e.ID, Remote: r.RemoteAddr, Target: r.PathValue("segment")}}
	who, problem := guardOf(r).admit(r, e)
	req.who = who
	if problem == nil && e.raw != nil {
		setDeadline(w, time.Now().Add(answerTimeout))
		e.raw.ServeHTTP(w, r)
		return
	}
	var rep reply
	var err error
	if problem != nil {
		err = problem
	} else if err = req.read(w, e); err == nil {
		setDeadline(w, time.Now().Add(answerTimeout))
		rep, err = e.call(req)
	}
	if err != nil {
		problem = a.problemOf(err, r)
	}
	if e.writes() {
		if failed := a.record(req, rep, problem); failed != nil {
			problem = failed
		}
	}
	if problem != nil {
		if problem.Status == http.StatusUnauthorized || problem.Status == http.StatusForbidden {
			challenge(w.Header(), problem.Status, auth.Scope(e.Scope))
		}
		writeProblem(w, problem)
		return
	}
	rep.write(w)
}

// record writes the audit entry of a write, whose reply or problem is known. It
// returns the problem to answer instead, if it cannot.
func (a *api) record(req *request, rep reply, problem *adminapi.Problem) *adminapi.Problem {
	e := req.entry
	e.Principal, e.Result = req.who.Name, audit.Done
	if problem != nil {
		e.Result, e.Detail = audit.Refused, problem.Error()
		if problem.Status >= 500 {
			e.Result = audit.Failed
		}
	}
	err := a.Audit.Record(e)
	if err == nil {
		return nil
	}
	a.Logger.Error("audit entry lost", "action", e.Action, "target", e.Target, "principal", e.Principal, "result", e.Result, "err", err)
	if problem != nil {
		return nil
	}
	return adminapi.NewProblem(http.StatusInternalServerError,
		"the change was made, but the audit log could not take its entry; see the node's log")
}
