package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/letteros/letteredge/bench/docsorigin"
	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/client"
)

// docsDir is a folder of documents.
type docsDir struct {
	Dir string `arg:"" help:"The folder of documents."`
}

// edit is what a folder and the records say of one document.
type edit struct {
	ID      string `json:"id"`
	Change  string `json:"change"` // new, changed, deleted, unused
	From    int64  `json:"from"`   // what is released; 0 for nothing
	Version int64  `json:"version"`

	push adminapi.DocsVersion
}

// The changes of a document.
const (
	editNew     = "new"
	editChanged = "changed"
	editDeleted = "deleted"
	// editUnused: nothing is rendered from it, so that no node could show it.
	editUnused = "unused"
)

// staleVersion says that a file's version must be raised.
type staleVersion struct {
	files []string
	next  int64
	why   string
}

func (e *staleVersion) Error() string {
	return fmt.Sprintf("%s: version: %s; raise it to %d, or push with --bump", strings.Join(e.files, ", "), e.why, e.next)
}

// records are what the cluster knows of documents.
type records struct {
	documents []adminapi.Document
	rollouts  []adminapi.Rollout
}

func readRecords(ctx context.Context, api *client.Client) (r records, err error) {
	if r.documents, err = api.Documents(ctx); err != nil {
		return r, err
	}
	r.rollouts, err = api.Rollouts(ctx, 0)
	return r, err
}

// onTheirWay returns the versions of each document that rollouts may still bring,
// also those that wait and are no candidates yet.
func (r records) onTheirWay() map[string][]adminapi.DocsVersion {
	all := map[string][]adminapi.DocsVersion{}
	for _, o := range r.rollouts {
		switch o.State {
		case "waiting", "running", "paused":
			for _, v := range o.Documents {
				all[v.ID] = append(all[v.ID], v)
			}
		}
	}
	return all
}

// compare holds a folder against what is recorded. stale are the documents whose
// version must be raised first.
func compare(folder []docsorigin.Listed, known records) (edits []edit, stale []*staleVersion) {
	onTheirWay := known.onTheirWay()
	recorded := map[string]adminapi.Document{}
	for _, d := range known.documents {
		recorded[d.ID] = d
	}
	for _, l := range folder {
		d, ok := recorded[l.ID]
		delete(recorded, l.ID)
		there := ok && d.Version > 0 && !d.Deleted
		e := edit{ID: l.ID, Change: editChanged, Version: l.Version, push: adminapi.DocsVersion{ID: l.ID, Version: l.Version, Digest: l.Digest, Tags: l.Tags}}
		if there {
			e.From = d.Version
		} else {
			e.Change = editNew
		}
		why := ""
		underWay := slices.ContainsFunc(onTheirWay[l.ID], func(v adminapi.DocsVersion) bool {
			return v.Version == l.Version && v.Digest == l.Digest
		})
		switch {
		case underWay: // pushing it again is the same push
		case there && d.Version == l.Version && d.Digest == l.Digest:
			continue
		case there && d.Version == l.Version:
			why = fmt.Sprintf("the text differs from version %d, which is released", l.Version)
		case there && l.Version < d.Version:
			why = fmt.Sprintf("is %d, and %d is released", l.Version, d.Version)
		case l.Version <= d.Highest:
			why = fmt.Sprintf("is %d, and %d was pushed before and is not shown: a number is never used again", l.Version, d.Highest)
		}
		if why != "" {
			stale = append(stale, &staleVersion{l.Files, max(d.Highest, l.Version) + 1, why})
			continue
		}
		if !l.Used && !there {
			e.Change = editUnused
		}
		edits = append(edits, e)
	}
	for _, d := range known.documents {
		if _, gone := recorded[d.ID]; !gone || d.Version == 0 || d.Deleted {
			continue
		}
		next := d.Highest + 1
		for _, v := range onTheirWay[d.ID] {
			if v.Deleted {
				next = v.Version
			}
		}
		edits = append(edits, edit{ID: d.ID, Change: editDeleted, From: d.Version, Version: next,
			push: adminapi.DocsVersion{ID: d.ID, Version: next, Deleted: true}})
	}
	return edits, stale
}

// read compares the folder with what is recorded; with bump versions are raised
// in the files first.
func (c docsDir) read(ctx context.Context, api *client.Client, bump bool) ([]edit, []*staleVersion, error) {
	folder, err := docsorigin.List(c.Dir)
	if err != nil {
		return nil, nil, wrongUse{fmt.Errorf("%s: %w", c.Dir, err)}
	}
	if len(folder) == 0 {
		// A path that was mistyped must not delete all that is released.
		return nil, nil, wrongUse{fmt.Errorf("%s: holds no document; to delete all of them, push the deletions through POST /v1/docs/updates", c.Dir)}
	}
	known, err := readRecords(ctx, api)
	if err != nil {
		return nil, nil, err
	}
	edits, stale := compare(folder, known)
	if !bump || len(stale) == 0 {
		return edits, stale, nil
	}
	for _, s := range stale {
		for _, file := range s.files {
			if err := raise(filepath.Join(c.Dir, file), s.next); err != nil {
				return nil, nil, err
			}
		}
	}
	if folder, err = docsorigin.List(c.Dir); err != nil {
		return nil, nil, err
	}
	edits, stale = compare(folder, known)
	return edits, stale, nil
}

