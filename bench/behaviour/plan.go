package behaviour

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// Exchange is a request that some client is to make.
type Exchange struct {
	Method, Target string
	Fields         []string // pairs of name and value
	Content        int      // how many bytes are sent; -1: none
	Quit           int      // after how many bytes of the answer it goes; -1: never
}

// Plan makes random exchanges with a Varied origin.
type Plan struct {
	r    *rand.Rand
	tags map[string][]string // entity tags by the targets that are kept
	kept []string            // the keys of it, in order
	n    int                 // counts names
}

// NewPlan makes the same exchanges for the same seed and tags.
func NewPlan(seed uint64, tags map[string][]string) *Plan {
	return &Plan{r: rand.New(rand.NewPCG(seed, 0)), tags: tags, kept: slices.Sorted(maps.Keys(tags))}
}

// keptTargets are those that are in the cache from the start.
func keptTargets() (all []string) {
	for _, kind := range []string{Kept, Text, Chunked} {
		for i, size := range []int{0, 1, 100, 600, 890, 1024, 5000, 16 << 10, 17_000, 65_535, 100_000, 300_000} {
			all = append(all, fmt.Sprintf("/%s/%d/%s%d", kind, size, kind[:1], i))
		}
	}
	return append(all, "/kept/1000/query?a=1&b=%20", "/text/2000/query?"+strings.Repeat("q", 900))
}

// preferences are of codings.
func preferences() []string {
	return []string{"", "identity", "gzip", "br", "zstd", "br;q=0", "gzip, br;q=0.5", "identity;q=0, gzip", "*", "x-unknown, zstd;q=0.1"}
}

// one picks one of some.
func one[T any](p *Plan, some ...T) T { return some[p.r.IntN(len(some))] }

func (p *Plan) size() int {
	if size := one(p, 0, 1, 100, 1024, 1100, 16<<10, 65_536, 150_000); size > 1 {
		return size - p.r.IntN(size/2)
	} else {
		return size
	}
}

// name is one that was not there before.
func (p *Plan) name() string {
	p.n++
	return fmt.Sprintf("n%d", p.n)
}

// Target is a random one: of what is kept, what is passed on, and what is refused.
func (p *Plan) Target() string {
	switch n := p.r.IntN(20); {
	case n < 11:
		return one(p, p.kept...)
	case n < 17:
		kind := one(p, Passed, Flowing, Trailed, Fields, Early)
		return fmt.Sprintf("/%s/%d/%s", kind, p.size(), p.name())
	case n < 19:
		return fmt.Sprintf("/status/%d/%s", one(p, 200, 203, 204, 301, 307, 400, 404, 410, 418, 451, 500, 501, 503), p.name())
	default:
		return one(p, "/passed//", "/passed/10/%2e%2e/", "/passed/10/%00", "/passed/10/%ff", "/passed/10/", "/passed/10/../") + p.name()
	}
}

// Upload is a request that carries content.
func (p *Plan) Upload() Exchange {
	return Exchange{Method: one(p, "POST", "POST", "PUT", "PATCH"), Target: fmt.Sprintf("/echo/%d/%s", p.size(), p.name()),
		Content: one(p, 0, 1, 1000, 20_000, p.r.IntN(200_000)), Quit: -1}
}

// Next is a random exchange of any kind.
func (p *Plan) Next() Exchange {
	if p.r.IntN(6) == 0 {
		return p.Upload()
	}
	e := Exchange{Method: "GET", Target: p.Target(), Content: -1, Quit: -1}
	if p.r.IntN(8) == 0 {
		e.Method = "HEAD"
	}
	if p.r.IntN(12) == 0 {
		e.Method, e.Target = one(p, "OPTIONS", "DELETE", "QUERY"), fmt.Sprintf("/echo/%d/%s", p.size(), p.name())
	}
	if p.r.IntN(10) == 0 {
		e.Quit = one(p, 0, 1, 1000, 20_000)
	}
	e.Fields = p.Fields(e.Target)
	return e
}

// Fields are some that suit a target.
func (p *Plan) Fields(target string) (f []string) {
	add := func(in int, name string, value func() string) {
		if p.r.IntN(in) == 0 {
			f = append(f, name, value())
		}
	}
	tag := func() string {
		return one(p, append([]string{`"other"`, `W/"other", "another"`, "*", "unquoted"}, p.tags[target]...)...)
	}
	add(2, "Accept-Encoding", func() string { return one(p, preferences()...) })
	add(4, "Range", func() string {
		return one(p, "bytes=0-0", "bytes=0-99", "bytes=100-", "bytes=-1", "bytes=-70000", "bytes=0-1,5-9", "bytes=9-5", "bytes=900000-",
			fmt.Sprintf("bytes=%d-%d", p.r.IntN(1000), p.r.IntN(100_000)), "bytes=0-, 0-", "lines=1-2", "bytes=-0", "bytes=a-b")
	})
	add(5, "If-None-Match", tag)
	add(8, "If-Modified-Since", func() string { return one(p, changed, "Sun, 01 Nov 2026 10:00:00 GMT", "yesterday") })
	add(8, "If-Range", func() string { return one(p, tag(), changed, `W/"x"`) })
	add(12, "If-Match", tag)
	add(12, "If-Unmodified-Since", func() string { return one(p, changed, "Sun, 01 Nov 2026 10:00:00 GMT") })
	add(4, "Priority", func() string { return one(p, "u=0", "u=7, i", "i", "u=9", "u=") })
	add(10, "Cache-Control", func() string { return one(p, "only-if-cached", "max-stale=5", "min-fresh=1") })
	add(8, "Cookie", func() string { return strings.Repeat("a=b; ", p.r.IntN(50)) + "z=1" })
	add(3, "Te", func() string { return "trailers" })
	for range p.r.IntN(4) {
		f = append(f, fmt.Sprintf("X-H%d", p.r.IntN(5)), strings.Repeat("v", 1+p.r.IntN(200)))
	}
	return f
}

// Alike are exchanges of one method, with the same fields and content, for targets
// that are all different: what a client can do that is told of these once.
func (p *Plan) Alike(n int, fields bool) []Exchange {
	first := p.Next()
	if !fields {
		first.Fields = nil
	}
	first.Quit = -1
	uploads := strings.HasPrefix(first.Target, "/echo/")
	all, seen := []Exchange{first}, map[string]bool{first.Target: true}
	for len(all) < n {
		e := first
		if e.Target = p.Target(); uploads {
			e.Target = p.Upload().Target
		}
		if !seen[e.Target] {
			seen[e.Target] = true
			all = append(all, e)
		}
	}
	return all
}
