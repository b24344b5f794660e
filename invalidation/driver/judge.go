package driver

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// judge holds what a reader gets against what an artifact should be.
func judge(it rollout.Item, rep Reply) error {
	fail := func(check, format string, args ...any) error {
		return &failure{check, it.Key.Text + ": " + fmt.Sprintf(format, args...)}
	}
	if it.Gone {
		if rep.Status != 404 && rep.Status != 410 {
			return fail("status", "answers %d, and should be gone: 404 or 410", rep.Status)
		}
		return nil
	}
	if rep.Status != 200 {
		return fail("status", "answers %d", rep.Status)
	}
	if rep.Degraded != "" {
		return fail("whole", "answers less than was asked for: %.60q", rep.Degraded)
	}
	got, err := parseVersions(rep.Versions)
	if err != nil {
		return fail("docs-version", "%v", err)
	}
	want, err := parseVersions(it.Vector)
	if err != nil {
		return fail("docs-version", "target: %v", err)
	}
	for id, v := range want {
		// A Summary names the documents of those Proofs that are in it.
		if have, named := got[id]; named && have != v || !named && it.Key.Kind != cachekey.Summary {
			return fail("docs-version", "shows %.200q, and should show %.200q", rep.Versions, it.Vector)
		}
	}
	return schema(it.Key, rep.Body, fail)
}

// schema looks at what a front end relies on. The edge has held the origin's
// answer to all of it: this is what came out at the door.
func schema(key cachekey.Key, body []byte, fail func(check, format string, args ...any) error) error {
	// Maps and not structs: encoding/json gives a struct what a name in another case
	// holds, and the two checks must agree.
	var a map[string]json.RawMessage
	if err := json.Unmarshal(body, &a); err != nil {
		return fail("schema", "is not the JSON of an artifact: %v", err)
	}
	kind, segment, cta, id := text(a["kind"]), text(a["segment"]), text(a["cta"]), text(a["id"])
	if kind != key.Kind.String() || segment != key.Segment || cta != key.CTA || id != key.ID {
		return fail("schema", "is %.40q %.64q of CTA %.64q for %.64q", kind, id, cta, segment)
	}
	for _, name := range []string{"lang", "title", "html"} {
		var s *string
		if json.Unmarshal(a[name], &s) != nil || s == nil {
			return fail("schema", "lacks %s, a text", name)
		}
	}
	var documents map[string]int64
	if json.Unmarshal(a["documents"], &documents) != nil || documents == nil {
		return fail("schema", "lacks documents, an object of id and version")
	}
	if key.Kind != cachekey.Summary {
		return nil // what else an origin says in it is its own business
	}
	var proofs []map[string]json.RawMessage
	if raw, has := a["proofs"]; has && json.Unmarshal(raw, &proofs) != nil {
		return fail("schema", "holds proofs that are none")
	}
	for _, p := range proofs {
		if segment, cta := text(p["segment"]), text(p["cta"]); segment != key.Segment || cta != key.CTA {
			return fail("schema", "holds a Proof for CTA %.64q of %.64q", cta, segment)
		}
	}
	return nil
}

// text is a JSON string's; "" if it is none.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// parseVersions reads a Docs-Version field, such as `core-message=7, trial=42`;
// "" is none.
func parseVersions(field string) (map[string]int64, error) {
	versions := map[string]int64{}
	if field == "" {
		return versions, nil
	}
	for member := range strings.SplitSeq(field, ",") {
		id, text, ok := strings.Cut(strings.Trim(member, " \t"), "=")
		v, err := strconv.ParseInt(text, 10, 64)
		if !ok || err != nil || v < 1 || v > rollout.MaxVersion || !cachekey.ValidID(id) {
			return nil, fmt.Errorf("%.200q is no list of id=version", field)
		}
		versions[id] = v
	}
	return versions, nil
}
