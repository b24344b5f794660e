package cachekey

import "strings"

// MaxText is the longest canonical text, without a variant: a method, a host,
// and a target.
const MaxText = maxMethod + 1 + maxHost + MaxTarget

// ParseText is the inverse of Key.Text: it accepts what Keyer.Key can produce
// and nothing else, so that a text which is not canonical never passes for a
// key. Route is 0 for general routes. A text that a variant follows is none.
// Errors are *Error.
func ParseText(text string) (Key, error) {
	if len(text) > MaxText {
		return Key{}, badf("key", "must not be longer than %d bytes", MaxText)
	}
	if strings.HasPrefix(text, "/") {
		return parseArtifactText(text)
	}
	key, err := parseGeneralText(text)
	if err != nil {
		return Key{}, err
	}
	if key.Text != text {
		return Key{}, badf("key", "is not canonical: write %s", quote(key.Text))
	}
	return key, nil
}

func parseArtifactText(text string) (Key, error) {
	path, query, more := strings.Cut(text, "?")
	k, err := splitArtifact(path)
	if err != nil {
		return Key{}, err.in("key")
	}
	if more {
		lang, ok := strings.CutPrefix(query, langParam+"=")
		if !ok || !validLang(lang) {
			return Key{}, bad("key", "only ?lang= and a language in lower case may follow an artifact's path")
		}
		k.Lang = lang
	}
	k.Text = text
	return k, nil
}

// parseGeneralText makes a key of [METHOD ]host/path[?query] in any spelling.
func parseGeneralText(text string) (Key, *Error) {
	var b []byte
	if method, rest, ok := strings.Cut(text, " "); ok {
		if err := checkMethod(method); err != nil {
			return Key{}, err
		}
		if method == "GET" || method == "HEAD" {
			return Key{}, bad("method", "is left out for GET and HEAD")
		}
		b, text = append(append(b, method...), ' '), rest
	}
	host := len(b)
	end := strings.IndexAny(text, "/*?#")
	if end < 0 {
		return Key{}, bad("path", "must be host/path, or an artifact's path such as /v1/segments/b2b/ctas/trial")
	}
	if strings.HasPrefix(text[end:], "//") && strings.HasSuffix(text[:end], ":") {
		return Key{}, bad("host", "is written without a scheme: host/path")
	}
	var err *Error
	if b, err = appendHost(b, text[:end]); err != nil {
		return Key{}, err
	}
	path := len(b)
	t, err := splitTarget(strings.TrimSuffix(string(b[:host]), " "), text[end:])
	if err != nil {
		return Key{}, err
	}
	var traits pathTraits
	if b, traits, err = appendPath(b, t.path); err != nil {
		return Key{}, err
	}
	if below(b[path:]) {
		return Key{}, bad("path", "that of an artifact is written without a host")
	}
	if traits.any() {
		if b, err = cleanPath(b, path, traits); err != nil {
			return Key{}, err
		}
	}
	query := len(b)
	if t.query != "" {
		if b, err = appendWholeQuery(append(b, '?'), t.query); err != nil {
			return Key{}, err
		}
	}
	v := string(b)
	k := Key{Host: v[host:path], Path: v[path:query], Text: v}
	if len(v) > query {
		k.Query = v[query+1:]
	}
	return k, nil
}
