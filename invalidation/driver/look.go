package driver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/letteros/letteredge/gossip"
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
		facts, err := rollout.ReadFacts(c.Records)
		if err != nil {
			return rollout.Hidden{Reason: "records cannot be read: " + err.Error()}
		}
		if now, ok := facts.Rollouts[r.ID]; ok {
			r = now // others may have taken documents from it
		}
		if overtaken := rollout.OvertakenBy(r, facts.Documents); overtaken != nil {
			return overtaken
		}
		shown, reason := c.ready(ctx, r, facts)
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
func (c *carrier) ready(ctx context.Context, r rollout.Rollout, facts rollout.Facts) (rollout.Shown, string) {
	none := rollout.Shown{}
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
		if facts.Rollouts[id].Holds(r) {
			return none, "waits for rollout " + id + ", which concerns the same artifacts"
		}
	}
	if reason := c.unpushed(ctx, r, facts, listed, managed); reason != "" {
		return none, reason
	}
	if reason := c.behind(ctx, r, facts, listed); reason != "" {
		return none, reason
	}
	members := c.Cluster.Members()
	for i := range members {
		members[i].Alive = members[i].Alive && !c.Cluster.Silent(members[i].ID)
	}
	if !slices.ContainsFunc(members, func(m rollout.Member) bool { return m.Alive }) {
		return none, "no node can be reached that could go first"
	}
	return rollout.Shown{Documents: r.Documents, Members: members, Before: r.Before, After: r.After}, ""
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
				if o, waits := bringer(id, has, facts); waits {
					return c.together(ctx, r, o)
				}
				return fmt.Sprintf("the origin shows %s=%d, which was not pushed, and does not go back to %d when asked: push it, too", id, has, want)
			}
		}
	}
	return ""
}

// maxLooks bounds the artifacts that are looked at before a rollout begins.
const maxLooks = 16

// behind names a document that the origin lists in its new version, and renders in an
// older one: its list may be ahead of its pages. Whatever else is wrong with what it
// answers is for a node's checks.
func (c *carrier) behind(ctx context.Context, r rollout.Rollout, facts rollout.Facts, listed map[string]Listed) string {
	released := facts.Snapshot("", "")
	seen, looks := map[string]bool{}, 0
	for _, path := range slices.Sorted(maps.Keys(r.After)) {
		l, there := listed[path]
		if !there || looks >= maxLooks || !slices.ContainsFunc(r.Documents, func(v rollout.Version) bool {
			_, rendered := l.Documents[v.ID]
			return rendered && !v.Deleted && !seen[v.ID]
		}) {
			continue
		}
		looks++
		s, err := c.shown(ctx, path, pin(r, l, released))
		if err != nil || s.Status != 200 {
			continue
		}
		for _, v := range r.Documents {
			if has, ok := s.Documents[v.ID]; ok {
				if seen[v.ID] = true; has < v.Version {
					return fmt.Sprintf("the origin lists %s=%d, and still answers %s with %s=%d", v.ID, v.Version, path, v.ID, has)
				}
			}
		}
	}
	return ""
}

// bringer returns the waiting rollout that brings a version.
func bringer(id string, version int64, facts rollout.Facts) (rollout.Rollout, bool) {
	for _, o := range facts.Rollouts {
		if o.State == rollout.Waiting && slices.ContainsFunc(o.Documents, func(v rollout.Version) bool { return v.ID == id && v.Version == version }) {
			return o, true
		}
	}
	return rollout.Rollout{}, false
}

// together has r and o become one, as the origin shows what both bring and does not
// go back (SEMANTICS §4): the later one takes over what the earlier brings. It
// returns why r has not begun.
func (c *carrier) together(ctx context.Context, r, o rollout.Rollout) string {
	why := rollout.Together(r, o)
	if why == "" {
		why = "they go together"
		if r.Created.After(o.Created) || r.Created.Equal(o.Created) && r.ID > o.ID {
			if err := c.merge(ctx, r.ID, o.ID, slices.Concat(r.Keys(), o.Keys())); err != nil {
				why = err.Error()
			}
		}
	}
	return fmt.Sprintf("the origin shows what rollout %s brings, and does not go back when asked: %s", o.ID, why)
}

func (c *carrier) merge(ctx context.Context, to, from string, keys []string) error {
	slices.Sort(keys)
	_, err := c.Ledger.Update(ctx, slices.Compact(keys), func(now map[string]gossip.Record) (gossip.Txn, error) {
		r, err := rollout.ReadRollout(now[rollout.RolloutKey+to])
		if err != nil {
			return gossip.Txn{}, err
		}
		o, err := rollout.ReadRollout(now[rollout.RolloutKey+from])
		if err != nil || r.Term > c.term || o.Term > c.term {
			return gossip.Txn{}, err
		}
		puts, err := rollout.Merge(r, o, c.term, now)
		return gossip.Txn{Puts: puts}, err
	})
	return err
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
