package docsorigin

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	maxAcceptLanguageBytes = 4 << 10
	maxLanguageRanges      = 64
)

// languageOf chooses the language of an artifact: `?lang=`, else a look-up of
// Accept-Language, else that of ID.md. vary tells whether Accept-Language had
// a say: the URL names no language, and there is more than one.
//
// A `lang` that the document lacks is looked up like a range (`ja-jp` finds
// ja) and falls back to ID.md's, never to Accept-Language: one URL that names
// a language has one answer.
func languageOf(u *url.URL, h http.Header, e *edition) (lang string, vary bool, no *refusal) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", false, refuse(http.StatusBadRequest, "the query cannot be read")
	}
	if asked, ok := query["lang"]; ok {
		if len(asked) != 1 || !validLang(asked[0]) {
			return "", false, refuse(http.StatusBadRequest, "lang %s, once", langAllows)
		}
		return lookUp(asked, e), false, nil
	}
	if len(e.texts) < 2 {
		return e.lang, false, nil
	}
	return lookUp(languageRanges(strings.Join(h.Values("Accept-Language"), ",")), e), true, nil
}

// lookUp is RFC 4647 §3.4: the first range for which a language exists, each
// range shortened from its end until one does.
func lookUp(ranges []string, e *edition) string {
	for _, r := range ranges {
		for r = strings.ToLower(r); r != ""; r = shorten(r) {
			if _, ok := e.texts[r]; ok {
				return r
			}
		}
	}
	return e.lang
}

// shorten takes the last subtag off, and with it a single letter before it.
func shorten(r string) string {
	i := strings.LastIndexByte(r, '-')
	if i < 0 {
		return ""
	}
	if i >= 2 && r[i-2] == '-' {
		i -= 2
	}
	return r[:i]
}

// languageRanges reads Accept-Language (RFC 9110 §12.5.4): ranges by weight,
// equal ones in their order. Members that are malformed, `*` (look-up skips
// it) and weight 0 are left out; so is what exceeds the limits.
func languageRanges(field string) []string {
	type weighted struct {
		text   string
		weight float64
	}
	var all []weighted
	if len(field) > maxAcceptLanguageBytes {
		field = field[:strings.LastIndexByte(field[:maxAcceptLanguageBytes], ',')+1]
	}
	for member := range strings.SplitSeq(field, ",") {
		text, params, weighs := strings.Cut(member, ";")
		text = strings.Trim(text, " \t")
		weight, ok := 1.0, true
		if weighs {
			weight, ok = quality(params)
		}
		if !ok || weight == 0 || !validLang(text) {
			continue
		}
		if all = append(all, weighted{text, weight}); len(all) == maxLanguageRanges {
			break
		}
	}
	slices.SortStableFunc(all, func(a, b weighted) int { return cmp.Compare(b.weight, a.weight) })
	ranges := make([]string, len(all))
	for i, r := range all {
		ranges[i] = r.text
	}
	return ranges
}

// quality reads `q=0.5`, the one parameter of a language range.
func quality(params string) (float64, bool) {
	params = strings.Trim(params, " \t")
	value, ok := strings.CutPrefix(strings.ToLower(params), "q=")
	if !ok || len(value) > len("0.000") || strings.Trim(value, "0123456789.") != "" {
		return 0, false
	}
	q, err := strconv.ParseFloat(value, 64)
	return q, err == nil && q <= 1
}
