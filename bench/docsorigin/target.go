package docsorigin

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// target is what an artifact path names.
type target struct {
	kind    Kind
	segment string
	id      string // of the document the artifact is made from
	cta     string // "" for a campaign; id for a cta
}

func (t target) path() string {
	base := "/v1/segments/" + t.segment
	switch t.kind {
	case Campaign:
		return base + "/campaigns/" + t.id
	case Proof:
		return base + "/ctas/" + t.cta + "/proofs/" + t.id
	default:
		return base + "/ctas/" + t.id
	}
}

// targetsOf lists the artifacts made from an edition.
func targetsOf(e *edition) (all []target) {
	if !e.kind.makesArtifacts() {
		return nil
	}
	for _, segment := range e.segments {
		t := target{kind: e.kind, segment: segment, id: e.id}
		switch e.kind {
		case CTA:
			t.cta = e.id
		case Proof:
			t.cta = e.cta
		}
		all = append(all, t)
	}
	return all
}

// of tells whether the edition makes this artifact: a Proof that moved to
// another cta, or left a segment, does not answer at its old path.
func (t target) of(e *edition) bool {
	return slices.Contains(targetsOf(e), t)
}

// parseTarget reads an artifact path.
func parseTarget(u *url.URL) (target, *refusal) {
	if u.RawPath != "" {
		return target{}, refuse(http.StatusBadRequest, "the path must be written without needless percent-encoding")
	}
	rest, ok := strings.CutPrefix(u.Path, "/v1/segments/")
	if !ok {
		return target{}, refuse(http.StatusNotFound, "there are /index.json, /stats and artifacts under /v1/segments/")
	}
	p := strings.Split(rest, "/")
	var t target
	switch {
	case len(p) == 3 && p[1] == "ctas":
		t = target{kind: CTA, segment: p[0], cta: p[2], id: p[2]}
	case len(p) == 5 && p[1] == "ctas" && p[3] == "proofs":
		t = target{kind: Proof, segment: p[0], cta: p[2], id: p[4]}
	case len(p) == 3 && p[1] == "campaigns":
		t = target{kind: Campaign, segment: p[0], id: p[2]}
	case len(p) == 4 && p[1] == "ctas" && p[3] == "summary":
		return t, refuse(http.StatusNotFound, "a Summary is built at the edge, from the cta and its Proofs")
	default:
		return t, refuse(http.StatusNotFound, "no artifact has a path of this shape")
	}
	for _, id := range []struct{ name, is string }{{"segment", t.segment}, {"cta", t.cta}, {string(t.kind), t.id}} {
		if id.is != "" && !validID(id.is) || id.is == "" && (id.name != "cta" || t.kind != Campaign) {
			return t, refuse(http.StatusBadRequest, "the %s in the path %s", id.name, idAllows)
		}
	}
	return t, nil
}
