package edge

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
)

// Artifact is a stored response, baked once at fill so that a hit only points
// at it: its field lines in order of name, its body, its entity tag. It is
// immutable; a revalidation bakes a new one that shares the body.
type Artifact struct {
	Status int
	Fields []Field // sorted by name; equal names adjacent, in the order received
	Body   []byte
	// ETag is the entity tag readers see, with quotes; "" if there is none.
	ETag string
	// LastModified is the field's value as received; "" if there is none. On
	// artifact routes it validates with the upstream and is not shown.
	LastModified string
	// upstreamETag is the validator of the upstream that the body came from; it
	// differs from ETag where the edge derives its own.
	upstreamETag string
	// cacheStatus holds the members that tiers behind this one have added.
	cacheStatus string
	// control is the upstream's Cache-Control where readers get another one.
	control string

	made atomic.Pointer[made] // what transports have asked for; nil for most
}

// made is what is made of an artifact when it is first asked for: most are never
// asked for over more than one protocol, or never again at all.
type made struct {
	values []string         // the values of Fields, for Lists
	forms  [protoCount]form // see Form
}

// ask returns what has been made so far.
func (a *Artifact) ask() *made {
	if m := a.made.Load(); m != nil {
		return m
	}
	m := &made{values: make([]string, len(a.Fields))}
	for i := range a.Fields {
		m.values[i] = a.Fields[i].Value
	}
	if !a.made.CompareAndSwap(nil, m) {
		return a.made.Load() // somebody else's, which may hold a form by now
	}
	return m
}

// form is an artifact's field lines as one protocol writes them.
type form struct {
	asked atomic.Bool // once: the next time it is kept
	block atomic.Pointer[[]byte]
}

// Form returns the field lines as one block in the form of a protocol (an HPACK
// or QPACK field section, say), which encode writes. It is kept from its second
// use on: most artifacts are never asked for twice over the same protocol. The
// block is shared by all answers and must not be changed.
func (a *Artifact) Form(p Proto, encode func(*Artifact) []byte) []byte {
	f := &a.ask().forms[p]
	if block := f.block.Load(); block != nil {
		return *block
	}
	block := encode(a)
	if f.asked.Swap(true) {
		f.block.Store(&block)
	}
	return block
}

// Lists calls yield once for each name with all of its values, until it returns
// false. The slices are shared by all answers and must not be changed.
func (a *Artifact) Lists(yield func(name string, values []string) bool) {
	values := a.ask().values
	for i := 0; i < len(a.Fields); {
		j := i + 1
		for j < len(a.Fields) && a.Fields[j].Name == a.Fields[i].Name {
			j++
		}
		if !yield(a.Fields[i].Name, values[i:j:j]) {
			return
		}
		i = j
	}
}

// Get returns the first value of a field by its canonical name, "" if absent.
func (a *Artifact) Get(name string) string {
	i := sort.Search(len(a.Fields), func(i int) bool { return a.Fields[i].Name >= name })
	if i < len(a.Fields) && a.Fields[i].Name == name {
		return a.Fields[i].Value
	}
	return ""
}

// bake makes an Artifact of an upstream's end-to-end fields and a complete body.
// derived says that the edge names the content itself (artifact routes): ETag
// from the bytes, so that it is the same on every node, and Cache-Groups from
// the tags. The upstream's own tag fields stay with the edge. omit names fields
// that must not be stored.
func bake(status int, fields []Field, omit []string, body []byte, tags []string, derived bool) *Artifact {
	a := &Artifact{Status: status, Body: body}
	lines := make([]Field, 0, len(fields)+2)
	for _, f := range fields {
		if slices.Contains(omit, f.Name) {
			continue
		}
		switch f.Name {
		case "Age", "Content-Length", "Server-Timing", "Alt-Svc", "Edge-Degraded",
			"Ratelimit", "Ratelimit-Policy":
			continue // made for each answer, or another hop's business
		case "Cache-Status":
			a.cacheStatus = joinValues(a.cacheStatus, f.Value)
			continue
		case "Etag":
			a.upstreamETag = f.Value
			if derived {
				continue
			}
			a.ETag = f.Value
		case "Last-Modified":
			a.LastModified = f.Value
			if derived {
				continue // when an origin wrote it says nothing of the content, and may differ from node to node
			}
		case "Cache-Tag", "Surrogate-Key", "Surrogate-Control", "Cdn-Cache-Control":
			if derived {
				continue
			}
		case "Cache-Groups":
			continue // told anew, with all tags
		}
		lines = append(lines, f)
	}
	if derived {
		a.ETag = contentETag(body)
		lines = append(lines, Field{"Etag", a.ETag})
	}
	if len(tags) > 0 {
		lines = append(lines, Field{"Cache-Groups", cacheGroups(tags)})
	}
	slices.SortStableFunc(lines, func(x, y Field) int { return strings.Compare(x.Name, y.Name) })
	a.Fields = lines
	return a
}

// contentETag is a strong entity tag from the content alone: the first 128 bits
// of its SHA-256, which no two artifacts of one key will share by accident.
func contentETag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// cacheGroups writes tags as the list of strings of RFC 9875 §2. Tags hold
// neither quotes nor backslashes (cachekey.ValidTag).
func cacheGroups(tags []string) string {
	var b strings.Builder
	for i, t := range tags {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('"')
		b.WriteString(t)
		b.WriteByte('"')
	}
	return b.String()
}

func joinValues(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}
