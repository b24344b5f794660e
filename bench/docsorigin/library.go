package docsorigin

import (
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// library is the folder as the origin shows it: for every document the edition
// that is current, and what is wrong with the files.
type library struct {
	md      markdown
	archive *archive
	log     *slog.Logger
	reread  time.Duration
	now     func() time.Time

	shown   atomic.Pointer[shelf]
	started atomic.Int64 // looks at the folder begun

	mu      sync.Mutex // guards what follows: one look at a time
	folder  *folder
	looked  time.Time        // when the last look began
	failed  string           // why the folder could not be read, "" if it could
	unsaved map[string]error // by id: a version that could not be written to history
}

// shelf is an immutable state of the library.
type shelf struct {
	current  map[string]*edition
	problems Problems
	index    []byte
}

func newLibrary(fsys fs.FS, o Options, a *archive, md markdown) *library {
	return &library{
		md: md, archive: a, log: o.Log, reread: o.Reread, now: o.Now,
		folder: newFolder(fsys, o.Limits), unsaved: map[string]error{},
	}
}

// look gives a shelf no older than the call (or than Reread, where that is
// set): a push tool writes a file and asks in the same breath.
//
// A look serves all who were waiting before it began. The numbers: A looks
// (started = 1). B and C arrive, note 1 and wait for mu, since A may have
// passed by the file they are about. B gets mu, finds nothing begun since it
// came, looks (started = 2). C gets mu, finds 2 > 1: what B saw is no older
// than C's arrival, and B is done, since C has mu.
func (l *library) look() *shelf { return l.lookSince(l.started.Load()) }

// lookSince is look for who arrived when that many looks had begun.
func (l *library) lookSince(arrived int64) *shelf {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started.Load() > arrived {
		return l.shown.Load()
	}
	now := l.now()
	if s := l.shown.Load(); s != nil && l.reread > 0 && now.Sub(l.looked) < l.reread && !now.Before(l.looked) {
		return s
	}
	l.started.Add(1)
	l.looked = now
	changed, err := l.folder.scan()
	old, failed := l.shown.Load(), ""
	if err != nil {
		failed = plain(err)
	}
	if old == nil || changed || failed != l.failed {
		l.failed = failed
		l.showLocked(old)
	}
	return l.shown.Load()
}

// showLocked decides anew what is current.
func (l *library) showLocked(old *shelf) {
	s := l.decideLocked(old)
	if l.failed != "" { // a folder that is away leaves its sources as they were
		s.problems.add("", "folder", 0, "%s", l.failed)
	}
	for id, err := range l.unsaved {
		s.problems.add(id+".md", "history", 0, "%v", err)
	}
	s.problems = s.problems.distinct()
	s.index = indexOf(s.current, l.pickFrom(s.current))
	l.report(old, s)
	l.shown.Store(s)
}

// decideLocked holds what the files say against what was shown before.
func (l *library) decideLocked(old *shelf) *shelf {
	editions, byID, present, ps := assemble(l.folder.sources())
	former := l.archive.latest // an origin that starts again goes on from its history
	if old != nil {
		former = func(id string) *edition { return old.current[id] }
	}
	next, fresh := map[string]*edition{}, map[string]bool{}
	for id := range present {
		e, isNew, problem := l.choose(editions[id], id, former)
		if problem != nil {
			ps = append(ps, problem)
		}
		if e != nil {
			next[id], fresh[id] = e, isNew
		}
	}
	ps = append(ps, l.settleLinks(next, fresh, former)...)
	for _, id := range slices.Sorted(maps.Keys(fresh)) {
		if e := next[id]; e != nil && fresh[id] {
			next[id] = l.keepLocked(e, byID[id], next)
		}
	}
	return &shelf{current: next, problems: append(ps, unlistedProofs(next)...)}
}

// unlistedProofs tells authors where a cta's Proofs came or went without a new
// version of the cta.
func unlistedProofs(current map[string]*edition) (ps Problems) {
	for id, e := range current {
		if e.kind == CTA && !maps.EqualFunc(e.proofs, proofsBySegment(e, current), slices.Equal[[]string]) {
			ps.add(id+".md", "version", 0, "its Proofs are not those that version %d was first seen with, which go on being listed; raise the version", e.version)
		}
	}
	return ps
}

// choose gives the edition to show for a document that has a file: that of the
// file if it may be shown, else the former one. isNew: it was never shown.
func (l *library) choose(e *edition, id string, former pick) (chosen *edition, isNew bool, problem *Problem) {
	if e == nil {
		return former(id), false, nil
	}
	wrong := func(format string, args ...any) *Problem {
		return &Problem{File: id + ".md", Field: "version", Reason: fmt.Sprintf(format, args...)}
	}
	known, err := l.archive.get(id, e.version)
	if err != nil { // what it was is lost, and the folder's text is the best guess
		problem = wrong("%v", err)
	}
	if known != nil {
		if known.digest != e.digest {
			problem = wrong("the files differ from version %d as it was first seen, which goes on being shown; raise the version", e.version)
		}
		return known, false, problem
	}
	if highest := l.archive.highest(id); e.version < highest {
		return former(id), false, wrong("is %d, but %d was shown already; versions only grow", e.version, highest)
	}
	return e, true, problem
}

// settleLinks takes back every new edition whose references do not hold, until
// those of all the others do: one that is taken back may be another's.
func (l *library) settleLinks(next map[string]*edition, fresh map[string]bool, former pick) (ps Problems) {
	among := func(id string) *edition { return next[id] }
	for settled := false; !settled; {
		settled = true
		for _, id := range slices.Sorted(maps.Keys(next)) {
			if !fresh[id] {
				continue
			}
			problems := checkLinks(next[id], among)
			if len(problems) == 0 {
				continue
			}
			ps, settled, fresh[id] = append(ps, problems...), false, false
			if e := former(id); e != nil {
				next[id] = e
			} else {
				delete(next, id)
			}
		}
	}
	// A reference of an edition shown before can break when a file goes. It
	// still has what it was rendered from; its author should know.
	for _, id := range slices.Sorted(maps.Keys(next)) {
		if !fresh[id] {
			ps = append(ps, checkLinks(next[id], among)...)
		}
	}
	return ps
}

// keepLocked makes an edition final.
func (l *library) keepLocked(e *edition, sources []*source, documents map[string]*edition) *edition {
	e.render(l.md, sources)
	if e.kind == CTA {
		e.proofs = proofsBySegment(e, documents)
	}
	kept, err := l.archive.put(e)
	if delete(l.unsaved, e.id); err != nil {
		l.unsaved[e.id] = err
	}
	return kept
}

// pickFrom chooses among current editions, and for a document whose file is
// gone, but which others still use, its last.
func (l *library) pickFrom(current map[string]*edition) pick {
	return func(id string) *edition {
		if e := current[id]; e != nil {
			return e
		}
		return l.archive.latest(id)
	}
}

// report logs the problems that came and went. It is the one place that does.
func (l *library) report(old, s *shelf) {
	had := map[Problem]bool{}
	if old != nil {
		for _, p := range old.problems {
			had[*p] = true
		}
	}
	for _, p := range s.problems {
		if !had[*p] {
			l.log.Warn("document not as it should be", "file", p.File, "field", p.Field, "err", p.Reason)
		}
		delete(had, *p)
	}
	for p := range had {
		l.log.Info("document in order again", "file", p.File, "field", p.Field)
	}
}
