package edge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"

	"github.com/letteros/letteredge/cachekey"
)

// RefusedError says why an upstream's answer is not stored and reaches no
// reader.
type RefusedError struct{ Field, Reason string }

// Error names the field and what it must be.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("the upstream's answer is refused: %s: %s", e.Field, e.Reason)
}

// document is what the artifact schema requires of every artifact (CONTRACT.md).
// Pointers tell an absent member from an empty one.
type document struct {
	Kind      *string          `json:"kind"`
	Segment   *string          `json:"segment"`
	CTA       *string          `json:"cta"`
	ID        *string          `json:"id"`
	Lang      *string          `json:"lang"`
	Title     *string          `json:"title"`
	HTML      *string          `json:"html"`
	Documents map[string]int64 `json:"documents"`
}

// checkArtifact holds a 200 on an artifact route to the schema, to its key and
// to its Docs-Version. What fails is not stored, replaces nothing and reaches no
// reader: an origin that answers with another segment's CTA, or an HTML page,
// with status 200 stops here (SEMANTICS §3).
func checkArtifact(key cachekey.Key, fields fieldLines, body []byte) error {
	if t := fields.Get("Content-Type"); !isJSON(t) {
		return &RefusedError{"Content-Type", fmt.Sprintf("application/json is required, got %q", t)}
	}
	version := fields.Combined("Docs-Version")
	if version == "" {
		return &RefusedError{"Docs-Version", "required on an artifact"}
	}
	var doc document
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&doc); err != nil {
		return &RefusedError{"body", "not the JSON of an artifact: " + err.Error()}
	}
	if d.More() {
		return &RefusedError{"body", "more than one JSON value"}
	}
	for _, m := range []struct {
		name string
		got  *string
		want string // "" accepts any
	}{
		{"kind", doc.Kind, key.Kind.String()},
		{"segment", doc.Segment, key.Segment},
		{"id", doc.ID, key.ID},
		{"cta", doc.CTA, key.CTA},
		{"lang", doc.Lang, ""},
		{"title", doc.Title, ""},
		{"html", doc.HTML, ""},
	} {
		if m.got == nil {
			if m.name == "cta" && key.Kind == cachekey.Campaign {
				continue
			}
			return &RefusedError{m.name, "required in an artifact"}
		}
		if m.want != "" && *m.got != m.want {
			return &RefusedError{m.name, fmt.Sprintf("must be %q, as the path says, got %q", m.want, *m.got)}
		}
	}
	if doc.Documents == nil {
		return &RefusedError{"documents", "required in an artifact"}
	}
	seen := 0
	var differs error
	if err := eachVersion(version, func(id string, v int64) {
		seen++
		if doc.Documents[id] != v {
			differs = &RefusedError{"documents", fmt.Sprintf("must be those of Docs-Version, differs in %q", id)}
		}
	}); err != nil {
		return err
	}
	if differs == nil && seen != len(doc.Documents) {
		differs = &RefusedError{"documents", "must be those of Docs-Version, differs in their number"}
	}
	return differs
}

func isJSON(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == "application/json"
}
