package behaviour

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// Docs is a docs origin in this process, over an own copy of the demo's
// documents.
type Docs struct {
	*docsorigin.Origin
	*httptest.Server
	Faults *docsorigin.Faults
	Holds  *Holds
	Dir    string

	mu   sync.Mutex // serialises edits
	text map[string]string
}

// NewDocs starts an origin. Dir and Faults are its own, whatever the options say.
func NewDocs(tb testing.TB, o docsorigin.Options) *Docs {
	tb.Helper()
	d := &Docs{Faults: &docsorigin.Faults{}, Dir: filepath.Join(tb.TempDir(), "docs"), text: map[string]string{}}
	if err := docsorigin.Materialize(d.Dir); err != nil {
		tb.Fatal(err)
	}
	o.Dir, o.Faults = d.Dir, d.Faults
	var err error
	if d.Origin, err = docsorigin.New(o); err != nil {
		tb.Fatal(err)
	}
	d.Holds = NewHolds(d.Origin)
	d.Server = httptest.NewServer(d.Holds)
	tb.Cleanup(func() {
		d.Holds.ReleaseAll()
		d.Server.CloseClientConnections()
		d.Server.Close()
	})
	return d
}

var versionLine = regexp.MustCompile(`(?m)^version: (\d+)$`)

// Raise gives a document its next version, with a text of its own, in all its
// languages, and returns the version. The origin shows it when Raise returns.
func (d *Docs) Raise(tb testing.TB, id string) int64 {
	tb.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	files, err := filepath.Glob(filepath.Join(d.Dir, id+".*md"))
	if err != nil || len(files) == 0 {
		tb.Errorf("raise %s: no such document: %v", id, err)
		return 0
	}
	var version int64
	for _, file := range files {
		now, err := os.ReadFile(file)
		if err != nil {
			tb.Errorf("raise %s: %v", id, err)
			return 0
		}
		first, known := d.text[file]
		if !known {
			first = string(now)
			d.text[file] = first
		}
		version, _ = strconv.ParseInt(string(versionLine.FindSubmatch(now)[1]), 10, 64) // digits, by the pattern
		version++
		next := versionLine.ReplaceAllString(first, fmt.Sprintf("version: %d", version)) + fmt.Sprintf("\nEdition %s/%d.\n", id, version)
		if err := replaceFile(file, next); err != nil {
			tb.Errorf("raise %s: %v", id, err)
			return 0
		}
	}
	shown := regexp.MustCompile(fmt.Sprintf(`"%s":%d\b`, id, version))
	for !shown.Match(d.Direct("/index.json", "", "").Body) { // not at once only where Options.Reread says so
		if tb.Context().Err() != nil {
			tb.Errorf("raise %s: the origin does not show version %d", id, version)
			return 0
		}
	}
	return version
}

// replaceFile puts a whole new file in place of the old, so that nobody reads
// half of it.
func replaceFile(file, text string) error {
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// Fetches is how often the origin was asked for a path.
func (d *Docs) Fetches(path string) uint64 { return d.Stats().ByPath[path] }

// Artifact is an entry of the origin's index.
type Artifact struct {
	Path      string           `json:"path"`
	Documents map[string]int64 `json:"documents"`
	Languages []string         `json:"languages"`
}

// Index reads the index.json of an origin.
func Index(tb testing.TB, origin string) []Artifact {
	tb.Helper()
	var index struct{ Artifacts []Artifact }
	plain := get(tb, origin+"/index.json")
	if err := json.Unmarshal(plain.Body, &index); err != nil {
		tb.Fatalf("index of %s: %v", origin, err)
	}
	if len(index.Artifacts) == 0 {
		tb.Fatalf("index of %s lists nothing", origin)
	}
	return index.Artifacts
}

// get asks an origin directly.
func get(tb testing.TB, url string) *Reply {
	tb.Helper()
	node := &Node{HTTP: url}
	return node.Readers(tb).Get(tb, H1, "")
}

// Direct is what the origin answers to a path, without any node between; pins
// is a Docs-Pin field, lang an Accept-Language one, "" for none.
func (d *Docs) Direct(path, lang, pins string) *Reply {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if lang != "" {
		r.Header.Set("Accept-Language", lang)
	}
	if pins != "" {
		r.Header.Set("Docs-Pin", pins)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return &Reply{w.Code, w.Header(), w.Body.Bytes()}
}

// Summaries lists the path of a Summary for each CTA in an index, with the
// documents and languages of the CTA.
func Summaries(index []Artifact) []Artifact {
	var all []Artifact
	for _, a := range index {
		if n := Name(a.Path); n.Kind == "cta" {
			a.Path += "/summary"
			all = append(all, a)
		}
	}
	return slices.Clip(all)
}
