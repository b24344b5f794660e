package admin

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/auth"
	"github.com/letteros/letteredge/quota"
)

// register returns where tokens are made.
func (a *api) register() (*auth.Register, error) {
	if a.Register == nil {
		return nil, adminapi.NewProblem(http.StatusNotFound, "this node makes no tokens")
	}
	return a.Register, nil
}

func (a *api) listTokens(*request) (reply, error) {
	register, err := a.register()
	if err != nil {
		return reply{}, err
	}
	items := []adminapi.Token{}
	for _, t := range register.List() {
		items = append(items, shownToken(t))
	}
	return ok(adminapi.NewList(items, ""))
}

func (a *api) createToken(r *request) (reply, error) {
	register, err := a.register()
	if err != nil {
		return reply{}, err
	}
	var spec adminapi.TokenSpec
	if problem := adminapi.Decode(r.body, &spec); problem != nil {
		return reply{}, problem
	}
	r.entry.Target, r.entry.Detail = spec.Name, "scopes "+strings.Join(spec.Scopes, ",")
	if !cachekey.ValidID(spec.Name) {
		return reply{}, adminapi.BadField("name", "must match [a-z][a-z0-9_-]{0,63}")
	}
	scopes, err := a.scopes(r, spec.Scopes)
	if err != nil {
		return reply{}, err
	}
	var expires time.Time
	if spec.Expires != "" {
		if expires, err = time.Parse(time.RFC3339, spec.Expires); err != nil || !expires.After(a.Now()) {
			return reply{}, adminapi.BadField("expires", "must be a time to come, as RFC 3339 writes it")
		}
		r.entry.Detail += " expires " + expires.UTC().Format(time.RFC3339)
	}
	token, made, err := register.Create(r.Context(), spec.Name, scopes, expires, r.who.Name)
	if err != nil {
		return reply{}, err
	}
	body := shownToken(made)
	body.Token = token
	return reply{status: http.StatusCreated, etag: made.ETag, location: "/v1/tokens/" + made.Name, body: body}, nil
}

// scopes reads those that a new token is to have: known ones, and none that its
// maker has not.
func (a *api) scopes(r *request, names []string) ([]auth.Scope, error) {
	if len(names) == 0 {
		return nil, adminapi.BadField("scopes", "must name at least one")
	}
	var list []auth.Scope
	for _, name := range names {
		s := auth.Scope(name)
		if !slices.Contains(auth.Scopes(), s) {
			return nil, adminapi.BadField("scopes", "must each be one of "+strings.Join(scopeNames(auth.Scopes()), ", "))
		}
		if !r.who.Allows(s) {
			return nil, adminapi.NewProblem(http.StatusForbidden, "the token "+r.who.Name+" has not the scope "+name+", and so cannot give it")
		}
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list, nil
}

func (a *api) deleteToken(r *request) (reply, error) {
	register, err := a.register()
	if err != nil {
		return reply{}, err
	}
	r.entry.Target = r.PathValue("name")
	pre := quota.Precondition{IfMatch: r.header("If-Match")}
	err = register.Remove(r.Context(), r.PathValue("name"), func(etag string) error {
		err := pre.Check(etag)
		if errors.Is(err, quota.ErrPreconditionFailed) {
			return adminapi.NewProblem(http.StatusPreconditionFailed, "the token is not, or no longer, the one that If-Match names")
		}
		return err
	})
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}

// tokenProblem is what the client is told of an error of tokens; nil for any
// other.
func tokenProblem(err error) *adminapi.Problem {
	switch {
	case errors.Is(err, auth.ErrUnknownToken):
		return adminapi.NewProblem(http.StatusNotFound, auth.ErrUnknownToken.Error())
	case errors.Is(err, auth.ErrTokenExists), errors.Is(err, auth.ErrTooManyTokens):
		return adminapi.NewProblem(http.StatusConflict, err.Error())
	}
	return nil
}

func shownToken(t auth.ClusterToken) adminapi.Token {
	shown := adminapi.Token{Name: t.Name, Scopes: scopeNames(t.Scopes), Created: t.Created, By: t.By}
	if !t.Expires.IsZero() {
		shown.Expires = &t.Expires
	}
	return shown
}

func scopeNames(list []auth.Scope) []string {
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = string(s)
	}
	return names
}
