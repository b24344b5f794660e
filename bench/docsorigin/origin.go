package docsorigin

import (
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"time"
)

// Origin serves the artifacts of a folder of documents. It is safe for
// concurrent use, and has no goroutines of its own.
type Origin struct {
	library *library
	archive *archive
	counts  counts
	faults  *Faults
	log     *slog.Logger
	now     func() time.Time
	client  string // Cache-Control
	edge    string // CDN-Cache-Control
}

var _ http.Handler = (*Origin)(nil)

// New reads the folder. Unlike an edit later on, a folder that is not in order
// at the start is an error (Problems, by file and field): nobody relies on
// what it shows yet, and whoever started it is looking.
func New(o Options) (*Origin, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	fsys, err := documents(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := check(fsys, o.Limits); err != nil {
		return nil, err
	}
	md := newMarkdown()
	var h *history
	if o.History != "" {
		if h, err = openHistory(o.History, o.Limits, md); err != nil {
			return nil, err
		}
	}
	a := newArchive(o.Limits.Versions, h)
	origin := &Origin{
		library: newLibrary(fsys, o, a, md), archive: a,
		counts: counts{byPath: map[string]uint64{}, byStatus: map[int]uint64{}},
		faults: o.Faults, log: o.Log, now: o.Now,
	}
	origin.client, origin.edge = o.Freshness.fields()
	origin.library.look()
	return origin, nil
}

// documents is the folder at dir, or the embedded one.
func documents(dir string) (fs.FS, error) {
	if dir == "" {
		return fs.Sub(embedded, embeddedDir)
	}
	return os.DirFS(dir), nil
}

// Stats is what /stats shows.
func (o *Origin) Stats() Stats {
	s := o.counts.stats()
	s.Problems = append(s.Problems, o.library.look().problems...)
	return s
}

// ServeHTTP answers artifact paths, /index.json and /stats.
func (o *Origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/stats" {
		o.serveStats(w, r)
		return
	}
	o.counts.arrived(r.URL.Path)
	fault := o.faults.take(r.URL.Path)
	if !fault.wait(r) {
		return
	}
	if fault.Abort {
		// net/http's way to cut a connection without an answer or a log line.
		panic(http.ErrAbortHandler)
	}
	o.counts.answered(fault.spoil(o.answer(r)).send(w, r))
}

func (o *Origin) serveStats(w http.ResponseWriter, r *http.Request) {
	if no := onlyReads(r); no != nil {
		no.send(w, r)
		return
	}
	body, err := encode(o.Stats())
	if err != nil {
		o.log.Error("encode stats", "err", err)
		refuse(http.StatusInternalServerError, "the counts cannot be shown").reply().send(w, r)
		return
	}
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	(&reply{status: http.StatusOK, header: h, body: body}).send(w, r)
}

// onlyReads is a 405 for anything but GET and HEAD.
func onlyReads(r *http.Request) *reply {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	no := refuse(http.StatusMethodNotAllowed, "documents are changed in their folder; here they are read").reply()
	no.header.Set("Allow", "GET, HEAD")
	return no
}

func (o *Origin) answer(r *http.Request) *reply {
	if no := onlyReads(r); no != nil {
		return no
	}
	if r.URL.Path == "/index.json" {
		return indexReply(o.library.look().index)
	}
	answer, no := o.artifact(r)
	if no != nil {
		return no.reply()
	}
	return answer
}

// indexReply may be stored, and must be asked about each time: it is how a
// push sees what it changes.
func indexReply(index []byte) *reply {
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", etagOf(index))
	return &reply{status: http.StatusOK, header: h, body: index}
}
