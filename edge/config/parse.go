package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFileBytes bounds a configuration file. Real ones are a few kilobytes.
const maxFileBytes = 1 << 20

// Load reads and checks the file at path. A file that is wrong gives an *Error
// that carries the path.
func Load(path string) (Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return Config{}, fmt.Errorf("configuration: read %s: %w", path, err)
	}
	c, err := Parse(data)
	var e *Error
	if errors.As(err, &e) {
		e.File = path
	}
	return c, err
}

// Parse decodes and checks the text of a file. Every error is an *Error.
func Parse(data []byte) (Config, error) {
	if len(data) > maxFileBytes {
		return Config{}, refuse(Problem{Reason: fmt.Sprintf("the file must be at most %s", Size(maxFileBytes))})
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // some editors write a byte order mark
	if p, ok := bounded(string(data)); !ok {
		return Config{}, refuse(p)
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return Config{}, refuse(syntaxProblem(err))
	}
	root, err := document(file)
	if err != nil {
		return Config{}, err
	}
	c := base()
	shape := newShape(root)
	if len(shape.problems) > 0 {
		return Config{}, refuse(shape.problems...)
	}
	if root != nil {
		if err := yaml.NodeToValue(root, &c, yaml.Strict()); err != nil {
			return Config{}, refuse(syntaxProblem(err))
		}
	}
	for i := range c.Origins {
		if _, said := shape.at[fmt.Sprintf("origins[%d].breaker.failures", i)]; !said {
			c.Origins[i].Breaker.Failures = breakerFailures
		}
	}
	c.fill()
	if problems := c.check(); len(problems) > 0 {
		shape.locate(problems)
		return Config{}, refuse(problems...)
	}
	return c, nil
}

// document returns the root of the one document of a file, nil if it says
// nothing.
func document(file *ast.File) (ast.Node, error) {
	var root ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if root != nil {
			p := Problem{Reason: "the file must hold one document"}
			p.Line, p.Column = position(doc.Body)
			return nil, refuse(p)
		}
		root = doc.Body
	}
	return root, nil
}

// syntaxProblem turns an error of the YAML library into one of ours: its first
// line, without the picture of the source below it.
func syntaxProblem(err error) Problem {
	var located yaml.Error
	if errors.As(err, &located) {
		p := Problem{Reason: located.GetMessage()}
		if t := located.GetToken(); t != nil && t.Position != nil {
			p.Line, p.Column = t.Position.Line, t.Position.Column
		}
		return p
	}
	reason, _, _ := strings.Cut(err.Error(), "\n")
	return Problem{Reason: reason}
}
