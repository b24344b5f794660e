package cachekey

import (
	"slices"
	"strconv"
	"strings"
)

// What a selector holds is normalised by the rules for requests, so that it is
// found in the keys of requests, or refused.

func element(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }

func canonicalAll(field string, values []string, canonical func(string) (string, *Error)) ([]string, *Error) {
	if len(values) > MaxSelected {
		return nil, badf(field, "must be at most %d", MaxSelected)
	}
	all := make([]string, 0, len(values))
	for i, value := range values {
		c, err := canonicalOne(element(field, i), value, canonical)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return all, nil
}

func canonicalOne(field, value string, canonical func(string) (string, *Error)) (string, *Error) {
	if value == "" {
		return "", bad(field, "must not be empty")
	}
	if len(value) > MaxKey {
		return "", badf(field, "must not be longer than %d bytes", MaxKey)
	}
	c, err := canonical(value)
	if err != nil {
		return "", err.in(field)
	}
	if len(c) > MaxKey { // RFC 5952 writes out what "::" stands for if it is one group
		return "", badf(field, "must not be longer than %d bytes", MaxKey)
	}
	return c, nil
}

func canonicalTag(tag string) (string, *Error) {
	if !ValidTag(tag) {
		return "", bad("tag", tagRule)
	}
	return tag, nil
}

func canonicalHost(host string) (string, *Error) {
	c, err := appendHost(nil, host)
	return string(c), err
}

// canonicalKey takes an artifact's path with or without a query, or the text
// of a general key in any spelling.
func canonicalKey(key string) (string, *Error) {
	if key[0] != '/' {
		k, err := parseGeneralText(key)
		return k.Text, err
	}
	path, query, _ := strings.Cut(key, "?")
	b, traits, err := appendPath(nil, path)
	if err != nil {
		return "", err
	}
	if err = checkArtifactPath(traits); err != nil {
		return "", err
	}
	if _, err = splitArtifact(string(b)); err != nil {
		return "", err
	}
	end := len(b)
	b = append(b, "?"+langParam+"="...)
	at := len(b)
	if b, err = appendLang(b, query); err != nil {
		return "", err
	}
	if len(b) == at {
		b = b[:end]
	}
	return string(b), nil
}

const prefixRule = "must end in / and begin with / (artifacts) or a host"

func canonicalPrefix(prefix string) (string, *Error) {
	if !strings.HasSuffix(prefix, "/") || strings.Contains(prefix, "?") {
		return "", bad("prefix", prefixRule)
	}
	if prefix[0] == '/' {
		return canonicalArtifactPrefix(prefix)
	}
	k, err := parseGeneralText(prefix)
	if err != nil {
		return "", err
	}
	if strings.Contains(k.Text, " ") {
		return "", bad("prefix", "must not have a method")
	}
	if strings.Count(k.Path, "/") > MaxPrefixes {
		return "", badf("prefix", "must not be deeper than %d levels", MaxPrefixes)
	}
	return k.Text, nil
}

// canonicalArtifactPrefix accepts the prefixes that some artifact's path has.
func canonicalArtifactPrefix(prefix string) (string, *Error) {
	b, traits, err := appendPath(nil, prefix)
	if err != nil {
		return "", err
	}
	if err = checkArtifactPath(traits); err != nil {
		return "", err
	}
	c := string(b)
	if strings.HasPrefix(artifactRoot, c) {
		return c, nil
	}
	rest, ok := strings.CutPrefix(c, artifactRoot)
	if !ok {
		return "", bad("prefix", "artifacts live below "+artifactRoot+"; a prefix of other routes begins with its host")
	}
	parts := strings.Split(strings.TrimSuffix(rest, "/"), "/")
	if !ValidID(parts[0]) || len(parts) > 2 && !ValidID(parts[2]) {
		return "", bad("prefix", "each id in it "+idRule)
	}
	switch {
	case len(parts) == 1,
		len(parts) == 2 && (parts[1] == "ctas" || parts[1] == "campaigns"),
		len(parts) == 3 && parts[1] == "ctas",
		len(parts) == 4 && parts[1] == "ctas" && parts[3] == "proofs":
		return c, nil
	}
	return "", bad("prefix", "no artifact lies below it: "+artifactRoot+"{segment}/ctas/{cta}/proofs/ and "+artifactRoot+"{segment}/campaigns/ are the longest")
}
