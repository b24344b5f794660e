package edge

import (
	"slices"
	"strings"

	"github.com/letteros/letteredge/cachekey"
)

// ownFields returns the fields of an answer that are not stored with it, as its
// origin names them in private="…" or no-cache="…", and are for the reader who asked
// (RFC 9111 §5.2.2.4, §5.2.2.7): a cookie mostly. Who joined the fetch gets none.
// What tells of the content or of the cache is said by what is stored, and
// artifacts have nothing of one reader.
func ownFields(key cachekey.Key, fields []Field, omit []string) []Field {
	if len(omit) == 0 || key.IsArtifact() {
		return nil
	}
	var own []Field
	for _, f := range fields {
		if slices.Contains(omit, f.Name) && !tellsOfContent(f.Name) {
			own = append(own, f)
		}
	}
	return own
}

// tellsOfContent reports whether a field belongs to the content, to its freshness, or to
// this hop.
func tellsOfContent(name string) bool {
	switch name {
	case "Age", "Alt-Svc", "Cache-Control", "Cache-Groups", "Cache-Status", "Cdn-Cache-Control", "Date", "Digest", "Docs-Version", "Edge-Degraded", "Etag",
		"Expires", "Last-Modified", "Ratelimit", "Ratelimit-Policy", "Repr-Digest", "Server-Timing", "Surrogate-Control", "Vary":
		return true
	}
	return strings.HasPrefix(name, "Content-")
}
