package freshness

import "strings"

// directive is one member of a Cache-Control field. Name and Value are views of
// the field's value.
type directive struct {
	Name   string // a token, in the case it came in
	Value  string // the argument without quotes; "" if there is none
	Has    bool   // there is an argument, perhaps an empty one
	Quoted bool   // the argument was a quoted-string
	// Bad says that the member does not follow the grammar of RFC 9111 §5.2.
	// What restricts is heeded all the same, what permits is not.
	Bad bool
}

// is compares the name; names know no case.
func (d *directive) is(name string) bool {
	return len(d.Name) == len(name) && strings.EqualFold(d.Name, name)
}

// scanner walks the directives of one field line without allocating. It never
// fails: after a member that is malformed it resumes at the next token, so that
// `max-age=60;no-store` and `no-cache no-store` hide nothing.
type scanner struct {
	s string
	i int
	// open: a quoted-string that does not end was met. Every later quote is then
	// an escaped one, so looking for its end again would cost quadratic time.
	open bool
}

// next returns the next directive; false at the end of the line.
func (c *scanner) next() (directive, bool) {
	for c.i < len(c.s) && !isTchar(c.s[c.i]) {
		if c.s[c.i] == '"' {
			if end, ok := c.quotedEnd(); ok {
				c.i = end
				continue
			}
		}
		c.i++
	}
	if c.i == len(c.s) {
		return directive{}, false
	}
	d := directive{Name: c.token()}
	if spaced := c.space(); c.i < len(c.s) && c.s[c.i] == '=' {
		c.i++
		c.argument(&d)
		d.Bad = d.Bad || spaced
		c.space()
	}
	if c.i < len(c.s) && c.s[c.i] != ',' {
		d.Bad = true
	}
	return d, true
}

// argument reads token / quoted-string. A quoted-string that does not end is
// read as far as the next comma.
func (c *scanner) argument(d *directive) {
	d.Has = true
	if c.i < len(c.s) && c.s[c.i] == '"' {
		if end, ok := c.quotedEnd(); ok {
			d.Value, d.Quoted = c.s[c.i+1:end-1], true
			c.i = end
			return
		}
		c.i++
		d.Bad = true
	}
	d.Value = c.token()
	d.Bad = d.Bad || d.Value == ""
}

func (c *scanner) token() string {
	start := c.i
	for c.i < len(c.s) && isTchar(c.s[c.i]) {
		c.i++
	}
	return c.s[start:c.i]
}

func (c *scanner) space() bool {
	start := c.i
	for c.i < len(c.s) && (c.s[c.i] == ' ' || c.s[c.i] == '\t') {
		c.i++
	}
	return c.i > start
}

// quotedEnd returns the offset behind the quoted-string that begins here.
func (c *scanner) quotedEnd() (int, bool) {
	if c.open {
		return 0, false
	}
	for i := c.i + 1; i < len(c.s); i++ {
		switch c.s[i] {
		case '\\':
			i++
		case '"':
			return i + 1, true
		}
	}
	c.open = true
	return 0, false
}

// isTchar reports whether c may stand in a token (RFC 9110 §5.6.2).
func isTchar(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c > ' ' && strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

func isToken(s string) bool {
	for i := range len(s) {
		if !isTchar(s[i]) {
			return false
		}
	}
	return s != ""
}
