package section

import "strings"

// Importance is what a client says of the order of its answers (RFC 9218 §4).
type Importance struct {
	Urgency     uint8 // 0 is the most urgent, 7 the least
	Incremental bool  // answers of the same urgency may take turns
}

// Default is the importance of a request that says nothing.
func Default() Importance { return Importance{Urgency: 3} }

// ParsePriority reads a Priority field value, which is a dictionary (RFC 8941
// §3.2) of which u and i are known. What is out of range, of another type or
// unknown is ignored; so is a value that is no dictionary (RFC 9218 §5).
func ParsePriority(v string) Importance {
	p, d := Default(), dictionary{v}
	for d.skipSpace(); d.rest != ""; {
		key, ok := d.key()
		if !ok {
			return Default()
		}
		member, ok := d.member()
		if !ok {
			return Default()
		}
		switch key { // of several the last counts, also where it says nothing
		case "u":
			p.Urgency = urgency(member)
		case "i":
			p.Incremental = member == "?1"
		}
		if !d.next() {
			return Default()
		}
	}
	return p
}

// urgency is an integer of 0 to 7 (RFC 8941 §3.3.1: up to 15 digits, zeros in
// front and a minus allowed), else the default.
func urgency(member string) uint8 {
	digits := strings.TrimPrefix(member, "-")
	if digits == "" || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" {
		return Default().Urgency
	}
	n := strings.TrimLeft(digits, "0")
	switch {
	case n == "":
		return 0
	case len(n) > 1 || n > "7" || digits != member:
		return Default().Urgency
	}
	return n[0] - '0'
}
