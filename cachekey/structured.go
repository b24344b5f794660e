package cachekey

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// sfParser reads the structured-field syntax (RFC 9651 §4.2) that can occur in
// a list whose strings are all that is wanted: other items are only skipped,
// but must be well formed.
type sfParser struct{ rest string }

func (p *sfParser) skip(set string) { p.rest = strings.TrimLeft(p.rest, set) }

func (p *sfParser) take(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// sfMember is a member of a list: the raw content of a string, or something else.
type sfMember struct {
	text     string
	isString bool
}

// parseList reads a list (RFC 9651 §4.2.1).
func parseList(value string) (members []sfMember, ok bool) {
	p := sfParser{rest: strings.Trim(value, " ")}
	for p.rest != "" {
		text, isString, ok := p.member()
		if !ok {
			return nil, false
		}
		members = append(members, sfMember{text, isString})
		p.skip(" \t")
		if p.rest == "" {
			return members, true
		}
		if !p.take(',') {
			return nil, false
		}
		if p.skip(" \t"); p.rest == "" {
			return nil, false // a trailing comma
		}
	}
	return members, true
}

// member reads an item or inner list with its parameters. text is the raw
// content if it is a string.
func (p *sfParser) member() (text string, isString, ok bool) {
	if !p.take('(') {
		if text, isString, ok = p.bare(); !ok {
			return "", false, false
		}
		return text, isString, p.params()
	}
	for {
		p.skip(" ")
		if p.take(')') {
			return "", false, p.params()
		}
		if _, _, ok := p.bare(); !ok || !p.params() {
			return "", false, false
		}
		if p.rest == "" || p.rest[0] != ' ' && p.rest[0] != ')' {
			return "", false, false
		}
	}
}

func (p *sfParser) params() bool {
	for p.take(';') {
		p.skip(" ")
		n := 0
		for n < len(p.rest) && keyByte(p.rest[n], n == 0) {
			n++
		}
		if n == 0 {
			return false
		}
		p.rest = p.rest[n:]
		if p.take('=') {
			if _, _, ok := p.bare(); !ok {
				return false
			}
		}
	}
	return true
}

// bare reads a bare item.
func (p *sfParser) bare() (text string, isString, ok bool) {
	if p.rest == "" {
		return "", false, false
	}
	switch c := p.rest[0]; {
	case c == '"':
		text, ok = p.quoted()
		return text, true, ok
	case c == '%':
		p.rest = p.rest[1:]
		return "", false, p.displayString()
	case c == ':':
		n := strings.IndexByte(p.rest[1:], ':')
		if n < 0 || !isBase64(p.rest[1:1+n]) {
			return "", false, false
		}
		p.rest = p.rest[n+2:]
		return "", false, true
	case c == '?':
		if len(p.rest) < 2 || p.rest[1] != '0' && p.rest[1] != '1' {
			return "", false, false
		}
		p.rest = p.rest[2:]
		return "", false, true
	case c == '@':
		p.rest = p.rest[1:]
		return "", false, p.date()
	case c == '-' || c >= '0' && c <= '9':
		return "", false, p.number()
	case c == '*' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		n := 1
		for n < len(p.rest) && (tokenByte(p.rest[n]) || p.rest[n] == ':' || p.rest[n] == '/') {
			n++
		}
		p.rest = p.rest[n:]
		return "", false, true
	}
	return "", false, false
}

// quoted reads a string and returns what stands between its quotes, escapes
// and all: no valid tag has one.
func (p *sfParser) quoted() (string, bool) {
	if !p.take('"') {
		return "", false
	}
	for i := 0; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			text := p.rest[:i]
			p.rest = p.rest[i+1:]
			return text, true
		case c == '\\':
			if i++; i == len(p.rest) || p.rest[i] != '"' && p.rest[i] != '\\' {
				return "", false
			}
		case c < ' ' || c > '~':
			return "", false
		}
	}
	return "", false
}

// displayString skips what follows the % of a display string (RFC 9651 §4.2.10):
// visible ASCII in quotes, anything else of UTF-8 as % and two lower-case digits.
func (p *sfParser) displayString() bool {
	if !p.take('"') {
		return false
	}
	var decoded []byte
	for i := 0; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			p.rest = p.rest[i+1:]
			return utf8.Valid(decoded)
		case c == '%':
			if i+2 >= len(p.rest) {
				return false
			}
			hi, lo := strings.IndexByte(lowerHex, p.rest[i+1]), strings.IndexByte(lowerHex, p.rest[i+2])
			if hi < 0 || lo < 0 {
				return false
			}
			decoded = append(decoded, byte(hi<<4|lo))
			i += 2
		case c < ' ' || c > '~':
			return false
		default:
			decoded = append(decoded, c)
		}
	}
	return false
}

const lowerHex = "0123456789abcdef"

// isBase64 reports whether s is base64 of any bytes, with or without its padding
// (RFC 9651 §4.2.7 leaves that to the parser).
func isBase64(s string) bool {
	s = strings.TrimSuffix(strings.TrimSuffix(s, "="), "=")
	_, err := base64.RawStdEncoding.DecodeString(s)
	return err == nil && !strings.ContainsAny(s, "\r\n")
}

// date skips the integer of a date (RFC 9651 §4.2.9).
func (p *sfParser) date() bool {
	p.take('-')
	n := p.digits()
	return n >= 1 && n <= 15 && (p.rest == "" || p.rest[0] != '.')
}

// number skips an integer or decimal (RFC 9651 §4.2.4).
func (p *sfParser) number() bool {
	p.take('-')
	whole := p.digits()
	if whole == 0 || whole > 15 {
		return false
	}
	if !p.take('.') {
		return true
	}
	fraction := p.digits()
	return whole <= 12 && fraction >= 1 && fraction <= 3
}

func (p *sfParser) digits() int {
	n := 0
	for n < len(p.rest) && p.rest[n] >= '0' && p.rest[n] <= '9' {
		n++
	}
	p.rest = p.rest[n:]
	return n
}

func keyByte(c byte, first bool) bool {
	if c >= 'a' && c <= 'z' || c == '*' {
		return true
	}
	return !first && (c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.')
}
