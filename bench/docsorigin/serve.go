package docsorigin

import (
	"net/http"
	"strings"
)

// artifact answers an artifact path.
func (o *Origin) artifact(r *http.Request) (*reply, *refusal) {
	t, no := parseTarget(r.URL)
	if no != nil {
		return nil, no
	}
	wanted, no := parsePins(strings.Join(r.Header.Values("Docs-Pin"), ","))
	if no != nil {
		return nil, no
	}
	all, pinned, no := o.editions(t, wanted)
	if no != nil {
		return nil, no
	}
	lang, vary, no := languageOf(r.URL, r.Header, all[0])
	if no != nil {
		return nil, no
	}
	a, err := renderArtifact(t, lang, all)
	if err != nil {
		o.log.Error("artifact not rendered", "key", t.path(), "err", err)
		return nil, refuse(http.StatusInternalServerError, "the artifact cannot be rendered")
	}
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Language", a.lang)
	h.Set("ETag", a.etag)
	h.Set("Docs-Version", a.versions)
	h.Set("Cache-Control", o.client)
	h.Set("CDN-Cache-Control", o.edge)
	if a.tags != "" {
		h.Set("Cache-Tag", a.tags)
	}
	if vary {
		h.Set("Vary", "Accept-Language")
	}
	// A pinned answer has no date: it may be older than what has one.
	if date := lastModified(a.modified, o.now()); date != "" && !pinned {
		h.Set("Last-Modified", date)
	}
	return &reply{status: http.StatusOK, header: h, body: a.body}, nil
}

// editions gives what an artifact is rendered from, its own document first:
// pinned versions where the request names them, else current ones. Pins of
// documents that the artifact is not rendered from mean nothing to it.
func (o *Origin) editions(t target, wanted pins) (all []*edition, pinned bool, no *refusal) {
	current := o.library.look().current
	latest := o.library.pickFrom(current)
	pick := func(id string) *edition {
		version, ok := wanted[id]
		if !ok {
			return latest(id)
		}
		pinned = true
		e, err := o.archive.get(id, version)
		if err != nil {
			o.log.Error("version not readable", "key", id, "err", err)
		}
		if e == nil && no == nil {
			no = unknownVersion(id, version, o.archive.highest(id))
		}
		return e
	}
	own := current[t.id]
	if _, ok := wanted[t.id]; ok {
		own = pick(t.id)
	}
	if no != nil {
		return nil, true, no
	}
	if own == nil {
		return nil, pinned, o.absent(t)
	}
	if !t.of(own) {
		return nil, pinned, refuse(http.StatusNotFound, "version %d of %s makes no artifact at %s", own.version, own.id, t.path())
	}
	all, missing := closure(own, pick)
	switch {
	case no != nil:
		return nil, pinned, no
	case missing != "":
		return nil, pinned, refuse(http.StatusGone, "%s is rendered from %s, which is no longer kept", own.id, missing)
	case len(all) > maxArtifactDocuments:
		return nil, pinned, refuse(http.StatusBadRequest, "with these versions the artifact is rendered from more than %d documents", maxArtifactDocuments)
	}
	return all, pinned, nil
}

// unknownVersion is 410 for a version that was, or was passed over, and 404
// for one that is yet to come.
func unknownVersion(id string, version, highest int64) *refusal {
	if version < highest {
		return refuse(http.StatusGone, "Docs-Pin: version %d of %s is not kept", version, id)
	}
	return refuse(http.StatusNotFound, "Docs-Pin: there is no version %d of %s", version, id)
}

// absent is 410 where the document was here before, else 404.
func (o *Origin) absent(t target) *refusal {
	if o.archive.highest(t.id) > 0 {
		return refuse(http.StatusGone, "the document %s was removed", t.id)
	}
	return refuse(http.StatusNotFound, "there is no document %s", t.id)
}
