package cachekey

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// String returns the one text form of a selector, for logs and the command
// line: all, segment=b2b, host=example.com, prefix=/v1/, keys=A,B or tags=A,B.
// In a value, "%", "," and spaces are percent-encoded.
func (s Selector) String() string {
	switch {
	case len(s.Tags) > 0:
		return "tags=" + joinValues(s.Tags)
	case len(s.Keys) > 0:
		return "keys=" + joinValues(s.Keys)
	case s.Prefix != "":
		return "prefix=" + joinValues([]string{s.Prefix})
	case s.Host != "":
		return "host=" + joinValues([]string{s.Host})
	case s.Segment != "":
		return "segment=" + joinValues([]string{s.Segment})
	case s.All:
		return "all"
	}
	return ""
}

func joinValues(values []string) string {
	var b []byte
	for i, value := range values {
		if i > 0 {
			b = append(b, ',')
		}
		at := len(b)
		b = escapeFrom(append(b, value...), at, ',')
	}
	return string(b)
}

// maxSelectorText bounds what ParseSelector looks at: every byte encoded.
const maxSelectorText = 16 + MaxSelected*3*(MaxKey+1)

// ParseSelector is the inverse of String. The selector is canonical. Errors
// are *Error.
func ParseSelector(text string) (Selector, error) {
	if len(text) > maxSelectorText {
		return Selector{}, badf("select", "must not be longer than %d bytes", maxSelectorText)
	}
	if text == "all" {
		return Selector{All: true}, nil
	}
	kind, list, ok := strings.Cut(text, "=")
	if !ok || !slices.Contains([]string{"tags", "keys", "prefix", "host", "segment"}, kind) {
		return Selector{}, bad("select", "must be all, tags=…, keys=…, prefix=…, host=… or segment=…")
	}
	var values []string
	for part := range strings.SplitSeq(list, ",") {
		if len(values) == MaxSelected {
			return Selector{}, badf(kind, "must be at most %d", MaxSelected)
		}
		value, err := decodeValue(kind, part)
		if err != nil {
			return Selector{}, err
		}
		values = append(values, value)
	}
	var s Selector
	switch kind {
	case "tags":
		s.Tags = values
	case "keys":
		s.Keys = values
	default:
		if len(values) > 1 || values[0] == "" {
			return Selector{}, bad(kind, "must be one value")
		}
		switch kind {
		case "prefix":
			s.Prefix = values[0]
		case "host":
			s.Host = values[0]
		case "segment":
			s.Segment = values[0]
		}
	}
	return s.Canonical()
}

func decodeValue(field, s string) (string, *Error) {
	var b []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			v, ok := unescape(s, i)
			if !ok {
				return "", bad(field, percentRule)
			}
			c, i = v, i+2
		}
		b = append(b, c)
	}
	return string(b), nil
}

// UnmarshalJSON reads a selector strictly: unknown, repeated, null and empty
// fields are errors that name them. The selector becomes canonical; on an
// error it is left as it was. Errors of content are *Error.
func (s *Selector) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(strings.NewReader(string(data)))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return bad("select", "must be a JSON object")
	}
	var read Selector
	var seen []string
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return bad("select", "is no valid JSON")
		}
		name, _ := t.(string)
		if slices.Contains(seen, name) {
			return bad(name, "is given twice")
		}
		seen = append(seen, name)
		if err := read.decodeField(d, name); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return bad("select", "is no valid JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return bad("select", "must be one JSON object")
	}
	if len(seen) > 1 {
		return bad("select", "must have only one of "+strings.Join(seen, ", "))
	}
	c, err := read.Canonical()
	if err != nil {
		return err
	}
	*s = c
	return nil
}

func (s *Selector) decodeField(d *json.Decoder, name string) error {
	var err error
	empty := false
	want := "a string that is not empty"
	switch name {
	case "tags":
		err, want = d.Decode(&s.Tags), "a list of 1 to 256 strings"
		empty = len(s.Tags) == 0
	case "keys":
		err, want = d.Decode(&s.Keys), "a list of 1 to 256 strings"
		empty = len(s.Keys) == 0
	case "prefix":
		err = d.Decode(&s.Prefix)
		empty = s.Prefix == ""
	case "host":
		err = d.Decode(&s.Host)
		empty = s.Host == ""
	case "segment":
		err = d.Decode(&s.Segment)
		empty = s.Segment == ""
	case "all":
		err, want = d.Decode(&s.All), "true"
		empty = !s.All
	default:
		return badf("select", "has the unknown field %s; there are tags, keys, prefix, host, segment and all", quote(name))
	}
	if err != nil || empty {
		return bad(name, "must be "+want)
	}
	return nil
}
