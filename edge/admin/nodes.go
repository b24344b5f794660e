package admin

import (
	"strconv"

	"github.com/letteros/letteredge/edge/adminapi"
)

func (a *api) listNodes(*request) (reply, error) { return ok(adminapi.NewList(a.Nodes(), "")) }

func (a *api) listRegions(*request) (reply, error) {
	return ok(adminapi.NewList(adminapi.Regions(a.Nodes()), ""))
}

func (a *api) listAudit(r *request) (reply, error) {
	limit, err := r.limit()
	if err != nil {
		return reply{}, err
	}
	var before uint64
	if _, err := r.after(func(cursor string) bool {
		before, err = strconv.ParseUint(cursor, 10, 64)
		return err == nil && before > 0
	}); err != nil {
		return reply{}, err
	}
	// One more than asked for tells whether there is a next page.
	entries, err := a.Audit.List(before, limit+1)
	if err != nil {
		return reply{}, err
	}
	next := ""
	if len(entries) > limit {
		entries = entries[:limit]
		next = strconv.FormatUint(entries[limit-1].Seq, 10)
	}
	items := make([]adminapi.AuditEntry, 0, len(entries))
	for _, e := range entries {
		items = append(items, adminapi.AuditEntry{
			Seq: e.Seq, At: e.At, Principal: e.Principal, Action: e.Action, Target: e.Target,
			Result: string(e.Result), Detail: e.Detail, Remote: e.Remote,
		})
	}
	return ok(adminapi.NewList(items, next))
}
