package invalidation

import "strings"

// place is where a key stands, as views into its canonical text: what hosts,
// keys and prefixes select by. A Stamp keeps the text alone and takes it apart
// on the slow path, which is half the memory of a Key.
type place struct {
	text     string // the whole: what a key selects
	path     string // `host/path`, or an artifact's path: what prefixes select by
	host     string // "" for artifacts
	artifact bool
}

// placeOf takes a canonical text apart (cachekey.Key.Text).
func placeOf(text string, artifact bool) place {
	p := place{text: text, artifact: artifact}
	p.path, _, _ = strings.Cut(text, "?")
	if artifact {
		return p
	}
	if method, rest, ok := strings.Cut(p.path, " "); ok && !strings.Contains(method, "/") {
		p.path = rest
	}
	var rooted bool
	if p.host, _, rooted = strings.Cut(p.path, "/"); !rooted {
		p.host = strings.TrimSuffix(p.host, "*") // OPTIONS *
	}
	return p
}
