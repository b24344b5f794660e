package auth

import "slices"

// Scope is one thing that a token may do. Every scope includes reading.
type Scope string

// The scopes.
const (
	// ScopeRead: everything that changes nothing, but for /debug/pprof/.
	ScopeRead Scope = "read"
	// ScopeQuotas: define and remove quotas.
	ScopeQuotas Scope = "quotas:write"
	// ScopePurges: purge.
	ScopePurges Scope = "purges:write"
	// ScopeDocs: push documents.
	ScopeDocs Scope = "docs:write"
	// ScopeTokens: make tokens, of no other scopes than the maker's own, and take
	// them back.
	ScopeTokens Scope = "tokens:write"
	// ScopeDebug: /debug/pprof/, which shows memory and costs CPU.
	ScopeDebug Scope = "debug"
	// ScopeAdmin: all of them.
	ScopeAdmin Scope = "admin"
)

// Scopes returns every scope there is.
func Scopes() []Scope {
	return []Scope{ScopeRead, ScopeQuotas, ScopePurges, ScopeDocs, ScopeTokens, ScopeDebug, ScopeAdmin}
}

// Principal is who a request comes from.
type Principal struct {
	// Name is the token's name; "" for nobody.
	Name   string
	scopes []Scope
}

// Allows reports whether the principal may do what s stands for.
func (p Principal) Allows(s Scope) bool {
	if p.Name == "" {
		return false
	}
	return s == ScopeRead || slices.Contains(p.scopes, s) || slices.Contains(p.scopes, ScopeAdmin)
}
