package main

import (
	"fmt"

	"github.com/letteros/letteredge/edge/config"
)

type checkCmd struct {
	Config string `required:"" placeholder:"FILE" help:"The file to check."`
}

// Run reads the file and says what is wrong with it, field by field.
func (c *checkCmd) Run(std streams) error {
	if _, err := config.Load(c.Config); err != nil {
		return usageError{err}
	}
	fmt.Fprintf(std.out, "%s: ok\n", c.Config)
	return nil
}

type defaultsCmd struct{}

// Run prints the commented defaults.
func (defaultsCmd) Run(std streams) error {
	_, err := fmt.Fprint(std.out, config.Defaults())
	return err
}

type schemaCmd struct{}

// Run prints the JSON Schema.
func (schemaCmd) Run(std streams) error {
	text, err := config.Schema()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s\n", text)
	return err
}
