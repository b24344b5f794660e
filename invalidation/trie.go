package invalidation

import (
	"hash/maphash"
	"strings"

	"github.com/letteros/letteredge/cachekey"
)

// trie holds the floors of purged prefixes. Its first level is the host, "" for
// artifact routes, which have none; each further level is one part of the path
// up to its slash: `example.com/img/` is example.com → img. A walk ends at the
// first level that no purged prefix goes through, mostly the first, and after
// cachekey.MaxPrefixes at the latest.
type trie struct{ root node }

type node struct {
	floor floor
	kids  table[node]
}

// put returns the floor of a prefix, `host/path/`. One that is too deep, which
// no valid selector is, gets the floor of its first levels: it purges more.
func (t *trie) put(seed maphash.Seed, prefix string) *floor {
	n := &t.root
	level, rest, ok := nextLevel(prefix)
	for depth := 0; ok && depth < cachekey.MaxPrefixes; depth++ {
		n = n.kids.put(seed, level)
		level, rest, ok = nextLevel(rest)
	}
	return &n.floor
}

// over judges a copy of `host/path` that began at born by all prefixes of it.
func (t *trie) over(seed maphash.Seed, path string, born Epoch) State {
	n, worst := &t.root, Valid
	level, rest, ok := nextLevel(path)
	for depth := 0; ok && depth < cachekey.MaxPrefixes; depth++ {
		if n = n.kids.get(seed, level); n == nil {
			break
		}
		worst = max(worst, n.floor.over(born))
		level, rest, ok = nextLevel(rest)
	}
	return worst
}

// keep drops the floors that alive refuses, and the levels that lead to none.
func (t *trie) keep(alive func(*floor) bool) {
	var walk func(*node) bool
	walk = func(n *node) bool {
		below := n.kids.keep(walk)
		return alive(&n.floor) || below > 0
	}
	t.root.kids.keep(walk)
}

// nextLevel cuts the first level off a path; what follows the last slash is
// none, as a prefix ends in one.
func nextLevel(path string) (level, rest string, ok bool) {
	return strings.Cut(path, "/")
}
