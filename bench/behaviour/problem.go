package behaviour

import (
	"encoding/json"
	"testing"
)

// Problem is an error as an answer tells it (RFC 9457).
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Field  string `json:"field"`
	Errors []struct {
		Pointer   string `json:"pointer"`
		Parameter string `json:"parameter"`
		Header    string `json:"header"`
		Detail    string `json:"detail"`
	} `json:"errors"`
}

// problemOf decodes an answer that must be a problem, of the same status as the
// answer's, with a title.
func problemOf(tb testing.TB, r *Reply) Problem {
	tb.Helper()
	var p Problem
	if got := r.Header.Get("Content-Type"); got != "application/problem+json" {
		tb.Fatalf("a %d is %q and not a problem: %.300s", r.Status, got, r.Body)
	}
	if err := json.Unmarshal(r.Body, &p); err != nil {
		tb.Fatalf("a %d is no problem: %v: %.300s", r.Status, err, r.Body)
	}
	if p.Status != r.Status || p.Title == "" {
		tb.Fatalf("a problem says status %d, title %q, in an answer with %d", p.Status, p.Title, r.Status)
	}
	return p
}
