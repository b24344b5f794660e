package config

import (
	"fmt"

	"github.com/goccy/go-yaml"
)

// Text writes c as a file that Load reads. The error is an *Error where c is not
// valid.
func (c Config) Text() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	text, err := yaml.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write configuration of %s: %w", c.Node.ID, err)
	}
	return text, nil
}