var versionLine = regexp.MustCompile(`(?m)^(version:[ \t]*)[0-9]+`)

// raise writes a version into a file; the file appears whole, by rename.
func raise(path string, version int64) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("raise the version: %w", err)
	}
	at := versionLine.FindSubmatchIndex(text) // the first is the front matter's
	if at == nil {
		return fmt.Errorf("raise the version: %s has no line version: N", path)
	}
	next := append([]byte{}, text[:at[3]]...)
	next = append(fmt.Appendf(next, "%d", version), text[at[1]:]...)
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("raise the version: %w", err)
	}
	// A dot file is no document to whoever reads the folder meanwhile.
	tmp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	if err = os.WriteFile(tmp, next, info.Mode().Perm()); err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("raise the version: %w", err), os.Remove(tmp))
	}
	return nil
}

type docsDiff struct{ docsDir }

func (c *docsDiff) Run(ctx context.Context, api *client.Client, p *printer) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	edits, stale, err := c.read(ctx, api, false)
	if err != nil {
		return err
	}
	if done, err := p.object(adminapi.NewList(edits, "")); done {
		return errors.Join(err, joined(stale))
	}
	if len(edits) == 0 && len(stale) == 0 {
		return p.line("unchanged")
	}
	if len(edits) > 0 {
		if err := p.edits(edits); err != nil {
			return err
		}
	}
	return joined(stale)
}

func (p *printer) edits(edits []edit) error {
	rows := make([][]string, 0, len(edits))
	for _, e := range edits {
		from := ""
		if e.From > 0 {
			from = fmt.Sprint(e.From)
		}
		rows = append(rows, []string{e.ID, e.Change, from, fmt.Sprint(e.Version)})
	}
	return p.table([]string{"DOCUMENT", "CHANGE", "RELEASED", "VERSION"}, rows)
}

func joined(stale []*staleVersion) error {
	var errs []error
	for _, s := range stale {
		errs = append(errs, s)
	}
	return errors.Join(errs...)
}

type docsPush struct {
	docsDir
	Bump     bool          `help:"Raise the version in files whose text has changed without."`
	Plan     string        `help:"The plan of the rollout." placeholder:"NAME"`
	DryRun   bool          `help:"Only tell whether it would be accepted."`
	NoFollow bool          `help:"Do not wait for the rollout."`
	Timeout  time.Duration `help:"How long to follow the rollout; without end unless given." placeholder:"D"`
}

// Validate refuses a timeout that is none.
func (c *docsPush) Validate() error {
	if c.Timeout < 0 {
		return fmt.Errorf("--timeout must be above 0, not %s", c.Timeout)
	}
	return nil
}

// pushed is the last line of a push.
type pushed struct {
	Rollout *string `json:"rollout"`
	State   string  `json:"state"`
	Stage   string  `json:"stage,omitempty"`
	Reason  string  `json:"reason,omitempty"`
}

func (c *docsPush) Run(ctx context.Context, api *client.Client, p *printer) error {
	short, cancel := limited(ctx)
	defer cancel()
	edits, stale, err := c.read(short, api, c.Bump)
	if err == nil {
		err = joined(stale)
	}
	if err != nil {
		return err
	}
	update := adminapi.DocsUpdate{Plan: c.Plan, DryRun: c.DryRun}
	for _, e := range edits {
		if e.Change != editUnused {
			update.Documents = append(update.Documents, e.push)
		}
	}
	if len(update.Documents) == 0 {
		return p.pushed(pushed{State: "unchanged"})
	}
	if !p.json {
		if err := p.edits(edits); err != nil {
			return err
		}
	}
	accepted, err := api.UpdateDocs(short, update, "")
	if err != nil {
		return err
	}
	if accepted.Rollout == nil || c.NoFollow {
		return p.pushed(pushed{Rollout: accepted.Rollout, State: accepted.State})
	}
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Timeout)
		defer cancel()
	}
	last, err := p.followRollout(ctx, api, *accepted.Rollout)
	if last.Rollout == "" {
		last.Rollout, last.State = *accepted.Rollout, accepted.State
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("rollout %s is %s after %s: %s", last.Rollout, last.State, c.Timeout, last.Reason)
	}
	return errors.Join(p.pushed(pushed{&last.Rollout, last.State, last.Stage, last.Reason}), err, notDone(last, err))
}

// notDone is the error of a rollout that ended otherwise; nil where there is one
// already.
func notDone(r adminapi.Rollout, err error) error {
	if err != nil || r.State == "done" {
		return nil
	}
	return fmt.Errorf("rollout %s is %s: %s", r.Rollout, r.State, r.Reason)
}

// pushed prints the last line of a push.
func (p *printer) pushed(v pushed) error {
	if !p.json {
		if v.Rollout == nil {
			return p.line("%s", v.State)
		}
		return p.line("rollout %s: %s", printable(*v.Rollout), printable(v.State))
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return p.line("%s", text)
}
