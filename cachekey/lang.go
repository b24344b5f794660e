package cachekey

import "strings"

const langRule = "must be one language tag such as en or zh-hant, at most 35 bytes"

// appendLang appends the canonical value of the lang parameter of an
// artifact's raw query, nothing if there is none. Other parameters are dropped,
// so that they can neither split a cache nor reach an origin.
func appendLang(dst []byte, query string) ([]byte, *Error) {
	start, found := len(dst), false
	for query != "" {
		var param string
		param, query, _ = strings.Cut(query, "&")
		// Each parameter is normalised behind what is kept: the syntax of one
		// that is dropped counts too.
		at := len(dst)
		var err *Error
		if dst, err = appendQuery(dst, param); err != nil {
			return dst, err
		}
		name, value := cutParam(dst[at:])
		if string(name) != langParam {
			dst = dst[:at]
			continue
		}
		if found {
			return dst, bad(langParam, "is given twice: "+langRule)
		}
		found = true
		dst = append(dst[:at], value...)
		lower(dst[at:])
		if !validLang(string(dst[at:])) {
			return dst[:start], bad(langParam, langRule)
		}
	}
	return dst, nil
}

// cutParam splits a parameter at its first "=".
func cutParam(p []byte) (name, value []byte) {
	for i, c := range p {
		if c == '=' {
			return p[:i], p[i+1:]
		}
	}
	return p, nil
}

func lower(b []byte) {
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
}
