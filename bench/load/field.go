package load

import (
	"fmt"
	"strings"
)

// Field is one header field line, its name as on the wire.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// UnmarshalText reads "Name: value", as curl's -H does.
func (f *Field) UnmarshalText(text []byte) error {
	name, value, ok := strings.Cut(string(text), ":")
	if !ok || name == "" {
		return fmt.Errorf("must be 'Name: value', not %.60q", text)
	}
	f.Name, f.Value = name, strings.TrimSpace(value)
	return nil
}
