package config

import (
	"fmt"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// The YAML parser keeps the path of every node, so what it takes grows with the
// product of a file's tokens and their nesting, and with the square of a mapping's
// keys: 200 kB of brackets were more than a machine has. Its lexer is linear, and
// is asked before. A file with every field there is has a tenth of these.
const (
	maxNesting = 32
	maxTokens  = 20_000
)

// bounded reports what of a file's text is beyond the bounds.
func bounded(text string) (Problem, bool) {
	tokens := lexer.Tokenize(text)
	if len(tokens) > maxTokens {
		return Problem{Reason: fmt.Sprintf("the file must have at most %d words and signs, and has %d", maxTokens, len(tokens))}, false
	}
	flow, columns := 0, []int{}
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType:
			columns = begin(columns, t.Position.Column)
		case token.MappingValueType:
			if t.Prev != nil && flow == 0 {
				columns = begin(columns, t.Prev.Position.Column)
			}
		}
		if flow+len(columns) > maxNesting {
			return Problem{
				Reason: fmt.Sprintf("nothing may be nested deeper than %d levels", maxNesting),
				Line:   t.Position.Line, Column: t.Position.Column,
			}, false
		}
	}
	return Problem{}, true
}

// begin leaves the block collections that a column ends, and enters its own.
func begin(columns []int, column int) []int {
	for len(columns) > 0 && columns[len(columns)-1] >= column {
		columns = columns[:len(columns)-1]
	}
	return append(columns, column)
}
