package section

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
		switch {
		case key == "u" && len(member) == 1 && '0' <= member[0] && member[0] <= '7':
			p.Urgency = member[0] - '0'
		case key == "i" && (member == "?1" || member == "?0"):
			p.Incremental = member == "?1"
		}
		if !d.next() {
			return Default()
		}
	}
	return p
}
