package rollout

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Update is what somebody asks for: the body of POST /v1/docs/updates.
type Update struct {
	Documents []Version
	// Artifacts are paths that change although no index says so.
	Artifacts []string
	Plan      Plan
	By        string
}

// Reasons to refuse an update or a command: a *ConflictError is one of them.
var (
	// ErrConflict: what is asked for does not fit what is recorded.
	ErrConflict = errors.New("conflict")
	// ErrUnknown: there is no such rollout.
	ErrUnknown = errors.New("there is no such rollout")
)

// ConflictError says what an update or a command does not fit.
type ConflictError struct{ Reason string }

// Error returns the reason.
func (e *ConflictError) Error() string { return e.Reason }

// Is makes it an ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

func conflict(format string, args ...any) error { return &ConflictError{fmt.Sprintf(format, args...)} }

// Validate checks the form of u. The error is a *FieldError.
func (u Update) Validate() error {
	if len(u.Documents) == 0 || len(u.Documents) > MaxDocuments {
		return &FieldError{"documents", fmt.Sprintf("must name 1 to %d", MaxDocuments)}
	}
	if len(u.Artifacts) > MaxArtifacts {
		return &FieldError{"artifacts", fmt.Sprintf("must name at most %d", MaxArtifacts)}
	}
	seen := map[string]bool{}
	for i, v := range u.Documents {
		if err := v.validate(i); err != nil {
			return err
		}
		if seen[v.ID] {
			return &FieldError{fmt.Sprintf("documents[%d].id", i), "is there twice"}
		}
		seen[v.ID] = true
	}
	for i, path := range u.Artifacts {
		if _, ok := Path(path); !ok {
			return &FieldError{fmt.Sprintf("artifacts[%d]", i), "must be the path of a CTA, a Proof or a Campaign, such as /v1/segments/b2b/ctas/trial"}
		}
		if slices.Contains(u.Artifacts[:i], path) {
			return &FieldError{fmt.Sprintf("artifacts[%d]", i), "is there twice"}
		}
	}
	return nil
}

// Accepted is what becomes of an update.
type Accepted struct {
	// Rollout is the one that carries it out. Its ID is empty if nothing changes.
	Rollout Rollout
	// Existing: the very same update was accepted before, and is under way.
	Existing bool
	// Documents are the records that change: those of the rollout's documents.
	Documents map[string]Document
	// Overtaken are waiting rollouts that the new one takes documents from, as they
	// are then.
	Overtaken []Rollout
}

// Accept decides about a valid update by the records of its documents and all
// rollouts. The error is a *ConflictError, which names both versions or digests.
func Accept(u Update, id string, now time.Time, documents map[string]Document, rollouts []Rollout) (Accepted, error) {
	var fresh []Version
	running := map[string]int{}
	for _, v := range u.Documents {
		d := documents[v.ID]
		if u.Plan.Adopt && (d.Released != nil || d.Highest > 0) {
			continue
		}
		unchanged, by, err := d.admit(v)
		if err != nil {
			return Accepted{}, err
		}
		if unchanged {
			continue
		}
		if by != "" && open(rollouts, by) {
			running[by]++
		} else if by != "" {
			return Accepted{}, conflict("document %s: version %d was pushed before, by rollout %s, and is not what is shown now; a number is never used again: raise it above %d", v.ID, v.Version, by, d.Highest)
		}
		fresh = append(fresh, v)
	}
	if len(fresh) == 0 {
		return Accepted{}, nil
	}
	for _, by := range slices.Sorted(maps.Keys(running)) {
		n := running[by]
		i := slices.IndexFunc(rollouts, func(r Rollout) bool { return r.ID == by })
		if n == len(fresh) && len(rollouts[i].Documents) == n {
			return Accepted{Rollout: rollouts[i], Existing: true}, nil
		}
		if rollouts[i].State == Waiting {
			continue // it has touched nothing: they are taken from it
		}
		return Accepted{}, conflict("rollout %s brings some of these versions already, with others; wait for it, or abort it", by)
	}
	r := Rollout{
		ID: id, State: Waiting, Stage: Edge, Stages: []Stage{}, Documents: fresh, Artifacts: u.Artifacts,
		Plan: u.Plan, Created: now.UTC(), By: u.By,
	}
	a := Accepted{Rollout: r, Documents: map[string]Document{}}
	for i, v := range fresh {
		v.Rollout = id
		r.Documents[i] = v
		d := documents[v.ID].clone()
		d.ID = v.ID
		d.push(v)
		a.Documents[v.ID] = d
	}
	for _, o := range rollouts {
		if ids := o.common(r); o.State == Waiting && len(ids) > 0 {
			next, _ := Next(o, Overtaken{ids, id})
			a.Overtaken = append(a.Overtaken, next)
		}
	}
	return a, nil
}

// open reports whether a rollout may still bring its versions.
func open(rollouts []Rollout, id string) bool {
	return slices.ContainsFunc(rollouts, func(r Rollout) bool {
		return r.ID == id && (r.State == Waiting || r.State == Running || r.State == Paused)
	})
}

// admit decides about a version of d: it is what is released, or was pushed
// before by a rollout, or is new.
func (d Document) admit(v Version) (unchanged bool, by string, err error) {
	known := d.Pushed
	if d.Released != nil {
		known = append([]Version{*d.Released}, known...)
	}
	for _, k := range known {
		if k.Version != v.Version {
			continue
		}
		if !k.same(v) {
			return false, "", conflict("document %s: version %d is recorded as %s, and this is %s; raise the version", v.ID, v.Version, k.text(), v.text())
		}
		if d.Released != nil && d.Released.Version == v.Version {
			return true, "", nil
		}
		return false, k.Rollout, nil
	}
	if v.Version <= d.Highest {
		return false, "", conflict("document %s: version %d is not above %d, the highest that was used", v.ID, v.Version, d.Highest)
	}
	return false, "", nil
}

// Revert checks that a done rollout can be rolled back: that what it released is
// shown still, and that there is something to go back to.
func Revert(r Rollout, b Book) error {
	if r.State != Done {
		return conflict("rollout %s is %s; only a done one is rolled back", r.ID, r.State)
	}
	for _, v := range r.Documents {
		d := b.Documents[v.ID]
		switch {
		case d.Released == nil || d.Released.Rollout != r.ID:
			return conflict("document %s: version %d is not what is released any more", v.ID, v.Version)
		case d.Candidate != nil:
			return conflict("document %s: rollout %s is under way", v.ID, d.Candidate.Rollout)
		case len(d.Former) == 0:
			return conflict("document %s: there is no version before %d to go back to", v.ID, v.Version)
		}
	}
	for path, a := range r.After {
		if now, ok := b.Index[path]; !ok || !now.equal(a) {
			return conflict("artifact %s has been changed since", path)
		}
	}
	return nil
}
