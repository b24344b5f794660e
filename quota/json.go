package quota

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// MaxJSON is the longest definition that Parse reads, in bytes.
const MaxJSON = 4096

// Form is the JSON form of a Quota, in the order in which it is shown; choices
// are words. Whoever reads one that others wrote gets what they wrote, valid or
// not: see Parse for what is checked.
type Form struct {
	Segment   string  `json:"segment"`
	RPS       float64 `json:"rps"`
	Burst     int     `json:"burst"`
	Scope     string  `json:"scope"`
	Overflow  string  `json:"overflow"`
	Mode      string  `json:"mode"`
	Priority  int     `json:"priority"`
	Partition string  `json:"partition"`
}

// Form returns q as it is shown.
func (q Quota) Form() Form {
	return Form{
		q.Segment, q.RPS, q.Burst, q.Scope.String(), q.Overflow.String(),
		q.Mode.String(), q.Priority, q.Partition.String(),
	}
}

// MarshalJSON writes all fields, defaults too.
func (q Quota) MarshalJSON() ([]byte, error) { return json.Marshal(q.Form()) }

// UnmarshalJSON reads a definition that names its own segment, by the rules of
// Parse.
func (q *Quota) UnmarshalJSON(data []byte) error {
	parsed, err := Parse("", data)
	if err != nil {
		return err
	}
	*q = parsed
	return nil
}

// Parse reads the definition of a segment's quota. The body is one JSON object;
// fields left out take their defaults, rps is required, and `segment` must be
// the given one if it is there (it must be there if the given one is ""). Names
// count exactly as they are spelt; unknown fields, a field given twice and null
// are refused. Errors are ErrInvalid; a body that is no JSON object is the field
// "body".
func Parse(segment string, body []byte) (Quota, error) {
	fields, err := splitObject(body)
	if err != nil {
		return Quota{}, err
	}
	p := parser{fields: fields}
	q := Quota{Segment: segment}
	if named, ok := p.text("segment"); ok {
		if segment != "" && named != segment {
			p.fail("segment", "must be that of the path, "+strconv.Quote(segment))
		}
		q.Segment = named
	}
	rps, ok := p.number("rps", rpsRule())
	if !ok {
		p.fail("rps", "is required and "+rpsRule())
	}
	q.RPS = rps
	q.Burst = DefaultBurst(rps)
	if n, ok := p.whole("burst", burstRule()); ok {
		q.Burst = n
	}
	q.Priority = DefaultPriority
	if n, ok := p.whole("priority", priorityRule()); ok {
		q.Priority = n
	}
	q.Scope = pick[Scope](&p, "scope", scopes())
	q.Overflow = pick[Overflow](&p, "overflow", overflows())
	q.Mode = pick[Mode](&p, "mode", modes())
	if word, ok := p.text("partition"); ok && word != PartitionStrict.String() {
		// What was defined so before is read still (ledger.go); it decides as strict.
		p.fail("partition", `must be "strict"; "share" and "open" need limits that are lent by demand, which are not there yet`)
	}
	if p.err != nil {
		return Quota{}, p.err
	}
	if err := q.Validate(); err != nil {
		return Quota{}, err
	}
	return q, nil
}

// splitObject returns the raw value of each field of one JSON object.
// encoding/json by itself would match names in any case and let the last of two
// equal names win, so that two readers of one body could see two quotas.
func splitObject(body []byte) (map[string]json.RawMessage, error) {
	if len(body) > MaxJSON {
		return nil, ErrInvalid{"body", fmt.Sprintf("must be at most %d bytes long", MaxJSON)}
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, ErrInvalid{"body", `must be a JSON object such as {"rps":200}`}
	}
	fields := make(map[string]json.RawMessage)
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, notJSON(dec)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, notJSON(dec)
		}
		if !known(name) {
			return nil, ErrInvalid{strconv.Quote(name), "is not a field of a quota; those are segment, rps, burst, scope, overflow, mode, priority, partition"}
		}
		if _, twice := fields[name]; twice {
			return nil, ErrInvalid{name, "is given twice"}
		}
		fields[name] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, notJSON(dec)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, ErrInvalid{"body", "must end after the JSON object"}
	}
	return fields, nil
}

func notJSON(dec *json.Decoder) error {
	return ErrInvalid{"body", fmt.Sprintf("must be valid JSON, which ends at byte %d", dec.InputOffset())}
}

func known(name string) bool {
	switch name {
	case "segment", "rps", "burst", "scope", "overflow", "mode", "priority", "partition":
		return true
	}
	return false
}

// parser reads fields and keeps the first error.
type parser struct {
	fields map[string]json.RawMessage
	err    error
}

func (p *parser) fail(field, reason string) {
	if p.err == nil {
		p.err = ErrInvalid{field, reason}
	}
}

// text reads a string; false if the field is absent.
func (p *parser) text(field string) (string, bool) {
	raw, ok := p.fields[field]
	if !ok {
		return "", false
	}
	var s *string
	if json.Unmarshal(raw, &s) != nil || s == nil {
		p.fail(field, "must be a string")
		return "", true
	}
	return *s, true
}

// number reads a number; false if the field is absent. What a float64 cannot
// hold is told as out of range.
func (p *parser) number(field, rule string) (float64, bool) {
	raw, ok := p.fields[field]
	if !ok {
		return 0, false
	}
	var f *float64
	if json.Unmarshal(raw, &f) != nil || f == nil {
		p.fail(field, rule)
		return 0, true
	}
	return *f, true
}

// whole reads a whole number, also one written as 4e2; false if the field is
// absent.
func (p *parser) whole(field, rule string) (int, bool) {
	f, ok := p.number(field, rule)
	if ok && (f != math.Trunc(f) || math.Abs(f) > MaxBurst) {
		p.fail(field, rule)
		return 0, true
	}
	return int(f), ok
}

func pick[C choice](p *parser, field string, words []string) C {
	s, ok := p.text(field)
	if !ok {
		return 0
	}
	c, err := parseChoice[C](field, words, s)
	if err != nil && p.err == nil {
		p.err = err
	}
	return c
}
