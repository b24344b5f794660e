package docsorigin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem says what is wrong with one field of one document file, and what
// the field allows.
type Problem struct {
	File   string `json:"file"`           // base name; "" when the folder itself is meant
	Field  string `json:"field"`          // a front matter field, "front matter", "body" or "file"
	Line   int    `json:"line,omitempty"` // 1-based line in the file; 0 unknown
	Reason string `json:"reason"`         // a sentence without the names above
}

// Error is "trial.md:4: version: must be …".
func (p *Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
		}
		b.WriteString(": ")
	}
	return b.String() + p.Field + ": " + p.Reason
}

// Problems is all that is wrong with a document or a folder, one line each.
// The error of ParseDocument and Check is of this type.
type Problems []*Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.As each Problem.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

func (ps *Problems) add(file, field string, line int, format string, args ...any) {
	*ps = append(*ps, &Problem{File: file, Field: field, Line: line, Reason: fmt.Sprintf(format, args...)})
}

// err is nil for no problems, so that no typed nil escapes as an error.
func (ps Problems) err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps.distinct()
}

// distinct is ps sorted, each problem once.
func (ps Problems) distinct() Problems {
	ps.sort()
	return slices.CompactFunc(ps, func(a, b *Problem) bool { return *a == *b })
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Reason, b.Reason))
	})
}
