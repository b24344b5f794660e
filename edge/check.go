package edge

import (
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
	// A map and not a struct: names must match to the letter, as they do for
	// whoever reads the artifact.
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(body, &doc); err != nil {
		return &RefusedError{"body", "not the JSON of an artifact: " + err.Error()}
	}
	for _, m := range []struct{ name, want string }{ // "" accepts any text
		{"kind", key.Kind.String()}, {"segment", key.Segment}, {"id", key.ID}, {"cta", key.CTA},
		{"lang", ""}, {"title", ""}, {"html", ""},
	} {
		raw, ok := doc[m.name]
		if !ok && m.name == "cta" && key.Kind == cachekey.Campaign {
			continue
		}
		var got *string
		if !ok || json.Unmarshal(raw, &got) != nil || got == nil {
			return &RefusedError{m.name, "a text is required here in an artifact"}
		}
		if m.want != "" && *got != m.want {
			return &RefusedError{m.name, fmt.Sprintf("must be %q, as the path says, got %q", m.want, *got)}
		}
	}
	var documents map[string]int64
	if raw, ok := doc["documents"]; !ok || json.Unmarshal(raw, &documents) != nil || documents == nil {
		return &RefusedError{"documents", "an object of id and version is required in an artifact"}
	}
	seen := 0
	var differs error
	if err := eachVersion(version, func(id string, v int64) {
		seen++
		if documents[id] != v {
			differs = &RefusedError{"documents", fmt.Sprintf("must be those of Docs-Version, differs in %q", id)}
		}
	}); err != nil {
		return err
	}
	if differs == nil && seen != len(documents) {
		differs = &RefusedError{"documents", "must be those of Docs-Version, differs in their number"}
	}
	return differs
}

func isJSON(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == "application/json"
}
