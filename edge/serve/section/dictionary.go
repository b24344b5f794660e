package section

// dictionary reads the part of RFC 8941 that a Priority value may have. Members
// are told by their text; parameters and inner lists are passed over.
type dictionary struct{ rest string }

func (d *dictionary) skipSpace() {
	for d.rest != "" && d.rest[0] == ' ' {
		d.rest = d.rest[1:]
	}
}

func (d *dictionary) take(n int) string {
	t := d.rest[:n]
	d.rest = d.rest[n:]
	return t
}

// key reads a key (§3.1.2).
func (d *dictionary) key() (string, bool) {
	n := 0
	for n < len(d.rest) {
		c := d.rest[n]
		switch {
		case 'a' <= c && c <= 'z', c == '*':
		case n > 0 && ('0' <= c && c <= '9' || c == '_' || c == '-' || c == '.'):
		default:
			return d.take(n), n > 0
		}
		n++
	}
	return d.take(n), n > 0
}

// member reads what belongs to a key: nothing, which is true, or a value.
func (d *dictionary) member() (string, bool) {
	text, ok := "?1", true
	if d.rest != "" && d.rest[0] == '=' {
		d.take(1)
		text, ok = d.value()
	}
	if !ok {
		return "", false
	}
	for d.rest != "" && d.rest[0] == ';' { // parameters
		d.take(1)
		d.skipSpace()
		if _, ok := d.key(); !ok {
			return "", false
		}
		if d.rest != "" && d.rest[0] == '=' {
			d.take(1)
			if _, ok := d.bare(); !ok {
				return "", false
			}
		}
	}
	return text, true
}

// value reads an item, or an inner list, which is told as "()".
func (d *dictionary) value() (string, bool) {
	if d.rest == "" || d.rest[0] != '(' {
		return d.bare()
	}
	quoted := false
	for i := 1; i < len(d.rest); i++ {
		switch c := d.rest[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ')' && !quoted:
			d.take(i + 1)
			return "()", true
		}
	}
	return "", false
}

// bare reads a bare item: a number, a boolean, a token, a string or bytes.
func (d *dictionary) bare() (string, bool) {
	if d.rest != "" && d.rest[0] == '"' {
		for i := 1; i < len(d.rest); i++ {
			switch d.rest[i] {
			case '\\':
				i++
			case '"':
				return d.take(i + 1), true
			}
		}
		return "", false
	}
	n := 0
	for n < len(d.rest) && d.rest[n] != ',' && d.rest[n] != ';' && d.rest[n] != ' ' && d.rest[n] != '\t' && d.rest[n] != ')' {
		n++
	}
	return d.take(n), n > 0
}

// next passes over the comma before the next member; true at the end as well.
func (d *dictionary) next() bool {
	d.skipSpaceAndTabs()
	if d.rest == "" {
		return true
	}
	if d.rest[0] != ',' {
		return false
	}
	d.take(1)
	d.skipSpaceAndTabs()
	return d.rest != "" // no comma at the end
}

func (d *dictionary) skipSpaceAndTabs() {
	for d.rest != "" && space(d.rest[0]) {
		d.rest = d.rest[1:]
	}
}
