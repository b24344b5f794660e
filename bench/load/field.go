package load

import "strings"

// Field is one header field line, its name as on the wire.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ParseField reads "Name: value", as curl's -H does. Config.Validate checks
// what name and value may be.
func ParseField(line string) (Field, error) {
	name, value, ok := strings.Cut(line, ":")
	if !ok || name == "" {
		return Field{}, fieldErrorf("header", "must be 'Name: value', not %.60q", line)
	}
	return Field{Name: name, Value: strings.TrimSpace(value)}, nil
}

func (f Field) is(name string) bool { return strings.EqualFold(f.Name, name) }
