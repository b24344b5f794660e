package docsorigin

import (
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strconv"
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
func (l *library) look() *shelf {
	arrived := l.started.Load()
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
	var s *shelf
	switch {
	case l.failed == "":
		s = l.decideLocked(old)
	case old == nil:
		s = &shelf{current: map[string]*edition{}}
	default: // the folder is away: go on with what there was
		s = &shelf{current: old.current}
	}
	if l.failed != "" {
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
	before := map[string]*edition{}
	if old != nil {
		before = old.current
	}
	next, fresh := map[string]*edition{}, map[string]bool{}
	for id := range present {
		e, isNew, problem := l.choose(editions[id], id, before[id])
		if problem != nil {
			ps = append(ps, problem)
		}
		if e != nil {
			next[id], fresh[id] = e, isNew
		}
	}
	ps = append(ps, l.settleLinks(next, fresh, before)...)
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
// file if it may be shown, else the one before. isNew: it was never shown.
func (l *library) choose(e *edition, id string, before *edition) (chosen *edition, isNew bool, problem *Problem) {
	if e == nil {
		return l.orLatest(before, id), false, nil
	}
	known, err := l.archive.get(id, e.version)
	if err != nil {
		return l.orLatest(before, id), false, &Problem{File: id + ".md", Field: "version", Reason: err.Error()}
	}
	if known != nil {
		if known.digest != e.digest {
			problem = &Problem{File: id + ".md", Field: "version",
				Reason: "the files differ from version " + decimal(e.version) + " as it was first seen, which goes on being shown; raise the version"}
		}
		return known, false, problem
	}
	if highest := l.archive.highest(id); e.version < highest {
		return l.orLatest(before, id), false, &Problem{File: id + ".md", Field: "version",
			Reason: "is " + decimal(e.version) + ", but " + decimal(highest) + " was shown already; versions only grow"}
	}
	return e, true, nil
}

func (l *library) orLatest(before *edition, id string) *edition {
	if before != nil {
		return before
	}
	return l.archive.latest(id)
}

// settleLinks takes back every new edition whose references do not hold, until
// those of all the others do: one that is taken back may be another's.
func (l *library) settleLinks(next map[string]*edition, fresh map[string]bool, before map[string]*edition) (ps Problems) {
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
			if e := l.orLatest(before[id], id); e != nil {
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
	return func(id string) *edition { return l.orLatest(current[id], id) }
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

func decimal(v int64) string { return strconv.FormatInt(v, 10) }
