package docsorigin

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/letteros/letteredge/invalidation/rollout"
)

// source is one file of a folder as it was read.
type source struct {
	name     string
	data     []byte
	modified time.Time
	doc      Document
	problems Problems
}

// edition is one version of a document, in all its languages. Once it has been
// shown it never changes.
type edition struct {
	id       string
	kind     Kind
	version  int64
	segments []string
	cta      string
	uses     []string
	tags     []string
	lang     string          // of ID.md: what is served where nothing better is asked for
	texts    map[string]text // by language
	files    map[string][]byte
	digest   string
	modified time.Time // newest of its files; zero where unknown
	// proofs are, for a cta, the ids of its Proofs by segment, sorted, as they
	// were when this version was first seen. Were they looked up later, a Proof
	// that comes or goes would change the bytes of a version.
	proofs map[string][]string
}

// text is an edition in one language.
type text struct {
	title string
	html  string
}

func (e *edition) languages() []string { return slices.Sorted(maps.Keys(e.texts)) }

// in gives the text in a language, or in the edition's own.
func (e *edition) in(lang string) text {
	if t, ok := e.texts[lang]; ok {
		return t
	}
	return e.texts[e.lang]
}

// newEdition joins the files of one document. The files' own problems are not
// its concern: it is called for files that have none.
func newEdition(id string, sources []*source) (*edition, Problems) {
	var ps Problems
	base := baseOf(id, sources)
	if base == nil {
		for _, s := range sources {
			ps.add(s.name, "file", 0, "is a further language of a document that is missing: there is no %s.md", id)
		}
		return nil, ps
	}
	d := base.doc
	e := &edition{
		id: id, kind: d.Kind, version: d.Version, segments: d.Segments, cta: d.CTA,
		uses: d.Uses, tags: d.Tags, lang: d.Lang,
		texts: map[string]text{}, files: map[string][]byte{},
	}
	for _, s := range sources {
		agree(d, s.doc, &ps)
		if _, taken := e.texts[s.doc.Lang]; taken {
			ps.add(s.name, "lang", 0, "two files of %s are in %s", id, s.doc.Lang)
		}
		e.texts[s.doc.Lang] = text{title: s.doc.Title}
		e.files[s.name] = s.data
		if s.modified.After(e.modified) {
			e.modified = s.modified
		}
	}
	if len(ps) > 0 {
		return nil, ps
	}
	e.digest = rollout.Digest(e.files)
	return e, nil
}

func baseOf(id string, sources []*source) *source {
	for _, s := range sources {
		if s.name == id+".md" {
			return s
		}
	}
	return nil
}

// agree demands of a further language what all languages share. Fields that
// are optional may be left out of it.
func agree(base, d Document, ps *Problems) {
	differs := func(field string, is, want any) {
		ps.add(d.Name, field, 0, "is %v, but %s says %v; the languages of a document share it", is, base.Name, want)
	}
	if d.Version != base.Version {
		differs("version", d.Version, base.Version)
	}
	if d.Kind != base.Kind {
		differs("kind", d.Kind, base.Kind)
	}
	if d.CTA != base.CTA && d.CTA != "" {
		differs("cta", d.CTA, base.CTA)
	}
	for _, l := range []struct {
		field    string
		is, want []string
	}{{"segments", d.Segments, base.Segments}, {"uses", d.Uses, base.Uses}, {"tags", d.Tags, base.Tags}} {
		if len(l.is) > 0 && !sameSet(l.is, l.want) {
			differs(l.field, l.is, l.want)
		}
	}
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// render makes the HTML of every language. It is done once, when the edition
// is first shown.
func (e *edition) render(m markdown, sources []*source) {
	for _, s := range sources {
		e.texts[s.doc.Lang] = text{title: s.doc.Title, html: m.html(s.doc.Body)}
	}
}

// assemble groups files into editions. present holds every id that has its
// first file, sound or not; editions only those without problems.
func assemble(sources []*source) (editions map[string]*edition, byID map[string][]*source, present map[string]bool, ps Problems) {
	byID, present, editions = map[string][]*source{}, map[string]bool{}, map[string]*edition{}
	broken := map[string]bool{}
	for _, s := range sources {
		ps = append(ps, s.problems...)
		id, lang, err := splitName(s.name)
		if err != nil {
			continue
		}
		byID[id] = append(byID[id], s)
		if lang == "" {
			present[id] = true
		}
		broken[id] = broken[id] || len(s.problems) > 0
	}
	for id, group := range byID {
		if broken[id] {
			continue
		}
		slices.SortFunc(group, func(a, b *source) int { return cmp.Compare(strings.ToLower(a.name), strings.ToLower(b.name)) })
		e, problems := newEdition(id, group)
		ps = append(ps, problems...)
		if e != nil {
			editions[id] = e
		}
	}
	return editions, byID, present, ps
}
