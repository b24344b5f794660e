package behaviour

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Ledger remembers every rendering that readers were shown, so that it can be
// held against the origin when all is over: what a reader got must be, byte for
// byte, what the origin makes of these documents in these versions.
type Ledger struct {
	mu    sync.Mutex // guards what follows
	shown map[rendering][]byte
	etags map[string]string // Docs-Version by path and entity tag
	last  map[string]string // the latest entity tag by path and language
}

// rendering is what decides about an artifact's bytes: asked is the language
// that the reader asked for, which in a Summary some Proofs may have and others
// not.
type rendering struct{ path, asked, versions string }

// NewLedger returns an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{shown: map[rendering][]byte{}, etags: map[string]string{}, last: map[string]string{}}
}

// artifact is the part of an artifact's JSON by which it is known.
type artifact struct {
	Kind      string            `json:"kind"`
	Segment   string            `json:"segment"`
	CTA       string            `json:"cta"`
	ID        string            `json:"id"`
	Lang      string            `json:"lang"`
	Title     string            `json:"title"`
	HTML      string            `json:"html"`
	Documents map[string]int64  `json:"documents"`
	Proofs    []json.RawMessage `json:"proofs"`
}

// Enter takes in a 200 for a path, asked for in a language and due in another if
// it cannot be had in that. The error says what about it is another's, or
// contradicts an earlier answer.
func (l *Ledger) Enter(path, asked, lang string, r *Reply) error {
	var a artifact
	if err := json.Unmarshal(r.Body, &a); err != nil {
		return fmt.Errorf("%s: no artifact: %w: %.200s", path, err, r.Body)
	}
	if got := (Named{a.Kind, a.Segment, a.CTA, a.ID}); got != Name(path) || a.Lang != lang {
		return fmt.Errorf("%s in %s was answered with %v in %s", path, lang, got, a.Lang)
	}
	versions := r.Header.Get("Docs-Version")
	if want := fieldOf(a.Documents); want != sorted(versions) {
		return fmt.Errorf("%s says Docs-Version %q of a body with %q", path, versions, want)
	}
	key := rendering{path, asked, sorted(versions)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if first, known := l.shown[key]; known && !bytes.Equal(first, r.Body) {
		return fmt.Errorf("%s in %s with %s is once\n%s\nand once\n%s", path, asked, versions, first, r.Body)
	}
	l.shown[key] = r.Body
	l.etags[path+" "+r.Header.Get("ETag")] = versions
	l.last[path+" "+asked] = r.Header.Get("ETag")
	return nil
}

// LastOf returns the entity tag under which a path was shown last in a language,
// "" if it never was.
func (l *Ledger) LastOf(path, asked string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last[path+" "+asked]
}

// VersionsOf returns the Docs-Version under which an entity tag of a path was
// shown, "" if it never was.
func (l *Ledger) VersionsOf(path, etag string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.etags[path+" "+etag]
}

// Audit holds every rendering against what the origin makes of the same
// versions, and returns how many there are.
func (l *Ledger) Audit(d *Docs) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, body := range l.shown {
		var a artifact
		if err := json.Unmarshal(body, &a); err != nil {
			return 0, err
		}
		if a.Kind != "summary" {
			if err := like(d, key.path, key.asked, key.versions, body); err != nil {
				return 0, err
			}
			continue
		}
		// A Summary carries its Proofs as they are, and its CTA's text.
		cta := d.Direct(strings.TrimSuffix(key.path, "/summary"), key.asked, key.versions)
		var own artifact
		if err := json.Unmarshal(cta.Body, &own); err != nil || cta.Status != 200 {
			return 0, fmt.Errorf("%s with %s: the origin's CTA: %d %v", key.path, key.versions, cta.Status, err)
		}
		if a.Title != own.Title || a.HTML != own.HTML {
			return 0, fmt.Errorf("%s in %s with %s shows\n%s\nbut its CTA is\n%s", key.path, key.asked, key.versions, body, cta.Body)
		}
		for _, p := range a.Proofs {
			var proof artifact
			if err := json.Unmarshal(p, &proof); err != nil {
				return 0, err
			}
			path := strings.TrimSuffix(key.path, "summary") + "proofs/" + proof.ID
			if err := like(d, path, key.asked, key.versions, p); err != nil {
				return 0, err
			}
		}
	}
	return len(l.shown), nil
}

// like compares an artifact with the origin's, as JSON.
func like(d *Docs, path, lang, versions string, body []byte) error {
	truth := d.Direct(path, lang, versions)
	if truth.Status != 200 || !bytes.Equal(compact(truth.Body), compact(body)) {
		return fmt.Errorf("%s in %s with %s was shown as\n%s\nbut is (%d)\n%s", path, lang, versions, body, truth.Status, truth.Body)
	}
	return nil
}

// compact returns JSON with its members in order and without white space.
func compact(text []byte) []byte {
	var v any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return text
	}
	out, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return out
}

// fieldOf writes versions as a sorted Docs-Version.
func fieldOf(documents map[string]int64) string {
	var parts []string
	for id, version := range documents {
		parts = append(parts, fmt.Sprintf("%s=%d", id, version))
	}
	return sorted(strings.Join(parts, ", "))
}

// sorted puts the members of a Docs-Version in order.
func sorted(field string) string {
	parts := strings.Split(field, ", ")
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
