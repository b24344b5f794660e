package admin

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/auth"
)

func TestWhoMayDoWhat(t *testing.T) {
	n := start(t)
	const q = `{"rps":1}`
	for _, c := range []struct {
		method, target, token, body string
		want                        int
	}{
		{"GET", "/v1/quotas", "", "", 200},
		{"GET", "/v1/quotas", reader, "", 200},
		{"GET", "/v1/quotas", unknown, "", 401}, // a wrong token is an error even where none is needed
		{"PUT", "/v1/quotas/b2b", "", q, 401},
		{"PUT", "/v1/quotas/b2b", unknown, q, 401},
		{"PUT", "/v1/quotas/b2b", reader, q, 403},
		{"PUT", "/v1/quotas/b2b", purger, q, 403},
		{"PUT", "/v1/quotas/b2b", quotas, q, 201},
		{"PUT", "/v1/quotas/b2c", root, q, 201},
		{"DELETE", "/v1/quotas/b2c", reader, "", 403},
		{"DELETE", "/v1/quotas/b2c", "", "", 401},
		{"POST", "/v1/purges", quotas, `{"select":{"all":true}}`, 403},
		{"POST", "/v1/purges", purger, `{"select":{"all":true}}`, 202},
		{"GET", "/debug/pprof/", "", "", 401},
		{"GET", "/debug/pprof/cmdline", "", "", 401},
		{"GET", "/debug/pprof/", purger, "", 403},
		{"GET", "/debug/pprof/", root, "", 200},
		{"GET", "/debug/pprof/goroutine", root, "", 200},
		{"GET", "/metrics", "", "", 200},
	} {
		a := n.do(c.method, c.target, c.token, c.body)
		require.Equal(t, c.want, a.status, "%s %s %s: %s", c.method, c.target, c.token, a.text)
		switch c.want {
		case 401:
			a.problem(t, 401)
			require.Equal(t, `Bearer realm="letteredge"`, a.header.Get("WWW-Authenticate"))
		case 403:
			a.problem(t, 403)
			require.Contains(t, a.header.Get("WWW-Authenticate"), `error="insufficient_scope", scope="`)
		}
	}
}

func TestOffLoopbackReadsNeedATokenToo(t *testing.T) {
	n := startAt(t, "127.0.0.1:0", Config{}, func(s *Server) { s.http.Handler = s.api.handler(false) })
	for target, want := range map[string]int{"/v1/quotas": 401, "/metrics": 401, "/": 401, "/openapi.json": 401, "/livez": 200, "/readyz": 200} {
		require.Equal(t, want, n.do("GET", target, "", "").status, target)
		require.Equal(t, 200, n.do("GET", target, reader, "").status, target)
	}
	// The address that the connection came to is the listener's own name.
	require.Equal(t, 403, n.do("GET", "/v1/quotas", reader, "", "Host", "localhost").status)
}

func TestHosts(t *testing.T) {
	n := startAt(t, "127.0.0.1:0", Config{Node: "local-1", AllowedHosts: []string{"edge.example.com", "10.0.0.1"}})
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:1": 200, "127.0.0.1": 200, "127.0.0.1:99": 200, "[::1]": 200, "[::1]:80": 200,
		"edge.example.com": 200, "Edge.Example.com:8081": 200, "10.0.0.1:1": 200,
		"evil.example": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example:80": 403, "127.0.0.2": 403,
		"10.0.0.2": 403, "localhost:1:2": 403,
	} {
		a := n.do("GET", "/v1/nodes", "", "", "Host", host)
		require.Equal(t, want, a.status, host)
		if want == 403 {
			require.Equal(t, "Host", a.problem(t, 403).Errors[0].Header)
		}
	}
	// Probes come by any name.
	require.Equal(t, 200, n.do("GET", "/livez", "", "", "Host", "10.1.2.3:8081").status)
}

func TestUnknownRoutesAndMethods(t *testing.T) {
	n := start(t)
	for _, target := range []string{"/v1", "/v1/quotas/", "/v1/quotas/a/b", "/x", "/v1//quotas", "/v1/../v1/quotas", "/v1/%71uotas/", "/v1/quotas%2Fb2b", "/v1/takedowns"} {
		n.do("GET", target, root, "").problem(t, 404)
		n.do("POST", target, root, "{}").problem(t, 404)
	}
	for _, c := range [][3]string{
		{"POST", "/v1/quotas", "GET, HEAD"}, {"POST", "/v1/quotas/b2b", "DELETE, GET, HEAD, PUT"}, {"PUT", "/v1/purges", "GET, HEAD, POST"},
		{"DELETE", "/v1/purges/x", "GET, HEAD"}, {"POST", "/", "GET, HEAD"}, {"PATCH", "/v1/nodes", "GET, HEAD"}, {"POST", "/metrics", "GET, HEAD"},
	} {
		a := n.do(c[0], c[1], root, "")
		a.problem(t, 405)
		require.Equal(t, c[2], a.header.Get("Allow"), c)
	}
	head := n.do("HEAD", "/v1/quotas", "", "")
	require.Equal(t, 200, head.status)
	require.Empty(t, head.text)
}

