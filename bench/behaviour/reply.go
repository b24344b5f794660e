package behaviour

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/dunglas/httpsfv"
)

// Reply is an answer, read whole.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// String is all of it, as it came: what is wrong with an answer is often told by its
// fields.
func (r *Reply) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", r.Status)
	_ = r.Header.Write(&b) // a Builder takes everything
	fmt.Fprintf(&b, "\n%s", r.Body)
	return b.String()
}

// cache returns the last member of Cache-Status: what the node that was asked
// did. It is zero where there is none.
func (r *Reply) cache() httpsfv.Item {
	list, err := httpsfv.UnmarshalList(r.Header.Values("Cache-Status"))
	if err != nil || len(list) == 0 {
		return httpsfv.Item{}
	}
	item, _ := list[len(list)-1].(httpsfv.Item)
	return item
}

// CacheParam returns a parameter of what the node says of itself in
// Cache-Status, nil if it has none.
func (r *Reply) CacheParam(name string) any {
	item := r.cache()
	if item.Params == nil {
		return nil
	}
	v, _ := item.Params.Get(name)
	return v
}

// Hit reports whether the node answered from its cache.
func (r *Reply) Hit() bool { return r.CacheParam("hit") == true }

// Problem reports whether the answer is a problem+json that its status matches.
func (r *Reply) Problem(tb testing.TB) Problem {
	tb.Helper()
	return problemOf(tb, r)
}

// Versions reads Docs-Version: the version of each document.
func (r *Reply) Versions() map[string]string { return VersionsOf(r.Header.Get("Docs-Version")) }

// VersionsOf reads the value of a Docs-Version field.
func VersionsOf(field string) map[string]string {
	versions := map[string]string{}
	for part := range strings.SplitSeq(field, ",") {
		id, version, _ := strings.Cut(strings.TrimSpace(part), "=")
		versions[id] = version
	}
	return versions
}

// JSON decodes the body.
func (r *Reply) JSON(tb testing.TB, into any) {
	tb.Helper()
	if err := json.Unmarshal(r.Body, into); err != nil {
		tb.Fatalf("%v: %s", err, r.Body)
	}
}

// jsonField returns a field of a JSON object as text; "" if it has none.
func jsonField(tb testing.TB, body []byte, name string) string {
	tb.Helper()
	var all map[string]any
	(&Reply{Body: body}).JSON(tb, &all)
	if v, ok := all[name]; ok {
		return fmt.Sprint(v)
	}
	return ""
}
