package docsorigin

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// proofsFile holds an edition's Proofs by segment beside its documents.
const proofsFile = "proofs.json"

// history keeps editions as folders DIR/ID/VERSION of the files as they were,
// modification times included. A folder appears whole, by rename, and never
// changes.
type history struct {
	dir    string
	limits Limits
	md     markdown
}

func openHistory(dir string, limits Limits, md markdown) (*history, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	return &history{dir: dir, limits: limits, md: md}, nil
}

func (h *history) path(id string, version int64) string {
	return filepath.Join(h.dir, id, strconv.FormatInt(version, 10))
}

// load gives nil for a version that is not there.
func (h *history) load(id string, version int64) (*edition, error) {
	dir := h.path(id, version)
	if _, err := os.Stat(dir); err != nil {
		return nil, nil // where it cannot be looked at either, save will say why
	}
	f := newFolder(os.DirFS(dir), h.limits)
	if _, err := f.scan(); err != nil {
		return nil, fmt.Errorf("load version %d of %s from history: %w", version, id, err)
	}
	editions, byID, _, ps := assemble(f.sources())
	e := editions[id]
	if err := ps.err(); err != nil || e == nil || e.version != version {
		return nil, fmt.Errorf("load version %d of %s from history: damaged: %w", version, id, errors.Join(err, errDamaged))
	}
	if e.kind == CTA {
		data, err := os.ReadFile(filepath.Join(dir, proofsFile))
		if err == nil {
			err = json.Unmarshal(data, &e.proofs)
		}
		if err != nil {
			return nil, fmt.Errorf("load version %d of %s from history: %w", version, id, err)
		}
	}
	e.render(h.md, byID[id])
	return e, nil
}

var errDamaged = errors.New("the folder does not hold that version")

// save writes an edition. If that version is there already, it is returned
// and stays as it is. Of more than keep versions the lowest are removed.
func (h *history) save(e *edition, keep int) (first *edition, err error) {
	if err := os.MkdirAll(filepath.Join(h.dir, e.id), 0o755); err != nil {
		return nil, fmt.Errorf("save version %d of %s: %w", e.version, e.id, err)
	}
	tmp, err := os.MkdirTemp(h.dir, ".new-")
	if err != nil {
		return nil, fmt.Errorf("save version %d of %s: %w", e.version, e.id, err)
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil { // MkdirTemp's is for its owner alone
		return nil, fmt.Errorf("save version %d of %s: %w", e.version, e.id, err)
	}
	if err := h.write(tmp, e); err != nil {
		return nil, fmt.Errorf("save version %d of %s: %w", e.version, e.id, err)
	}
	// A rename onto a folder that is not empty fails: the first to come wins.
	if err := os.Rename(tmp, h.path(e.id, e.version)); err != nil {
		first, loadErr := h.load(e.id, e.version)
		if first == nil {
			return nil, fmt.Errorf("save version %d of %s: %w", e.version, e.id, errors.Join(err, loadErr))
		}
		return first, nil
	}
	return nil, h.trim(e.id, keep)
}

func (h *history) write(dir string, e *edition) error {
	for name, data := range e.files {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, data, 0o644); err != nil {
			return err
		}
		if err := os.Chtimes(file, time.Time{}, e.modified); err != nil {
			return err
		}
	}
	if e.kind != CTA {
		return nil
	}
	data, err := json.Marshal(e.proofs)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, proofsFile), data, 0o644)
}

// versions lists what is kept of a document, ascending.
func (h *history) versions(id string) []int64 {
	entries, err := os.ReadDir(filepath.Join(h.dir, id))
	if err != nil {
		return nil // nothing kept: the folder comes with the first version
	}
	var all []int64
	for _, entry := range entries {
		if v, ok := parseVersion(entry.Name()); ok {
			all = append(all, v)
		}
	}
	slices.Sort(all)
	return all
}

func (h *history) highest(id string) int64 {
	if all := h.versions(id); len(all) > 0 {
		return all[len(all)-1]
	}
	return 0
}

func (h *history) trim(id string, keep int) error {
	all := h.versions(id)
	for _, v := range all[:max(0, len(all)-keep)] {
		if err := os.RemoveAll(h.path(id, v)); err != nil {
			return fmt.Errorf("trim history of %s: %w", id, err)
		}
	}
	return nil
}
