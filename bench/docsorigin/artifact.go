package docsorigin

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"
)

// artifact is what a front end fetches, as JSON.
type artifact struct {
	Kind      Kind     `json:"kind"`
	Segment   string   `json:"segment"`
	CTA       string   `json:"cta,omitempty"`
	ID        string   `json:"id"`
	Lang      string   `json:"lang"`
	Title     string   `json:"title"`
	HTML      string   `json:"html"`
	ProofIDs  proofIDs `json:"proof_ids,omitzero"`
	Documents versions `json:"documents"`
}

// proofIDs is a list for a cta, empty or not, and nothing for the others.
type proofIDs struct{ list []string }

func (p proofIDs) IsZero() bool                 { return p.list == nil }
func (p proofIDs) MarshalJSON() ([]byte, error) { return json.Marshal(p.list) }

// versions are the documents something is rendered from: its own first, the
// others by id.
type versions []*edition

func versionsOf(all []*edition) versions {
	vs := slices.Clone(all)
	slices.SortFunc(vs[1:], func(a, b *edition) int { return cmp.Compare(a.id, b.id) })
	return vs
}

// MarshalJSON writes {"trial":42,"core-message":7}.
func (vs versions) MarshalJSON() ([]byte, error) {
	parts := make([]string, len(vs))
	for i, e := range vs {
		parts[i] = fmt.Sprintf("%q:%d", e.id, e.version) // an id needs no escapes
	}
	return []byte("{" + strings.Join(parts, ",") + "}"), nil
}

// field is the value of Docs-Version: trial=42, core-message=7.
func (vs versions) field() string {
	parts := make([]string, len(vs))
	for i, e := range vs {
		parts[i] = fmt.Sprintf("%s=%d", e.id, e.version)
	}
	return strings.Join(parts, ", ")
}

// rendering is an artifact ready to send.
type rendering struct {
	body     []byte
	etag     string
	lang     string
	versions string // Docs-Version
	tags     string // Cache-Tag, "" for none
	modified time.Time
}

// renderArtifact makes the bytes. They depend on nothing but its arguments:
// all[0] is the document the artifact is made from, the rest what it uses.
func renderArtifact(t target, lang string, all []*edition) (rendering, error) {
	own := all[0]
	a := artifact{
		Kind: t.kind, Segment: t.segment, CTA: t.cta, ID: t.id, Lang: lang,
		Title: own.in(lang).title, HTML: compose(lang, all), Documents: versionsOf(all),
	}
	if t.kind == CTA {
		a.ProofIDs.list = append([]string{}, own.proofs[t.segment]...)
	}
	body, err := encode(a)
	if err != nil {
		return rendering{}, fmt.Errorf("render %s: %w", t.path(), err)
	}
	r := rendering{
		body: body, etag: etagOf(body), lang: lang,
		versions: a.Documents.field(), tags: strings.Join(tagsOf(all), ","),
	}
	for _, e := range all {
		if e.modified.After(r.modified) {
			r.modified = e.modified
		}
	}
	return r, nil
}

// compose puts the document's own text first and then, each in an aside, the
// texts it uses, in the language asked for or their own.
func compose(lang string, all []*edition) string {
	var b strings.Builder
	b.WriteString(all[0].in(lang).html)
	for _, e := range all[1:] {
		t := e.in(lang)
		if t.html == "" {
			continue
		}
		fmt.Fprintf(&b, "\n<aside class=%q data-document=%q", e.kind, e.id)
		if _, translated := e.texts[lang]; !translated {
			fmt.Fprintf(&b, " lang=%q", e.lang)
		}
		b.WriteString(">\n")
		if t.title != "" {
			fmt.Fprintf(&b, "<h2>%s</h2>\n", html.EscapeString(t.title))
		}
		b.WriteString(t.html + "\n</aside>")
	}
	return b.String()
}

// encode is JSON on one line with HTML as it is: the body is no script.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// etagOf is a strong validator made from the content alone.
func etagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
}
