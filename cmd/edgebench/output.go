package main

import (
	"encoding/json"
	"fmt"
	"io"
)

// texter is a result that can be written for a person.
type texter interface{ WriteText(io.Writer) error }

// write writes a result in the form that was asked for.
func (o output) write(w io.Writer, result texter) error {
	if o.Output == "json" {
		return writeJSON(w, result)
	}
	return result.WriteText(w)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}
