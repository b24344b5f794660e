package edge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"strconv"
	"strings"

	"github.com/letteros/letteredge/cachekey"
)

// RefusedError says why an upstream's answer is not stored and reaches no
// reader.
type RefusedError struct{ Field, Reason string }

// Error names the field and what it must be.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("the upstream's answer is refused: %s: %s", e.Field, e.Reason)
}

// checkStatus refuses what was not asked for: a 304 without a condition, a part
// without a range, and on artifact routes every status but 200, an artifact that
// is not there (404, 410, 451), and an error (5xx). What an artifact's upstream
// says beside a status that is not 200 is not checked by a schema, so readers
// get words of the edge's own.
func checkStatus(key cachekey.Key, ans *Answer) error {
	switch {
	case ans.Status == 304 || ans.Status == 206:
		return &RefusedError{"status", fmt.Sprintf("%d was not asked for", ans.Status)}
	case !key.IsArtifact() || ans.Status == 200:
		return nil
	case ans.Status == 404 || ans.Status == 410 || ans.Status == 451:
		return replaceContent(ans, "there is no such artifact")
	case ans.Status >= 500:
		return replaceContent(ans, "the origin of the artifacts fails")
	}
	return &RefusedError{"status", fmt.Sprintf("must be 200, 404, 410, 451 or 5xx for an artifact, got %d", ans.Status)}
}

// replaceContent gives an answer a problem of the edge's own. Of its fields stay
// those that say how long it holds, and when to come back.
func replaceContent(ans *Answer, detail string) error {
	if err := ans.Body.Close(); err != nil {
		return fmt.Errorf("close body: %w", err)
	}
	kept := fieldLines{{"Content-Type", "application/problem+json"}}
	for _, f := range ans.Fields {
		switch f.Name {
		case "Age", "Cache-Control", "Cdn-Cache-Control", "Date", "Expires", "Retry-After", "Vary", "Cache-Groups", "Cache-Tag", "Surrogate-Key":
			kept = append(kept, f)
		}
	}
	title := map[int]string{404: "Not Found", 410: "Gone", 451: "Unavailable For Legal Reasons"}[ans.Status]
	if title == "" {
		title = "Origin Error"
	}
	b := append([]byte(nil), `{"type":"about:blank","title":`...)
	b = appendJSON(b, title)
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(ans.Status), 10)
	b = append(b, `,"detail":`...)
	b = appendJSON(b, detail)
	b = append(b, '}', '\n')
	ans.Fields, ans.Body, ans.Length = kept, io.NopCloser(bytes.NewReader(b)), int64(len(b))
	return nil
}

// members reads a JSON object. A name given twice is refused, also if it is the
// second time in another case: readers differ in which of the two counts, and
// some (Go's encoding/json) take a name in any case.
func members(body []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, &RefusedError{"body", "an artifact is a JSON object"}
	}
	all, folded := make(map[string]json.RawMessage), make(map[string]bool)
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, &RefusedError{"body", "not the JSON of an artifact: " + err.Error()}
		}
		name, _ := t.(string) // a name is all that the grammar allows here
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, &RefusedError{"body", "not the JSON of an artifact: " + err.Error()}
		}
		fold := strings.ToLower(strings.ToUpper(name)) // ſ is an S, the Kelvin sign a k
		if folded[fold] {
			return nil, &RefusedError{"body", fmt.Sprintf("the member %q stands twice, in this case or another", name)}
		}
		all[name], folded[fold] = value, true
	}
	if _, err := d.Token(); err != nil {
		return nil, &RefusedError{"body", "not the JSON of an artifact: " + err.Error()}
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, &RefusedError{"body", "more than one JSON value"}
	}
	return all, nil
}

// checkArtifact holds a 200 on an artifact route to the schema, to its key and
// to its Docs-Version. What fails is not stored, replaces nothing and reaches no
// reader: an origin that answers with another segment's CTA, or an HTML page,
// with status 200 stops here (SEMANTICS §3).
func checkArtifact(key cachekey.Key, fields fieldLines, body []byte) error {
	if t := fields.Get("Content-Type"); !isJSON(t) {
		return &RefusedError{"Content-Type", fmt.Sprintf("application/json is required, got %q", t)}
	}
	if e := fields.Combined("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return &RefusedError{"Content-Encoding", fmt.Sprintf("artifacts come as they are, not in %q: the edge checks them", e)}
	}
	version := fields.Combined("Docs-Version")
	if version == "" {
		return &RefusedError{"Docs-Version", "required on an artifact"}
	}
	// A map and not a struct: names must match to the letter, as they do for
	// whoever reads the artifact.
	doc, err := members(body)
	if err != nil {
		return err
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
	documents, err := versionsOf(doc["documents"])
	if err != nil {
		return err
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

// versionsOf reads the member documents.
func versionsOf(raw json.RawMessage) (map[string]int64, error) {
	all, err := members(raw)
	if err != nil {
		return nil, &RefusedError{"documents", "an object of id and version is required in an artifact, each id once"}
	}
	documents := make(map[string]int64, len(all))
	for id, text := range all {
		v, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			return nil, &RefusedError{"documents", fmt.Sprintf("the version of %q must be a whole number", id)}
		}
		documents[id] = v
	}
	return documents, nil
}

func isJSON(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == "application/json"
}
