package admin

import (
	"context"
	"crypto/sha256"
	"net/http"
	"net/url"
	"time"

	"github.com/letteros/letteredge/edge/adminapi"
)

func (a *api) createPurge(r *request) (reply, error) {
	wait, err := waitOf(r.query)
	if err != nil {
		return reply{}, err
	}
	key, err := idempotencyKey(r)
	if err != nil {
		return reply{}, err
	}
	var p adminapi.PurgeRequest
	if problem := adminapi.Decode(r.body, &p); problem != nil {
		return reply{}, problem
	}
	selector, err := p.Select.Canonical()
	if err != nil {
		return reply{}, adminapi.BadField("select", "is required: it must have one of tags, keys, prefix, host, segment, all")
	}
	r.entry.Target = selector.String()
	r.entry.Detail = p.Mode.String()
	if p.DryRun {
		r.entry.Detail += ", dry run"
		estimate, err := a.Purges.DryRun(selector)
		if err != nil {
			return reply{}, err
		}
		return ok(adminapi.DryRunOf(estimate))
	}
	// A client that goes away after the purge was asked for must not leave it
	// half known: durable, but with its key not kept.
	ctx := context.WithoutCancel(r.Context())
	id, err := a.keys.once(r.Context(), key, sha256.Sum256(r.body), func() (string, error) {
		receipt, err := a.Purges.Purge(ctx, selector, p.Mode, r.who.Name)
		return receipt.Dot.String(), err
	})
	if err != nil {
		return reply{}, err
	}
	r.entry.Detail += ", purge " + id
	location := "/v1/purges/" + url.PathEscape(id)
	if wait == adminapi.WaitNone {
		return reply{status: http.StatusAccepted, location: location, body: adminapi.PurgeAccepted{Purge: id}}, nil
	}
	// A node that stands alone is its region and all there is: what it has
	// applied is complete in either scope.
	view, err := a.Purges.Get(id)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, location: location, body: adminapi.PurgeOf(view)}, nil
}

// waitOf reads the parameters of a purge's wait.
func waitOf(query url.Values) (adminapi.Wait, error) {
	wait, err := adminapi.ParseWait(query.Get("wait"))
	if err != nil {
		return "", adminapi.BadParameter("wait", err.Error())
	}
	if text := query.Get("timeout"); query.Has("timeout") {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 || d > adminapi.MaxTimeout {
			return "", adminapi.BadParameter("timeout", "must be a duration with a unit, such as 500ms or 2s, above 0 and at most 30s")
		}
	}
	return wait, nil
}

func (a *api) getPurge(r *request) (reply, error) {
	view, err := a.Purges.Get(r.PathValue("id"))
	if err != nil {
		return reply{}, err
	}
	return ok(adminapi.PurgeOf(view))
}

func (a *api) listPurges(r *request) (reply, error) {
	limit, err := r.limit()
	if err != nil {
		return reply{}, err
	}
	views, next := a.Purges.List(r.query.Get("after"), limit)
	items := make([]adminapi.Purge, 0, len(views))
	for _, v := range views {
		items = append(items, adminapi.PurgeOf(v))
	}
	return ok(adminapi.NewList(items, next))
}
