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
	size := 0
	for i := range a.Fields {
		f := &a.Fields[i]
		if name, ok := commonName(f.Name); ok {
			f.Name = name
		} else {
			size += len(f.Name)
		}
		size += len(f.Value)
	}
	// Validators are mostly a line's value as well: they are kept once.
	others := [...]*string{&a.ETag, &a.LastModified, &a.upstreamETag, &a.cacheStatus, &a.control}
	for _, t := range others {
		if a.lineOf(*t) < 0 {
			size += len(*t)
		}
	}
	var b strings.Builder
	b.Grow(size) // so that what has been written never moves
	put := func(t *string) {
		at := b.Len()
		b.WriteString(*t)
		*t = b.String()[at:]
	}
	for i := range a.Fields {
		f := &a.Fields[i]
		if _, ok := commonName(f.Name); !ok {
			put(&f.Name)
		}
		put(&f.Value)
	}
	for _, t := range others {
		if i := a.lineOf(*t); i >= 0 {
			*t = a.Fields[i].Value
		} else {
			put(t)
		}
	}
	if cap(a.Fields) > len(a.Fields) {
		a.Fields = append(make([]Field, 0, len(a.Fields)), a.Fields...) // no spare lines
	}
}

// lineOf returns the first line with that value, -1 if there is none.
func (a *Artifact) lineOf(value string) int {
	return slices.IndexFunc(a.Fields, func(f Field) bool { return f.Value == value })
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
