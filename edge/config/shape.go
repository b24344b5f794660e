package config

import (
	"encoding"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// shape is what a first walk over a file finds: where each field stands, and
// which do not belong there. The YAML library stops at the first such error and
// names Go types in it; this walk tells them all, in the file's own terms.
type shape struct {
	at       map[string][2]int // field path → line, column
	problems []Problem
}

func newShape(root ast.Node) *shape {
	s := &shape{at: make(map[string][2]int)}
	if root != nil {
		s.walk(root, reflect.TypeFor[Config](), "")
	}
	return s
}

// locate gives each problem the position of its field, or of the closest field
// around it that the file names.
func (s *shape) locate(problems []Problem) {
	for i := range problems {
		p := &problems[i]
		for path := p.Path; path != ""; path = parent(path) {
			if pos, found := s.at[path]; found {
				p.Line, p.Column = pos[0], pos[1]
				break
			}
		}
	}
}

// parent cuts the last step off a field path: "routes[0].path" → "routes[0]" →
// "routes" → "".
func parent(path string) string {
	return path[:max(strings.LastIndexByte(path, '.'), strings.LastIndexByte(path, '['), 0)]
}

func (s *shape) refuse(n ast.Node, path, reason string) {
	p := Problem{Path: path, Reason: reason}
	p.Line, p.Column = position(n)
	s.problems = append(s.problems, p)
}

var textType = reflect.TypeFor[encoding.TextUnmarshaler]()

// walk notes where n stands and checks that it has the form of a value of t.
func (s *shape) walk(n ast.Node, t reflect.Type, path string) {
	line, column := position(n)
	s.at[path] = [2]int{line, column}
	switch n.Type() {
	case ast.AnchorType, ast.AliasType, ast.TagType, ast.MergeKeyType:
		s.refuse(n, path, "must be written out: anchors, aliases, merges and tags are not supported")
		return
	case ast.NullType:
		return // keeps the default; in lists: see below
	}
	switch {
	case reflect.PointerTo(t).Implements(textType) || t.Kind() == reflect.String:
		if _, scalar := n.(ast.ScalarNode); !scalar {
			s.refuse(n, path, "must be a single value")
		}
	case t.Kind() == reflect.Int:
		if n.Type() != ast.IntegerType {
			s.refuse(n, path, "must be a whole number")
		}
	case t.Kind() == reflect.Float64:
		if n.Type() != ast.FloatType && n.Type() != ast.IntegerType {
			s.refuse(n, path, "must be a number")
		}
	case t.Kind() == reflect.Bool:
		if n.Type() != ast.BoolType {
			s.refuse(n, path, "must be true or false")
		}
	case t.Kind() == reflect.Slice:
		s.list(n, t, path)
	case t.Kind() == reflect.Struct:
		s.mapping(n, t, path)
	}
}

func (s *shape) list(n ast.Node, t reflect.Type, path string) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		s.refuse(n, path, "must be a list")
		return
	}
	for i, item := range seq.Values {
		at := path + "[" + strconv.Itoa(i) + "]"
		if item.Type() == ast.NullType {
			s.refuse(item, at, "must not be empty")
			continue
		}
		s.walk(item, t.Elem(), at)
	}
}

func (s *shape) mapping(n ast.Node, t reflect.Type, path string) {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		s.refuse(n, path, "must be a mapping with the fields "+strings.Join(fieldNames(t), ", "))
		return
	}
	for _, v := range values {
		name := v.Key.String()
		if k, ok := v.Key.(*ast.StringNode); ok {
			name = k.Value
		}
		at := name
		if path != "" {
			at = path + "." + name
		}
		field, found := fieldNamed(t, name)
		if !found {
			s.refuse(v.Key, at, "is not a field; allowed are "+strings.Join(fieldNames(t), ", "))
			continue
		}
		s.walk(v.Value, field.Type, at)
	}
}

func fieldNames(t reflect.Type) []string {
	names := make([]string, 0, t.NumField())
	for f := range fields(t) {
		names = append(names, f.Tag.Get("yaml"))
	}
	return names
}

func fieldNamed(t reflect.Type, name string) (reflect.StructField, bool) {
	for f := range fields(t) {
		if f.Tag.Get("yaml") == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func fields(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

// position is where a node begins, counted from 1; zero if it does not know.
func position(n ast.Node) (line, column int) {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line, t.Position.Column
	}
	return 0, 0
}
