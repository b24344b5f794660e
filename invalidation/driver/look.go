package driver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/letteros/letteredge/invalidation/rollout"
)

// index and shown ask the origin, each for no longer than askWithin.

func (c *carrier) index(ctx context.Context) (map[string]Listed, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	return c.Origin.Index(ctx)
}

func (c *carrier) shown(ctx context.Context, path, pin string) (Shown, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	return c.Origin.Shows(ctx, path, pin)
}

// look asks the origin until it shows r's candidate and nothing is in the way, or
// until there is another reason to tell why not.
func (c *carrier) look(ctx context.Context, r rollout.Rollout) rollout.Event {
	for {
		shown, reason := c.ready(ctx, r)
		switch {
		case ctx.Err() != nil:
			return nil
		case reason == "":
			return shown
		case reason != r.Reason:
			return rollout.Hidden{Reason: reason}
		}
		select {
		case <-time.After(c.cfg.Poll):
		case <-ctx.Done():
			return nil
		}
	}
}

// ready returns what r begins with, or why it cannot.
func (c *carrier) ready(ctx context.Context, r rollout.Rollout) (rollout.Shown, string) {
	none := rollout.Shown{}
	facts, err := rollout.ReadFacts(c.Records)
	if err != nil {
		return none, "records cannot be read: " + err.Error()
	}
	for _, v := range r.Documents {
		if d := facts.Documents[v.ID]; d.Released != nil && d.Released.Version >= v.Version {
			return none, fmt.Sprintf("%s=%d is released by now; abort this one", v.ID, d.Released.Version)
		}
	}
	listed, reason := c.listed(ctx, r, facts)
	if reason != "" {
		return none, reason
	}
	if reason := shows(r, facts, listed); reason != "" {
		return none, reason
	}
	now := rollout.Index{}
	for path, l := range listed {
		now[path] = rollout.Artifact{Documents: slices.Sorted(maps.Keys(l.Documents)), Languages: l.Languages}
	}
	managed := func(id string) bool {
		d, ok := facts.Documents[id]
		return ok && (d.Released != nil || d.Candidate != nil)
	}
	r.Before, r.After = rollout.Delta(facts.Index, now, r.Has, managed, r.Artifacts)
	for _, id := range slices.Sorted(maps.Keys(facts.Rollouts)) {
		if o := facts.Rollouts[id]; id != r.ID && o.Started() && !o.Final() && r.Meets(o) {
			return none, "waits for rollout " + id + ", which concerns the same artifacts"
		}
	}
	if reason := c.unpushed(ctx, r, facts, listed, managed); reason != "" {
		return none, reason
	}
	members := c.Cluster.Members()
	for i := range members {
		members[i].Alive = members[i].Alive && !c.Cluster.Fenced(members[i].ID)
	}
	if !slices.ContainsFunc(members, func(m rollout.Member) bool { return m.Alive }) {
		return none, "no node can be reached that could go first"
	}
	return rollout.Shown{Members: members, Before: r.Before, After: r.After}, ""
}

// listed is the origin's index. Where it has none, it is the released one, with
// the update's own artifacts as the origin shows them.
func (c *carrier) listed(ctx context.Context, r rollout.Rollout, facts rollout.Facts) (map[string]Listed, string) {
	listed, err := c.index(ctx)
	if err == nil {
		return listed, ""
	}
	if !errors.Is(err, ErrNoIndex) {
		return nil, "the origin does not answer: " + err.Error()
	}
	if len(r.Artifacts) == 0 {
		return nil, "the origin has no index.json, and the update names no artifacts: push it with them"
	}
	listed = map[string]Listed{}
	snapshot := facts.Snapshot("", "")
	for path, a := range facts.Index {
		l := Listed{Documents: map[string]int64{}, Languages: a.Languages}
		for _, id := range a.Documents {
			l.Documents[id], _ = snapshot.Version(id)
		}
		listed[path] = l
	}
	for _, path := range r.Artifacts {
		s, err := c.shown(ctx, path, "")
		switch {
		case err != nil:
			return nil, "the origin does not answer: " + err.Error()
		case s.Status == 404 || s.Status == 410:
			delete(listed, path)
		case s.Status != 200:
			return nil, fmt.Sprintf("the origin answers %d for %s", s.Status, path)
		default:
			listed[path] = Listed{Documents: s.Documents, Languages: facts.Index[path].Languages}
		}
	}
	return listed, ""
}

// shows tells whether an index shows the versions that r brings: "" if so.
func shows(r rollout.Rollout, facts rollout.Facts, listed map[string]Listed) string {
	for _, v := range r.Documents {
		found := false
		for _, path := range slices.Sorted(maps.Keys(listed)) {
			has, there := listed[path].Documents[v.ID]
			switch {
			case !there:
				continue
			case v.Deleted:
				return fmt.Sprintf("the origin renders %s from %s still", path, v.ID)
			case has != v.Version:
				return fmt.Sprintf("the origin shows %s=%d, and %d was pushed", v.ID, has, v.Version)
			}
			found = true
		}
		if found || v.Deleted || r.Plan.Adopt || unlisted(v.ID, facts) {
			continue
		}
		return fmt.Sprintf("the origin lists no artifact that is rendered from %s", v.ID)
	}
	return ""
}

// unlisted reports whether a document is released without being in any artifact.
func unlisted(id string, facts rollout.Facts) bool {
	if facts.Documents[id].Released == nil {
		return false
	}
	for _, a := range facts.Index {
		if slices.Contains(a.Documents, id) {
			return false
		}
	}
	return true
}

// unpushed names a document of r's artifacts that the origin shows in a version
// that nobody pushed, unless the origin gives the released one when asked for it.
func (c *carrier) unpushed(ctx context.Context, r rollout.Rollout, facts rollout.Facts, listed map[string]Listed, managed func(string) bool) string {
	released := facts.Snapshot("", "")
	asked := map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(r.After)) {
		for id, has := range listed[path].Documents {
			want, ok := released.Version(id)
			if r.Has(id) || !managed(id) || !ok || has == want || asked[id] {
				continue
			}
			asked[id] = true
			s, err := c.shown(ctx, path, pin(r, listed[path], released))
			if err != nil {
				return "the origin does not answer: " + err.Error()
			}
			if s.Documents[id] != want {
				return fmt.Sprintf("the origin shows %s=%d, which was not pushed, and does not go back to %d when asked: push it, too", id, has, want)
			}
		}
	}
	return ""
}

// pin is the Docs-Pin that a fill of r's candidate sends for an artifact.
func pin(r rollout.Rollout, l Listed, released *rollout.Snapshot) string {
	var parts []string
	for _, id := range slices.Sorted(maps.Keys(l.Documents)) {
		v, ok := released.Version(id)
		for _, w := range r.Documents {
			if w.ID == id {
				v, ok = w.Version, true
			}
		}
		if ok {
			parts = append(parts, fmt.Sprintf("%s=%d", id, v))
		}
	}
	return strings.Join(parts, ", ")
}
