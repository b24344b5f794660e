package admin

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/invalidation"
)

// keySpread bounds how long a purge with a key waits for the nodes that are to know
// it.
const keySpread = 500 * time.Millisecond

func (a *api) createPurge(r *request) (reply, error) {
	scope, timeout, err := waitOf(r.query)
	if err != nil {
		return reply{}, err
	}
	again, err := repeatOf(r, "purge")
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
		return a.dryRun(r.Context(), selector, timeout)
	}
	receipt, err := a.Purges.Issue(r.Context(), invalidation.Order{
		Selector: selector, Mode: p.Mode, By: r.who.Name, Timeout: timeout, Key: again.key, Body: again.body,
	})
	if err != nil {
		return reply{}, err
	}
	id := receipt.Dot.String()
	r.entry.Detail += ", purge " + id
	location := "/v1/purges/" + url.PathEscape(id)
	if scope == invalidation.ScopeNone {
		if again.key != "" {
			// The purge carries its key: who sends it again through another node, right
			// after this answer, is to be known there. A node that cannot be reached holds
			// nothing up for longer.
			if _, _, err := a.Purges.Wait(r.Context(), id, invalidation.ScopeAll, keySpread); err != nil {
				return reply{}, err
			}
		}
		return reply{status: http.StatusAccepted, location: location, body: adminapi.PurgeAccepted{Purge: id}}, nil
	}
	view, done, err := a.Purges.Wait(r.Context(), id, scope, timeout)
	if err != nil {
		return reply{}, err
	}
	status := http.StatusOK
	if !done {
		status = http.StatusGatewayTimeout
		r.entry.Detail += ", " + view.State
	}
	return reply{status: status, location: location, body: adminapi.PurgeOf(view)}, nil
}

// dryRun counts on all nodes. Those that do not answer within the timeout are
// named without a count.
func (a *api) dryRun(ctx context.Context, selector cachekey.Selector, timeout time.Duration) (reply, error) {
	here, err := a.Purges.DryRun(selector)
	if err != nil {
		return reply{}, err
	}
	counts := here.Nodes
	if a.CountElsewhere != nil {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		counts = append(counts, a.CountElsewhere(ctx, selector)...)
	}
	return ok(adminapi.DryRunOf(counts))
}

// waitOf reads the parameters of a purge's wait.
func waitOf(query url.Values) (invalidation.Scope, time.Duration, error) {
	wait, err := adminapi.ParseWait(query.Get("wait"))
	if err != nil {
		return 0, 0, adminapi.BadParameter("wait", err.Error())
	}
	timeout := adminapi.DefaultTimeout
	if query.Has("timeout") {
		timeout, err = time.ParseDuration(query.Get("timeout"))
		if err != nil || timeout < time.Millisecond || timeout > adminapi.MaxTimeout {
			return 0, 0, adminapi.BadParameter("timeout", "must be a duration with a unit, such as 500ms or 2s, from 1ms to 30s")
		}
	}
	return wait.Scope(), timeout, nil
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
	after, err := r.after(func(id string) bool {
		_, err := a.Purges.Get(id)
		return err == nil
	})
	if err != nil {
		return reply{}, err
	}
	views, next := a.Purges.List(after, limit)
	items := make([]adminapi.Purge, 0, len(views))
	for _, v := range views {
		items = append(items, adminapi.PurgeOf(v))
	}
	return ok(adminapi.NewList(items, next))
}
