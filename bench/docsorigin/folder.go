package docsorigin

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// racyWindow is how long after its last change a file is not trusted to be
// what was read, even with the same size and time: two writes within one tick
// of the file system's clock (up to 10 ms) cannot be told apart by stat, and
// `version: 42` is as long as `version: 43`. Git calls such entries racy.
const racyWindow = 2 * time.Second

// readTries is how often a file that changes while it is read is read again.
const readTries = 3

// folder reads a directory of documents, and of those it knows only the ones
// that changed. Sub-folders, dot files and files that are not `*.md` are not
// documents. Not safe for concurrent use.
type folder struct {
	fsys   fs.FS
	limits Limits
	known  map[string]*read
}

// read is a source and the stat it was read at.
type read struct {
	source  *source
	info    fs.FileInfo
	settled bool // the stat can be trusted: see racyWindow
}

func newFolder(fsys fs.FS, limits Limits) *folder {
	return &folder{fsys: fsys, limits: limits, known: map[string]*read{}}
}

// scan brings known up to date. changed tells whether anything differs from
// the scan before. An error means that the folder itself cannot be read.
func (f *folder) scan() (changed bool, err error) {
	entries, err := fs.ReadDir(f.fsys, ".")
	if err != nil {
		return false, fmt.Errorf("read the folder of documents: %w", err)
	}
	seen := map[string]bool{}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".md") || strings.HasPrefix(name, ".") || entry.IsDir() {
			continue
		}
		if seen[name] = true; len(seen) > f.limits.Files {
			return false, fmt.Errorf("read the folder of documents: more than %d files", f.limits.Files)
		}
		if f.refresh(name) {
			changed = true
		}
	}
	for name := range f.known {
		if !seen[name] {
			delete(f.known, name)
			changed = true
		}
	}
	return changed, nil
}

// refresh reads one file where its stat says, or cannot exclude, that it
// changed.
func (f *folder) refresh(name string) (changed bool) {
	old := f.known[name]
	info, err := fs.Stat(f.fsys, name)
	if err == nil && old != nil && old.settled && sameStat(old.info, info) {
		return false
	}
	if errors.Is(err, fs.ErrNotExist) { // removed since the directory was listed
		delete(f.known, name)
		return old != nil
	}
	data, info, reason := f.load(name)
	now := &read{info: info, settled: info != nil && time.Since(info.ModTime()) > racyWindow}
	if old != nil && sameContent(old.source, data, reason) {
		now.source = old.source
		f.known[name] = now
		return false
	}
	now.source = &source{name: name, data: data}
	if reason != "" {
		now.source.problems.add(name, "file", 0, "%s", reason)
	} else {
		now.source.modified = info.ModTime()
		doc, err := ParseDocument(name, data)
		now.source.doc = doc
		now.source.problems, _ = errors.AsType[Problems](err)
	}
	f.known[name] = now
	return true
}

func sameStat(a, b fs.FileInfo) bool {
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

// sameContent tells whether a file reads as it did. A file that could not be
// read has no data, and its reason as its only problem.
func sameContent(old *source, data []byte, reason string) bool {
	if reason != "" {
		return old.data == nil && len(old.problems) == 1 && old.problems[0].Reason == reason
	}
	return old.data != nil && string(old.data) == string(data)
}

// load reads a file whole: a stat before and after must agree, or somebody is
// writing it. reason says why it cannot be read, for its author; info is nil
// then, so that the file is tried again.
func (f *folder) load(name string) (data []byte, info fs.FileInfo, reason string) {
	for range readTries {
		before, err := fs.Stat(f.fsys, name)
		if err != nil {
			return nil, nil, "cannot be read: " + plain(err)
		}
		if !before.Mode().IsRegular() {
			return nil, nil, "must be a regular file"
		}
		if before.Size() > f.limits.FileBytes {
			return nil, nil, fmt.Sprintf("must be at most %d bytes", f.limits.FileBytes)
		}
		data, err = f.content(name)
		if err != nil {
			return nil, nil, "cannot be read: " + plain(err)
		}
		after, err := fs.Stat(f.fsys, name)
		if err == nil && before.Size() == after.Size() && before.ModTime().Equal(after.ModTime()) && int64(len(data)) == after.Size() {
			return data, after, ""
		}
	}
	return nil, nil, "changes while it is read"
}

func (f *folder) content(name string) ([]byte, error) {
	file, err := f.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, f.limits.FileBytes+1))
	if data == nil {
		data = []byte{}
	}
	return data, err
}

// plain is an error's cause without the path, which the problem names already.
func plain(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

func (f *folder) sources() []*source {
	all := make([]*source, 0, len(f.known))
	for _, r := range f.known {
		all = append(all, r.source)
	}
	return all
}
