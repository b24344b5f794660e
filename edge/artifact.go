package edge

import (
	"crypto/sha256"
	"encoding/base64"
	"math/bits"
	"slices"
	"strings"
	"sync/atomic"
	"unsafe"
)

// Artifact is a stored response, baked once at fill so that a hit only points
// at it: its field lines in order of name, its body, what validates it. It is
// immutable; a revalidation bakes a new one that shares the body.
type Artifact struct {
	Status int
	Body   []byte

	lines lines
	from  uint32 // where the field lines begin; before them is what is known beside
	// codable: readers may get it in other codings, see coded. digested: some line is a
	// digest of the content.
	codable, digested bool

	made atomic.Pointer[made] // what transports have asked for; nil for most
}

// NewArtifact is a response of those field lines, for what stands in for the
// core: names canonical, equal ones adjacent. The entity tag and the modification
// date are those of the lines.
func NewArtifact(status int, body []byte, fields ...Field) *Artifact {
	d := &draft{Status: status, Fields: fields, Body: body}
	d.ETag, d.LastModified = fieldLines(fields).Get("Etag"), fieldLines(fields).Get("Last-Modified")
	return d.pack()
}

// All yields every field line, sorted by name; equal names are adjacent, in the
// order received. The texts live as long as the artifact. HOT.
func (a *Artifact) All(yield func(name, value string) bool) {
	for at := int(a.from); at < len(a.lines); {
		name, value, next := a.lines.line(at)
		if !yield(name, value) {
			return
		}
		at = next
	}
}

// fields lists the lines that came from upstream, with room for more.
func (a *Artifact) fields(more int) []Field {
	n := 0
	for range a.All {
		n++
	}
	list := make([]Field, 0, n+more)
	for at := int(a.from); at < len(a.lines); {
		name, value, next := a.lines.line(at)
		if a.lines[at] != ownVary {
			list = append(list, Field{name, value})
		}
		at = next
	}
	return list
}

// Get returns the first value of a field by its canonical name, "" if absent.
func (a *Artifact) Get(name string) string { return a.lines.find(int(a.from), name) }

// ETag is the entity tag readers see, with quotes; "" if there is none.
func (a *Artifact) ETag() string { return a.about(aboutETag) }

// LastModified is the field's value as received; "" if there is none. On
// artifact routes it validates with the upstream and is not shown.
func (a *Artifact) LastModified() string { return a.about(aboutLastModified) }

func (a *Artifact) about(k kind) string { return a.lines.about(int(a.from), k) }

// size is what the artifact costs in bytes.
func (a *Artifact) size() int64 {
	n := artifactSize + allocated(len(a.Body)) + allocated(len(a.lines)) + a.codedSize()
	if m := a.made.Load(); m != nil {
		n += m.counted.Load()
	}
	return n
}

// uncounted reports whether something has been made of the artifact that size does
// not tell of yet. HOT.
func (a *Artifact) uncounted() bool {
	m := a.made.Load()
	return m != nil && m.kept.Load() != m.counted.Load()
}

// count has size tell of all that has been made. What changes the size of something
// stored is done within Store.Grow.
func (a *Artifact) count() {
	if m := a.made.Load(); m != nil {
		m.counted.Store(m.kept.Load())
	}
}

const (
	artifactSize = 64
	madeSize     = int64(unsafe.Sizeof(made{}))
	listsSize    = 48
)

// allocated is what the runtime takes for n bytes: its size classes lie at most an
// eighth apart, and what is larger than 32 KiB is whole pages.
func allocated(n int) int64 {
	switch {
	case n <= 8:
		return int64(n+7) &^ 7
	case n > 32<<10:
		return (int64(n) + 8191) &^ 8191
	}
	least := 16
	if n <= 32 {
		least = 8
	}
	step := max(least, 1<<(bits.Len(uint(n-1))-4))
	return int64((n + step - 1) &^ (step - 1))
}

// made is what is made of an artifact when it is first asked for: most are never
// asked for over more than one protocol, or never again at all.
type made struct {
	lists atomic.Pointer[lists]
	forms [protoCount]form        // see Form
	coded atomic.Pointer[codings] // see coded
	// kept are the bytes of this, its lists and forms; counted those that Slot.Size
	// tells of: see Core.count.
	kept, counted atomic.Int64
}

// lists are the names and values of all lines.
type lists struct{ names, values []string }

// ask returns what has been made so far.
func (a *Artifact) ask() *made {
	if m := a.made.Load(); m != nil {
		return m
	}
	m := &made{}
	m.kept.Store(madeSize)
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
	m := a.ask()
	f := &m.forms[p]
	if block := f.block.Load(); block != nil {
		return *block
	}
	block := encode(a)
	if f.asked.Swap(true) {
		f.block.Store(&block)
		m.kept.Add(24 + allocated(cap(block)))
	}
	return block
}

// Lists calls yield once for each name with all of its values, until it returns
// false. The slices are shared by all answers and must not be changed.
func (a *Artifact) Lists(yield func(name string, values []string) bool) {
	made := a.ask()
	m := made.lists.Load()
	if m == nil {
		m = &lists{}
		for name, value := range a.All {
			m.names, m.values = append(m.names, name), append(m.values, value)
		}
		if made.lists.CompareAndSwap(nil, m) {
			made.kept.Add(listsSize + 2*16*int64(cap(m.names)))
		}
	}
	for i := 0; i < len(m.names); {
		j := i + 1
		for j < len(m.names) && m.names[j] == m.names[i] {
			j++
		}
		if !yield(m.names[i], m.values[i:j:j]) {
			return
		}
		i = j
	}
}

// bake makes a draft of an upstream's end-to-end fields and a complete body.
// derived says that the edge names the content itself (artifact routes): ETag
// from the bytes, so that it is the same on every node, and Cache-Groups from
// the tags. The upstream's own tag fields stay with the edge. omit names fields
// that must not be stored.
func bake(status int, fields []Field, omit []string, body []byte, tags []string, derived bool) *draft {
	a := &draft{Status: status, Body: body}
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