func TestEveryOperationIsServedAndListed(t *testing.T) {
	n := start(t)
	var ix adminapi.Index
	n.do("GET", "/", "", "").into(t, &ix)
	require.Len(t, ix.Routes, len(adminapi.Operations()))
	for _, o := range adminapi.Operations() {
		e := n.server.api.paths[o.Path][o.Method]
		require.True(t, (e.call == nil) != (e.raw == nil), o.ID)
	}
	a := n.do("GET", "/openapi.json", "", "")
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	require.Contains(t, a.text, `"openapi": "3.1.0"`)
}

func TestBodiesAndQueries(t *testing.T) {
	n := start(t)
	big := `{"select":{"all":true},"mode":"` + strings.Repeat("x", maxBody) + `"}`
	n.do("POST", "/v1/purges", root, big).problem(t, 413)
	p := n.do("POST", "/v1/purges", root, `<all/>`, "Content-Type", "text/xml").problem(t, 415)
	require.Equal(t, "Content-Type", p.Errors[0].Header)
	for _, mediaType := range []string{"application/json; charset=utf-8", "application/merge-patch+json", "application/x-www-form-urlencoded"} {
		require.Equal(t, 202, n.do("POST", "/v1/purges", root, `{"select":{"all":true}}`, "Content-Type", mediaType).status)
	}
	for target, want := range map[string]string{
		"/v1/purges?wiat=all":                     "wiat is not a parameter here; allowed are wait, timeout",
		"/v1/purges?wait=all&wait=none":           "wait is given twice",
		"/v1/purges?wait=world":                   "wait must be none, region or all",
		"/v1/purges?wait=all&timeout=31s":         "timeout must be a duration",
		"/v1/purges?wait=all&timeout=0s":          "timeout must be a duration",
		"/v1/purges?wait=all&timeout=2":           "timeout must be a duration",
		"/v1/purges?wait=all&timeout=":            "timeout must be a duration",
		"/v1/purges?wait=%zz":                     "the query is malformed",
		"/v1/purges?" + strings.Repeat("x", 2000): "is not a parameter here",
	} {
		p := n.do("POST", target, root, `{"select":{"all":true}}`).problem(t, 400)
		require.Contains(t, p.Detail, want, target)
		require.Less(t, len(p.Detail), 300)
	}
	require.Equal(t, 3, n.journal.count(), "nothing half-applied")
	for _, target := range []string{"/v1/quotas?limit=0", "/v1/quotas?limit=1001", "/v1/purges?limit=x", "/v1/audit?limit=-1", "/v1/audit?after=x", "/v1/quotas?after=X", "/v1/nodes?x=1"} {
		p := n.do("GET", target, "", "").problem(t, 400)
		require.NotEmpty(t, p.Errors[0].Parameter, target)
	}
}

// The read timeout is for the request: an operation that takes longer is not cut
// off.
func TestLongOperationsOutliveTheReadTimeout(t *testing.T) {
	n := startAt(t, "127.0.0.1:0", Config{}, func(s *Server) { s.http.ReadTimeout = time.Second })
	began := time.Now()
	require.Equal(t, 200, n.do("GET", "/debug/pprof/trace?seconds=1.5", root, "").status)
	require.GreaterOrEqual(t, time.Since(began), 1500*time.Millisecond)
}

func TestReadiness(t *testing.T) {
	n := start(t)
	require.Equal(t, "ready\n", n.do("GET", "/readyz", "", "").text)
	n.mu.Lock()
	n.ready = errDisk
	n.mu.Unlock()
	require.Equal(t, "disk full", n.do("GET", "/readyz", "", "").problem(t, 503).Detail)
	require.Equal(t, "ok\n", n.do("GET", "/livez", "", "").text)
}

func TestListenOnAnAddressInUse(t *testing.T) {
	n := start(t)
	s, err := New(Config{}, n.server.api.Deps)
	require.NoError(t, err)
	require.ErrorContains(t, s.Listen(n.server.Addr()), "admin: listen")
	_, err = New(Config{}, Deps{})
	require.ErrorContains(t, err, "required")
}

func TestConnectionsAreBounded(t *testing.T) {
	n := startAt(t, "127.0.0.1:0", Config{MaxConns: 2})
	var idle []net.Conn
	for range 2 {
		c, err := net.Dial("tcp", n.server.Addr())
		require.NoError(t, err)
		idle = append(idle, c)
		require.NoError(t, write(c, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"))
		_, err = c.Read(make([]byte, 512))
		require.NoError(t, err)
	}
	third, err := net.Dial("tcp", n.server.Addr())
	require.NoError(t, err)
	defer third.Close()
	require.NoError(t, write(third, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	require.NoError(t, third.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err = third.Read(make([]byte, 512))
	require.Error(t, err, "a third connection is served beside two")
	require.NoError(t, idle[0].Close())
	require.NoError(t, third.SetReadDeadline(time.Now().Add(30*time.Second)))
	_, err = third.Read(make([]byte, 512))
	require.NoError(t, err)
	require.NoError(t, idle[1].Close())
}

func write(c net.Conn, s string) error {
	_, err := c.Write([]byte(s))
	return err
}

// edge/adminapi is below edge/auth and names scopes by their text.
func TestScopesAreKnown(t *testing.T) {
	for _, o := range adminapi.Operations() {
		if o.Scope != "" {
			require.Contains(t, auth.Scopes(), auth.Scope(o.Scope), o.ID)
		}
	}
}
