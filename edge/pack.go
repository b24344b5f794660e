package edge

import (
	"slices"
	"strings"
)

// pack moves the texts of an artifact into one string of its own, which ends the
// upstream's hold on the memory that they were read into: one allocation in place
// of two for each line. Names that nearly all responses have cost nothing at all.
// Nobody else may have seen the artifact yet.
func (a *Artifact) pack() {
	texts := make([]*string, 0, 2*len(a.Fields)+5)
	for i := range a.Fields {
		f := &a.Fields[i]
		if name, ok := commonName(f.Name); ok {
			f.Name = name
		} else {
			texts = append(texts, &f.Name)
		}
		texts = append(texts, &f.Value)
	}
	texts = append(texts, &a.ETag, &a.LastModified, &a.upstreamETag, &a.cacheStatus, &a.control)
	// Validators are mostly a line's value as well: they are kept once.
	at := make([]int, len(texts))
	var b strings.Builder
	size := 0
	first := make([]int, len(texts))
	for i, t := range texts {
		first[i] = slices.IndexFunc(texts[:i], func(o *string) bool { return *o == *t })
		if first[i] < 0 {
			size += len(*t)
		}
	}
	b.Grow(size)
	for i, t := range texts {
		if first[i] >= 0 {
			at[i] = at[first[i]]
			continue
		}
		at[i] = b.Len()
		b.WriteString(*t)
	}
	all := b.String()
	for i, t := range texts {
		*t = all[at[i] : at[i]+len(*t)]
	}
	if cap(a.Fields) > len(a.Fields) {
		a.Fields = append(make([]Field, 0, len(a.Fields)), a.Fields...) // no spare lines
	}
}

// commonName returns a field name as a constant of the program, where it is one
// that responses mostly have.
func commonName(name string) (string, bool) {
	for _, n := range [...]string{
		"Content-Type", "Cache-Control", "Etag", "Last-Modified", "Date", "Cache-Tag", "Cache-Groups", "Vary", "Server",
		"Content-Encoding", "Content-Language", "Content-Location", "Content-Security-Policy", "Docs-Version", "Expires",
		"Link", "Location", "Referrer-Policy", "Strict-Transport-Security", "Surrogate-Key", "X-Content-Type-Options",
		"X-Frame-Options", "Access-Control-Allow-Origin", "Accept-Ranges", "Set-Cookie",
	} {
		if n == name {
			return n, true
		}
	}
	return name, false
}
