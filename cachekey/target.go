package cachekey

import "strings"

// MaxTarget is the longest request-target that gets a key; a longer one is 414.
const MaxTarget = 8 << 10

const maxMethod = 32

// target is a request-target in its parts, still raw.
type target struct {
	authority string // of an absolute-form, else ""
	path      string // "/…", or "*"
	query     string // without "?"
	absolute  bool
}

// splitTarget takes the forms of RFC 9112 §3.2 apart.
func splitTarget(method, raw string) (target, *Error) {
	switch {
	case len(raw) > MaxTarget:
		return target{}, &Error{Status: 414, Field: "target", Reason: "must not be longer than 8192 bytes"}
	case raw == "":
		return target{}, bad("target", "is empty")
	case raw == "*":
		if method != "OPTIONS" {
			return target{}, bad("target", "* goes with OPTIONS only")
		}
		return target{path: raw}, nil
	}
	var t target
	if raw[0] != '/' {
		scheme, rest, ok := strings.Cut(raw, "://")
		if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
			return target{}, bad("target", "must begin with / or be an absolute http or https URL")
		}
		end := strings.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		t.absolute, t.authority, raw = true, rest[:end], rest[end:]
	}
	t.path, t.query, _ = strings.Cut(raw, "?")
	switch {
	case raw == "" && method == "OPTIONS":
		t.path = "*" // RFC 9112 §3.2.4
		return t, nil
	case t.path == "":
		t.path = "/" // RFC 3986 §6.2.3
	}
	if t.path[0] != '/' {
		return target{}, badByte("path", t.path[0])
	}
	return t, nil
}

// checkMethod: a token (RFC 9110 §5.6.2) of at most 32 bytes.
func checkMethod(method string) *Error {
	if method == "GET" || method == "HEAD" {
		return nil
	}
	if method == "" || len(method) > maxMethod {
		return badf("method", "must have 1 to %d bytes", maxMethod)
	}
	for i := 0; i < len(method); i++ {
		if !tokenByte(method[i]) {
			return bad("method", "must be a token")
		}
	}
	if method == "CONNECT" {
		return &Error{Status: 405, Field: "method", Reason: "CONNECT is not served"}
	}
	return nil
}

func tokenByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
