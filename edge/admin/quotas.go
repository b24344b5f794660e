package admin

import (
	"fmt"
	"net/http"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/quota"
)

func (a *api) listQuotas(r *request) (reply, error) {
	limit, err := r.limit()
	if err != nil {
		return reply{}, err
	}
	after, err := r.after(quota.ValidSegment)
	if err != nil {
		return reply{}, err
	}
	bounds, next, err := a.Quotas.List(after, limit)
	if err != nil {
		return reply{}, err
	}
	items := make([]adminapi.Quota, 0, len(bounds))
	for _, b := range bounds {
		items = append(items, adminapi.Quota{Form: b.Quota.Form()})
	}
	return ok(adminapi.NewList(items, next))
}

// segment is the quota that the path names.
func segment(r *request) (string, error) {
	s := r.PathValue("segment")
	if !quota.ValidSegment(s) {
		return "", adminapi.BadParameter("segment", "must match [a-z][a-z0-9_-]{0,63} or be "+quota.Default)
	}
	return s, nil
}

func (a *api) getQuota(r *request) (reply, error) {
	s, err := segment(r)
	if err != nil {
		return reply{}, err
	}
	b, err := a.Quotas.Get(s)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, etag: b.ETag(), body: adminapi.Quota{Form: b.Quota.Form()}}, nil
}

func (a *api) putQuota(r *request) (reply, error) {
	s, err := segment(r)
	if err != nil {
		return reply{}, err
	}
	q, err := quota.Parse(s, r.body)
	if err != nil {
		return reply{}, err
	}
	r.entry.Detail = fmt.Sprintf("rps=%g burst=%d scope=%s overflow=%s mode=%s priority=%d partition=%s",
		q.RPS, q.Burst, q.Scope, q.Overflow, q.Mode, q.Priority, q.Partition)
	b, created, err := a.Quotas.Put(q, precondition(r))
	if err != nil {
		return reply{}, err
	}
	body := adminapi.Quota{Form: b.Quota.Form()}
	at := b.EffectiveAt.UTC()
	body.EffectiveAt = &at
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return reply{status: status, etag: b.ETag(), body: body}, nil
}

func (a *api) deleteQuota(r *request) (reply, error) {
	s, err := segment(r)
	if err != nil {
		return reply{}, err
	}
	if _, err := a.Quotas.Delete(s, precondition(r)); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}

func precondition(r *request) quota.Precondition {
	return quota.Precondition{IfMatch: r.header("If-Match"), IfNoneMatch: r.header("If-None-Match")}
}
