package admin

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/auth"
)

// guard decides who gets in through one listener.
type guard struct {
	api      *api
	loopback bool
}

type guardKey struct{}

// into carries the guard to the endpoints behind the mux.
func (g guard) into(ctx context.Context) context.Context {
	return context.WithValue(ctx, guardKey{}, g)
}

func guardOf(r *http.Request) guard {
	g, _ := r.Context().Value(guardKey{}).(guard)
	return g
}

// host refuses a Host that is not ours. A page whose own name is made to point
// here (DNS rebinding) is same-origin to the browser: only its Host gives it
// away.
func (g guard) host(r *http.Request) *adminapi.Problem {
	name := hostOf(r.Host)
	if slices.ContainsFunc(g.api.hosts, func(h string) bool { return strings.EqualFold(strings.Trim(h, "[]"), name) }) {
		return nil
	}
	if g.loopback && (strings.EqualFold(name, "localhost") || name == "127.0.0.1" || name == "::1") {
		return nil
	}
	if ip, err := netip.ParseAddr(name); err == nil {
		if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
			at, err := netip.ParseAddrPort(local.String())
			if err == nil && at.Addr().Unmap() == ip.Unmap() {
				return nil
			}
		}
	}
	p := adminapi.BadHeader("Host", "names no host of this listener; further ones are configured as admin.allowed_hosts")
	p.Status, p.Title = http.StatusForbidden, http.StatusText(http.StatusForbidden)
	return p
}

// hostOf cuts the port and the brackets off a Host field.
func hostOf(field string) string {
	if host, _, err := net.SplitHostPort(field); err == nil {
		return host
	}
	return strings.TrimSuffix(strings.TrimPrefix(field, "["), "]")
}

// admit says who asks, and refuses what they may not.
func (g guard) admit(r *http.Request, e endpoint) (auth.Principal, *adminapi.Problem) {
	if e.Scope == "" {
		return auth.Principal{}, nil
	}
	scope := auth.Scope(e.Scope)
	who, err := g.api.Tokens.Authenticate(r.Header.Get("Authorization"))
	switch {
	case errors.Is(err, auth.ErrNoToken) && g.loopback && scope == auth.ScopeRead:
		return who, nil
	case err != nil:
		return who, adminapi.NewProblem(http.StatusUnauthorized, err.Error()+"; send Authorization: Bearer <token>")
	case !who.Allows(scope):
		return who, adminapi.NewProblem(http.StatusForbidden, "the token "+who.Name+" has not the scope "+e.Scope)
	}
	return who, nil
}

// challenge says how to get in (RFC 6750 §3).
func challenge(h http.Header, status int, scope auth.Scope) {
	field := `Bearer realm="letteredge"`
	if status == http.StatusForbidden {
		field += `, error="insufficient_scope", scope="` + string(scope) + `"`
	}
	h.Set("WWW-Authenticate", field)
}
