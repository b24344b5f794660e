package docsorigin

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind is what a document is for.
type Kind string

// The kinds. A message or a rule is only ever rendered into others; each of
// the rest makes one artifact for every segment it names.
const (
	Message  Kind = "message"
	Rule     Kind = "rule"
	CTA      Kind = "cta"
	Proof    Kind = "proof"
	Campaign Kind = "campaign"
)

func (k Kind) valid() bool {
	switch k {
	case Message, Rule, CTA, Proof, Campaign:
		return true
	}
	return false
}

// makesArtifacts tells the kinds that front ends fetch.
func (k Kind) makesArtifacts() bool { return k == CTA || k == Proof || k == Campaign }

// MaxVersion is the largest version: the largest integer that every JSON
// reader holds exactly (RFC 8259 §6).
const MaxVersion = 1<<53 - 1

const (
	maxListItems  = 32
	maxTitleBytes = 1000
	defaultLang   = "en"
)

// Document is one file: a document in one language.
type Document struct {
	Name     string // base name of the file
	ID       string
	Kind     Kind
	Version  int64 // 1 … MaxVersion; grows with every change, shared by all languages
	Segments []string
	CTA      string   // of a proof: the CTA it supports
	Uses     []string // further documents it is rendered from
	Lang     string   // lower-case language tag; that of the file name, else the field, else "en"
	Tags     []string
	Title    string
	Body     string // Markdown
}

var (
	idPattern   = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)
	langPattern = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)
	// impliedTag: a document that claimed another segment's tag would be purged with it.
	impliedTag = regexp.MustCompile(`^(kind|segment|cta|proof|campaign|doc):`)
	tagPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9:._/-]{0,127}$`)
)

const (
	idAllows   = "must match [a-z][a-z0-9_-]{0,63}"
	langAllows = "must be a language tag such as en or pt-br, of at most 35 characters"
	tagAllows  = "must match [A-Za-z0-9][A-Za-z0-9:._/-]{0,127}"
)

func validID(s string) bool   { return idPattern.MatchString(s) }
func validLang(s string) bool { return len(s) <= 35 && langPattern.MatchString(s) }

// splitName takes `trial.ja.md` apart: id "trial", lang "ja". lang is "" for
// the document's first file, `trial.md`.
func splitName(name string) (id, lang string, err error) {
	stem, ok := strings.CutSuffix(name, ".md")
	if !ok || path.Base(name) != name {
		return "", "", fmt.Errorf("a document is named ID.md, its further languages ID.LANG.md")
	}
	id, lang, further := strings.Cut(stem, ".")
	if !validID(id) {
		return "", "", fmt.Errorf("a document is named ID.md, its further languages ID.LANG.md; the id %s", idAllows)
	}
	if further && !validLang(lang) {
		return "", "", fmt.Errorf("the language in the name %s", langAllows)
	}
	return id, strings.ToLower(lang), nil
}

// ParseDocument reads one file. name is its base name, `ID.md` or
// `ID.LANG.md`. The error is Problems and lists all that is wrong.
func ParseDocument(name string, data []byte) (Document, error) {
	var ps Problems
	doc := Document{Name: name}
	id, lang, err := splitName(name)
	if err != nil {
		ps.add(name, "file", 0, "%v", err)
		return doc, ps
	}
	if !utf8.Valid(data) {
		ps.add(name, "file", 0, "must be UTF-8 text")
		return doc, ps
	}
	if i := bytes.IndexFunc(data, forbiddenControl); i >= 0 {
		ps.add(name, "file", 1+bytes.Count(data[:i], []byte("\n")), "must not hold control characters")
		return doc, ps
	}
	front, body, bodyLine, ok := cutFrontMatter(string(data))
	if !ok {
		ps.add(name, "front matter", 1, "the file must begin with a line ---, fields, and another line ---")
		return doc, ps
	}
	fields := parseFields(name, front, &ps)
	if len(ps) > 0 {
		return doc, ps
	}
	fields.fill(&doc)
	doc.Body = body
	doc.check(id, lang, bodyLine, fields, &ps)
	return doc, ps.err()
}

func forbiddenControl(r rune) bool {
	return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f
}

// check holds the fields that parsed to what the contract demands of them
// together. id and lang are those of the file name.
func (d *Document) check(id, lang string, bodyLine int, f *fields, ps *Problems) {
	add := func(field, format string, args ...any) { ps.add(d.Name, field, f.line(field), format, args...) }
	require := func(field string) {
		if !f.has(field) {
			add(field, "is required for a %s", d.Kind)
		}
	}
	if d.ID != id && f.has("id") {
		add("id", "is %q, but the file is named %s; both must be the same", d.ID, d.Name)
	}
	if d.Lang == "" {
		d.Lang = lang
	}
	if d.Lang == "" {
		d.Lang = defaultLang
	}
	if lang != "" && d.Lang != lang {
		add("lang", "is %q, but the file is named %s; both must be the same", d.Lang, d.Name)
	}
	if slices.Contains(d.Uses, d.ID) {
		add("uses", "must not name the document itself")
	}
	switch {
	case d.Kind == Proof:
		require("cta")
	case d.Kind == CTA && d.CTA != "" && d.CTA != d.ID:
		add("cta", "of a cta must be its own id, %s, or absent", d.ID)
	case d.Kind != CTA && d.CTA != "":
		add("cta", "only a proof names the CTA it supports")
	}
	if d.Kind.makesArtifacts() {
		require("segments")
		require("title")
		if strings.TrimSpace(d.Body) == "" {
			ps.add(d.Name, "body", bodyLine, "must not be empty for a %s", d.Kind)
		}
	}
}
