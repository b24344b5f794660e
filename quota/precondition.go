package quota

import "strings"

// Precondition holds the conditional fields of a request that changes a quota,
// as they were sent; several lines of one name joined by ", ". The zero value is
// no condition.
type Precondition struct {
	IfMatch     string // RFC 9110 §13.1.1: "*" or a list of entity tags
	IfNoneMatch string // RFC 9110 §13.1.2; "*" means only if there is none yet
}

// Check compares the fields with the current entity tag, "" if there is no
// quota, or whatever else the tag is of. It returns ErrPreconditionFailed, or an ErrInvalid for a field that is
// no list of entity tags: to ignore that would be to overwrite unasked.
func (p Precondition) Check(current string) error {
	match, err := parseTags("If-Match", p.IfMatch)
	if err != nil {
		return err
	}
	noneMatch, err := parseTags("If-None-Match", p.IfNoneMatch)
	if err != nil {
		return err
	}
	if p.IfMatch != "" && !match.holds(current, false) {
		return ErrPreconditionFailed
	}
	if p.IfNoneMatch != "" && noneMatch.holds(current, true) {
		return ErrPreconditionFailed
	}
	return nil
}

// tagList is a parsed If-Match or If-None-Match.
type tagList struct {
	any  bool
	tags []string // opaque tags with their quotes, weak ones with their W/
}

// holds reports whether the list selects the current tag. If-Match compares
// strongly: a weak tag never matches (RFC 9110 §8.8.3.2).
func (l tagList) holds(current string, weakly bool) bool {
	if current == "" {
		return false
	}
	for _, t := range l.tags {
		if weakly {
			t = strings.TrimPrefix(t, "W/")
		}
		if t == current {
			return true
		}
	}
	return l.any
}

func parseTags(field, value string) (tagList, error) {
	malformed := ErrInvalid{field, `must be * or a list of entity tags such as "17-9f86d081884c7d65"`}
	var l tagList
	rest := strings.Trim(value, " \t")
	switch rest {
	case "":
		if value != "" {
			return l, malformed
		}
		return l, nil
	case "*":
		l.any = true
		return l, nil
	}
	for rest != "" {
		tag, ok := leadingTag(rest)
		if !ok {
			return l, malformed
		}
		l.tags = append(l.tags, tag)
		rest = strings.TrimLeft(rest[len(tag):], " \t")
		if rest == "" {
			break
		}
		if rest[0] != ',' {
			return l, malformed
		}
		rest = strings.TrimLeft(rest, ", \t") // RFC 9110 §5.6.1.2: empty elements are ignored
	}
	return l, nil
}

// leadingTag returns the entity tag that s begins with (RFC 9110 §8.8.3).
func leadingTag(s string) (string, bool) {
	opaque := strings.TrimPrefix(s, "W/")
	if opaque == "" || opaque[0] != '"' {
		return "", false
	}
	for i := 1; i < len(opaque); i++ {
		switch c := opaque[i]; {
		case c == '"':
			return s[:len(s)-len(opaque)+i+1], true
		case c < 0x21 || c == 0x7f:
			return "", false
		}
	}
	return "", false
}
