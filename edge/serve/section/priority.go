package section

import "github.com/dunglas/httpsfv"

// Importance is what a client says of the order of its answers (RFC 9218 §4).
type Importance struct {
	Urgency     uint8 // 0 is the most urgent, 7 the least
	Incremental bool  // answers of the same urgency may take turns
}

// Default is the importance of a request that says nothing.
func Default() Importance { return Importance{Urgency: 3} }

// ParsePriority reads a Priority field value, which is a dictionary (RFC 9651
// §3.2) of which u and i are known. What is out of range, of another type or
// unknown is ignored; so is a value that is no dictionary (RFC 9218 §5).
func ParsePriority(v string) Importance {
	if p, ok := plainPriority(v); ok {
		return p
	}
	return readPriority([]string{v})
}

// readPriority reads the lines of a Priority by the full parser.
func readPriority(lines []string) Importance {
	p := Default()
	dict, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil {
		return p
	}
	if n, ok := value(dict, "u").(int64); ok && 0 <= n && n <= 7 {
		p.Urgency = uint8(n)
	}
	if b, ok := value(dict, "i").(bool); ok {
		p.Incremental = b
	}
	return p
}

// plainPriority reads what browsers send, without allocating: u with one digit,
// and i, once each and in this order.
func plainPriority(v string) (Importance, bool) {
	p := Default()
	if len(v) >= 3 && v[:2] == "u=" && '0' <= v[2] && v[2] <= '7' {
		p.Urgency = v[2] - '0'
		switch v[3:] {
		case "":
			return p, true
		case ",i", ", i":
			p.Incremental = true
			return p, true
		}
		return p, false
	}
	p.Incremental = v == "i"
	return p, v == "" || v == "i"
}

// value is a member's bare item, nil for an inner list and for what is not there.
func value(dict *httpsfv.Dictionary, key string) any {
	if m, ok := dict.Get(key); ok {
		if item, ok := m.(httpsfv.Item); ok {
			return item.Value
		}
	}
	return nil
}
