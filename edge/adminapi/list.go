package adminapi

import (
	"encoding/json"
	"fmt"
)

// List is one page of a list.
type List[T any] struct {
	Items []T `json:"items"`
	// Next is what to give as `after` for the next page; null on the last.
	Next Cursor `json:"next"`
}

// NewList returns a page; items is never null in JSON.
func NewList[T any](items []T, next string) List[T] {
	if items == nil {
		items = []T{}
	}
	return List[T]{Items: items, Next: Cursor(next)}
}

// Cursor is a place in a list; "" is none, which JSON shows as null.
type Cursor string

// MarshalJSON writes a string or null.
func (c Cursor) MarshalJSON() ([]byte, error) {
	if c == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(c))
}

// UnmarshalJSON reads a string or null.
func (c *Cursor) UnmarshalJSON(text []byte) error {
	var s *string
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("cursor: %w", err)
	}
	*c = ""
	if s != nil {
		*c = Cursor(*s)
	}
	return nil
}
