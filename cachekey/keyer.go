package cachekey

import "fmt"

// Input is a request as it came: nothing decoded, nothing cleaned. The host of
// HTTP/2 and HTTP/3 is :authority.
type Input struct{ Method, Host, Target string }

// Scratch is the memory that keys are built in. The zero value is ready; it
// grows to the size of what it has to hold (some 20 KiB at the very most) and
// is meant to be kept with a pooled request. It must not be used by two calls
// at once.
type Scratch struct {
	buf    []byte
	params [maxParams]param
}

// Keyer gives requests their keys. It is immutable and safe for concurrent use.
type Keyer struct{ patterns []pattern }

// NewKeyer prepares the patterns of the general routes, the first that matches
// a request wins. The artifact routes are always there, before all of them.
func NewKeyer(patterns []Pattern) (*Keyer, error) {
	if len(patterns) > maxPatterns {
		return nil, fmt.Errorf("routes: must be at most %d", maxPatterns)
	}
	k := &Keyer{patterns: make([]pattern, len(patterns))}
	for i, p := range patterns {
		c, err := compilePattern(p)
		if err != nil {
			return nil, fmt.Errorf("routes[%d]: %w", i, err)
		}
		k.patterns[i] = c
	}
	return k, nil
}

// Key returns the key of a request. Its strings are views into s: they are
// valid until the next call with s. Errors are *Error; no route is ErrNoRoute.
// A request that has a key costs no allocation.
func (k *Keyer) Key(in Input, s *Scratch) (Key, error) {
	key, err := k.key(in, s)
	if err != nil {
		return Key{}, err
	}
	return key, nil
}

func (k *Keyer) key(in Input, s *Scratch) (Key, *Error) {
	if err := checkMethod(in.Method); err != nil {
		return Key{}, err
	}
	t, err := splitTarget(in.Method, in.Target)
	if err != nil {
		return Key{}, err
	}

	// The buffer holds "METHOD host path?query" and, behind it, working room.
	b := s.buf[:0]
	defer func() { s.buf = b[:0] }()

	safe := in.Method == "GET" || in.Method == "HEAD"
	if !safe {
		b = append(append(b, in.Method...), ' ')
	}
	host := len(b)
	if b, err = appendHost(b, in.Host); err != nil {
		return Key{}, err
	}
	path := len(b)
	if t.absolute {
		if b, err = appendHost(b, t.authority); err != nil {
			return Key{}, err.in("target")
		}
		if string(b[host:path]) != string(b[path:]) {
			return Key{}, bad("target", "its authority must equal Host")
		}
		b = b[:path]
	}

	b, traits, err := appendPath(b, t.path)
	if err != nil {
		return Key{}, err
	}
	if below(b[path:]) {
		return keyArtifact(&b, path, traits, safe, t.query)
	}
	if traits.any() {
		if b, err = cleanPath(b, path, traits); err != nil {
			return Key{}, err
		}
	}
	end := len(b)
	route := k.match(b[host:path], b[path:end])
	if route < 0 {
		return Key{}, ErrNoRoute.(*Error)
	}
	if t.query != "" {
		b = append(b, '?')
		if b, err = k.patterns[route].query.appendCanonical(b, t.query, &s.params); err != nil {
			return Key{}, err
		}
		if len(b) == end+1 {
			b = b[:end]
		}
	}
	text := view(b)
	key := Key{Route: route, Host: text[host:path], Path: text[path:end], Text: text}
	if len(b) > end {
		key.Query = text[end+1:]
	}
	return key, nil
}

// keyArtifact ends the key of an artifact, whose path begins at b[path]. The
// host before it stays out of the key.
func keyArtifact(b *[]byte, path int, traits pathTraits, safe bool, query string) (Key, *Error) {
	if err := checkArtifactPath(traits); err != nil {
		return Key{}, err
	}
	end := len(*b)
	text := *b
	var err *Error
	if query != "" {
		text = append(text, "?"+langParam+"="...)
		at := len(text)
		text, err = appendLang(text, query)
		*b = text
		if err != nil {
			return Key{}, err
		}
		if len(text) == at {
			text = text[:end]
		}
	}
	v := view(text[path:])
	key, err := splitArtifact(v[:end-path])
	if err != nil {
		return Key{}, err
	}
	if !safe {
		return Key{}, &Error{Status: 405, Field: "method", Reason: "artifacts are read with GET or HEAD"}
	}
	if len(text) > end {
		key.Lang = v[end-path+len("?"+langParam+"="):]
	}
	key.Text = v
	return key, nil
}

// match returns the index of the first pattern that matches, or -1.
func (k *Keyer) match(host, path []byte) int {
	name := host[:nameLen(host)]
	for i := range k.patterns {
		if k.patterns[i].matches(host, name, path) {
			return i
		}
	}
	return -1
}

func checkArtifactPath(t pathTraits) *Error {
	switch {
	case t.encodedSlash:
		return bad("path", "must not hold an encoded slash below "+artifactRoot)
	case t.doubleSlash:
		return bad("path", "must not hold // below "+artifactRoot)
	case t.dots:
		return bad("path", "must not hold dot segments below "+artifactRoot)
	}
	return nil
}

// cleanPath removes the dot segments of the general path b[path:].
func cleanPath(b []byte, path int, traits pathTraits) ([]byte, *Error) {
	raw := len(b)
	b = append(b, b[path:raw]...)
	if traits.dots {
		b = b[:raw+removeDots(b[raw:])]
	}
	canonical := len(b)
	b, found := disguised(b, b[path:raw], b[raw:canonical])
	if found {
		return b, bad("path", "only becomes an artifact's by cleaning: ask for "+artifactRoot+"… itself")
	}
	n := copy(b[path:], b[raw:canonical])
	return b[:path+n], nil
}
