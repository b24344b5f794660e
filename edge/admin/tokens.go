package admin

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/auth"
	"github.com/letteros/letteredge/quota"
)

// tokenProblem tells what is wrong with a request about tokens; nil if err is
// about something else.
func tokenProblem(err error) *adminapi.Problem {
	var invalid *auth.InvalidError
	switch {
	case errors.As(err, &invalid):
		return adminapi.BadField(invalid.Field, invalid.Reason)
	case errors.Is(err, auth.ErrNoSuchToken):
		return adminapi.NewProblem(http.StatusNotFound, "there is no such token in the cluster; configured ones are in the nodes' files")
	case errors.Is(err, auth.ErrTokenExists):
		return adminapi.NewProblem(http.StatusConflict, auth.ErrTokenExists.Error())
	case errors.Is(err, auth.ErrTooManyTokens):
		return adminapi.NewProblem(http.StatusConflict, auth.ErrTooManyTokens.Error())
	case errors.Is(err, auth.ErrNotYours):
		return adminapi.NewProblem(http.StatusForbidden, err.Error())
	}
	return nil
}

// register returns where tokens are made.
func (a *api) register() (*auth.Register, error) {
	if a.Register == nil {
		return nil, adminapi.NewProblem(http.StatusNotFound, "this node has configured tokens only")
	}
	return a.Register, nil
}

func shown(t auth.Recorded) adminapi.Token {
	out := adminapi.Token{Name: t.Name, Scopes: []string{}, Created: t.Created, By: t.By}
	for _, s := range t.Scopes {
		out.Scopes = append(out.Scopes, string(s))
	}
	if !t.Expires.IsZero() {
		out.Expires = &t.Expires
	}
	return out
}

func (a *api) listTokens(r *request) (reply, error) {
	register, err := a.register()
	if err != nil {
		return reply{}, err
	}
	limit, err := r.limit()
	if err != nil {
		return reply{}, err
	}
	page, next := register.List(r.query.Get("after"), limit)
	items := make([]adminapi.Token, 0, len(page))
	for _, t := range page {
		items = append(items, shown(t))
	}
	return ok(adminapi.NewList(items, next))
}

func (a *api) getToken(r *request) (reply, error) {
	register, err := a.register()
	if err != nil {
		return reply{}, err
	}
	t, err := register.Get(r.PathValue("name"))
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, etag: t.ETag(), body: shown(t)}, nil
}

func (a *api) createToken(r *request) (reply, error) {
	register, err := a.register()
	if err != nil {
		return reply{}, err
	}
	var body adminapi.TokenSpec
	if problem := adminapi.Decode(r.body, &body); problem != nil {
		return reply{}, problem
	}
	r.entry.Target = body.Name
	spec := auth.NewTokenSpec{Name: body.Name}
	for _, s := range body.Scopes {
		spec.Scopes = append(spec.Scopes, auth.Scope(s))
	}
	if body.Expires != "" {
		if spec.Expires, err = time.Parse(time.RFC3339, body.Expires); err != nil {
			return reply{}, adminapi.BadField("expires", `must be a time of RFC 3339, such as "2027-01-31T00:00:00Z"`)
		}
	}
	t, secret, err := register.Create(r.Context(), spec, r.who)
	if err != nil {
		return reply{}, err
	}
	r.entry.Detail = "scopes=" + strings.Join(body.Scopes, ",")
	if body.Expires != "" {
		r.entry.Detail += " expires=" + t.Expires.Format(time.RFC3339)
	}
	out := shown(t)
	out.Token = secret
	return reply{status: http.StatusCreated, etag: t.ETag(), location: "/v1/tokens/" + t.Name, body: out}, nil
}

func (a *api) deleteToken(r *request) (reply, error) {
	name := r.PathValue("name")
	r.entry.Target = name
	register, err := a.register()
	if err != nil {
		return reply{}, err
	}
	match := quota.Precondition{IfMatch: r.header("If-Match")}
	err = register.Delete(r.Context(), name, func(etag string) error {
		err := match.Check(etag)
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
