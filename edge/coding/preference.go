package coding

import (
	"maps"
	"strings"

	"github.com/letteros/letteredge/cachekey"
)

// Preference is the codings that a request accepts and a Coder makes, the most
// wanted first. Identity is among them unless it was refused.
type Preference struct {
	n     uint8
	order [Count]Coding
}

// Best is the most wanted coding, Identity where none is acceptable.
func (p Preference) Best() Coding { return p.order[0] }

// Len is how many codings are acceptable, and At the i-th of them.
func (p Preference) Len() int { return int(p.n) }

// At returns the i-th most wanted coding.
func (p Preference) At(i int) Coding { return p.order[i] }

// Accepts reports whether a coding is acceptable.
func (p Preference) Accepts(c Coding) bool {
	for _, o := range p.order[:p.n] {
		if o == c {
			return true
		}
	}
	return false
}

// unnamed is the weight of what a field does not name.
const unnamed = -1

// Preference reads an Accept-Encoding field, its lines joined. What is absent or
// empty asks for identity: an absent field accepts any coding, but says nothing
// about being able to read one. HOT.
//
// Among equal weights the policy's order decides; identity comes behind codings
// of its weight, and behind all of them where nothing names it. An element that is
// malformed does not count, and of a name that comes twice a refusal wins, as in
// cachekey.NormalizeField.
func (c *Coder) Preference(field string) Preference {
	if field == "" {
		return Preference{n: 1}
	}
	if p, ok := (*c.known.Load())[field]; ok {
		return p
	}
	p := c.parse(field)
	if len(field) <= maxKnownField {
		c.remember(field, p)
	}
	return p
}

// Nearly all readers send one of a dozen fields, so that what has been read once
// is looked up. Who sends ever new ones fills the table, and has them parsed.
const (
	maxKnown      = 128
	maxKnownField = 64
)

// remember keeps a preference, if there is room. field is a view.
func (c *Coder) remember(field string, p Preference) {
	for {
		known := c.known.Load()
		if len(*known) >= maxKnown {
			return
		}
		next := maps.Clone(*known)
		next[strings.Clone(field)] = p
		if c.known.CompareAndSwap(known, &next) {
			return
		}
	}
}

func (c *Coder) parse(field string) Preference {
	weights := [Count]int{unnamed, unnamed, unnamed, unnamed}
	others := unnamed
	for field != "" {
		element := field
		if i := strings.IndexByte(field, ','); i >= 0 {
			element, field = field[:i], field[i+1:]
		} else {
			field = ""
		}
		name, q, ok := cachekey.CutWeight(element)
		if !ok {
			continue
		}
		of := &others
		if name != "*" {
			coding, known := Parse(name)
			if !known {
				continue
			}
			of = &weights[coding]
		}
		if *of != 0 && (q == 0 || q > *of) {
			*of = q
		}
	}
	var p Preference
	var have [Count]int
	for _, coding := range c.policy.Codings {
		q := weights[coding]
		if q == unnamed {
			q = others
		}
		if q > 0 {
			p.insert(&have, coding, q)
		}
	}
	q := weights[Identity]
	if q == unnamed {
		q = others
	}
	if q != 0 {
		p.insert(&have, Identity, q)
	}
	return p
}

// insert puts a coding behind those of its weight.
func (p *Preference) insert(have *[Count]int, c Coding, q int) {
	i := int(p.n)
	for ; i > 0 && have[i-1] < q; i-- {
		have[i], p.order[i] = have[i-1], p.order[i-1]
	}
	have[i], p.order[i] = q, c
	p.n++
}
