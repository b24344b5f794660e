package config

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	// Line and Column say where, counted from 1; zero if the value is not from a
	// file.
	Line, Column int
	// Path names the field: "routes[0].query.others"; "" for the whole file.
	Path string
	// Reason is what is wrong and what is allowed.
	Reason string
}

// String returns "line:column: path reason", without what is not known.
func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "%d:%d: ", p.Line, p.Column)
	}
	if p.Path != "" {
		b.WriteString(p.Path + " ")
	}
	b.WriteString(p.Reason)
	return b.String()
}

// Error is all that is wrong with a configuration.
type Error struct {
	File     string // "" if it is not from a file
	Problems []Problem
}

// Error returns all problems in one line.
func (e *Error) Error() string {
	lines := e.Lines()
	return "configuration: " + strings.Join(lines, "; ")
}

// Lines returns one line for each problem, in the order of the file, in the form
// that editors and compilers use: "edge.yaml:12:3: …".
func (e *Error) Lines() []string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
		switch {
		case e.File != "" && p.Line > 0:
			lines[i] = e.File + ":" + lines[i]
		case e.File != "":
			lines[i] = e.File + ": " + lines[i]
		}
	}
	return lines
}

func refuse(problems ...Problem) *Error { return &Error{Problems: problems} }
