package cachekey

import "strings"

// artifactRoot is where artifacts live; no general route reaches below it.
const artifactRoot = "/v1/segments/"

// langParam is the one query parameter that enters an artifact's key.
const langParam = "lang"

// Artifact builds the key of an artifact from its parts. For a CTA and a
// Summary id may be empty or equal cta; for a Campaign cta is empty. lang is
// "" or a language tag in any case. Errors are *Error.
func Artifact(kind Kind, segment, cta, id, lang string) (Key, error) {
	if (kind == CTA || kind == Summary) && id != "" && id != cta {
		return Key{}, bad("id", "must be empty or the cta's for a "+kind.String())
	}
	if kind == Campaign && cta != "" {
		return Key{}, bad("cta", "must be empty for a campaign")
	}
	// The ids are checked apart from the path, so that none that holds a "/"
	// can pass for another shape.
	switch {
	case !ValidID(segment):
		return Key{}, bad("segment", idRule)
	case kind != Campaign && !ValidID(cta):
		return Key{}, bad("cta", idRule)
	case (kind == Proof || kind == Campaign) && !ValidID(id):
		return Key{}, bad("id", idRule)
	}
	var path string
	switch kind {
	case CTA:
		path = artifactRoot + segment + "/ctas/" + cta
	case Proof:
		path = artifactRoot + segment + "/ctas/" + cta + "/proofs/" + id
	case Summary:
		path = artifactRoot + segment + "/ctas/" + cta + "/summary"
	case Campaign:
		path = artifactRoot + segment + "/campaigns/" + id
	default:
		return Key{}, bad("kind", "must be cta, proof, summary or campaign")
	}
	if lang != "" {
		if lang = strings.ToLower(lang); !validLang(lang) {
			return Key{}, bad(langParam, langRule)
		}
		path += "?" + langParam + "=" + lang
	}
	return parseArtifactText(path)
}

// splitArtifact reads a canonical artifact path. The key has no Text.
func splitArtifact(path string) (Key, *Error) {
	k := Key{Route: -1}
	rest, ok := strings.CutPrefix(path, artifactRoot)
	if !ok {
		return Key{}, notFound("artifacts live below " + artifactRoot)
	}
	segment, rest, more := strings.Cut(rest, "/")
	if !ValidID(segment) {
		return Key{}, bad("segment", idRule)
	}
	collection, rest, below := strings.Cut(rest, "/")
	if !more || !below {
		return Key{}, errShape()
	}
	k.Segment = segment
	id, tail, more := strings.Cut(rest, "/")
	switch collection {
	case "ctas":
		if !ValidID(id) {
			return Key{}, bad("cta", idRule)
		}
		k.Kind, k.CTA, k.ID = CTA, id, id
		if !more {
			return k, nil
		}
		if tail == "summary" {
			k.Kind = Summary
			return k, nil
		}
		proof, ok := strings.CutPrefix(tail, "proofs/")
		if !ok || strings.Contains(proof, "/") {
			return Key{}, errShape()
		}
		if !ValidID(proof) {
			return Key{}, bad("proof", idRule)
		}
		k.Kind, k.ID = Proof, proof
		return k, nil
	case "campaigns":
		if more {
			return Key{}, errShape()
		}
		if !ValidID(id) {
			return Key{}, bad("campaign", idRule)
		}
		k.Kind, k.ID = Campaign, id
		return k, nil
	}
	return Key{}, errShape()
}

func errShape() *Error {
	return notFound("below " + artifactRoot + "{segment}/ there are ctas/{cta}, ctas/{cta}/proofs/{proof}, ctas/{cta}/summary and campaigns/{campaign}")
}
