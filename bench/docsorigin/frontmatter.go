package docsorigin

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFrontMatterBytes bounds what the YAML parser is given.
const maxFrontMatterBytes = 16 << 10

// maxNesting bounds brackets in the front matter: no field nests deeper than a
// list, and a parser that recurses should not be asked to.
const maxNesting = 64

// fieldNames are the fields of the front matter, in the order of the contract.
var fieldNames = []string{"id", "kind", "version", "segments", "cta", "uses", "lang", "tags", "title"}

// fields is a front matter that holds nothing but known fields of the right
// type and grammar, each at most once.
type fields struct {
	text    map[string]string
	lists   map[string][]string
	version int64
	lines   map[string]int
}

func (f *fields) has(field string) bool { return f.lines[field] > 0 }

// line is where a field stands, or the file's first line where it is absent.
func (f *fields) line(field string) int { return max(1, f.lines[field]) }

func (f *fields) fill(d *Document) {
	d.ID, d.Kind, d.Version = f.text["id"], Kind(f.text["kind"]), f.version
	d.Segments, d.Uses, d.Tags = f.lists["segments"], f.lists["uses"], f.lists["tags"]
	d.CTA, d.Lang, d.Title = f.text["cta"], strings.ToLower(f.text["lang"]), f.text["title"]
}

// cutFrontMatter splits a file at its two lines `---`. bodyLine is the line
// on which the body begins.
func cutFrontMatter(text string) (front, body string, bodyLine int, ok bool) {
	text = strings.TrimPrefix(text, "\ufeff") // some editors write a byte order mark
	first, rest, found := strings.Cut(text, "\n")
	if !found || !isFence(first) {
		return "", "", 0, false
	}
	for at, line := 0, 2; ; line++ {
		end := strings.IndexByte(rest[at:], '\n')
		if end < 0 {
			if isFence(rest[at:]) {
				return rest[:at], "", line + 1, true
			}
			return "", "", 0, false
		}
		if isFence(rest[at : at+end]) {
			return rest[:at], rest[at+end+1:], line + 1, true
		}
		at += end + 1
	}
}

func isFence(line string) bool { return strings.TrimRight(line, " \t\r") == "---" }

// parseFields reads the YAML between the fences. It walks the syntax tree
// rather than decode into a struct: that keeps each value's spelling (`042` is
// not a version) and line, and cannot be made to expand aliases.
func parseFields(name, front string, ps *Problems) *fields {
	f := &fields{text: map[string]string{}, lists: map[string][]string{}, lines: map[string]int{}}
	if len(front) > maxFrontMatterBytes {
		ps.add(name, "front matter", 1, "must be at most %d bytes", maxFrontMatterBytes)
		return f
	}
	if strings.Count(front, "[")+strings.Count(front, "{") > maxNesting {
		ps.add(name, "front matter", 1, "must hold at most %d opening brackets", maxNesting)
		return f
	}
	// The empty line in front keeps the parser's line numbers those of the file.
	file, err := parser.ParseBytes([]byte("\n"+front), 0)
	if err != nil {
		line, reason := yamlError(err)
		ps.add(name, "front matter", line, "is not valid YAML: %s", reason)
		return f
	}
	for _, pair := range mapping(name, file, ps) {
		f.take(name, pair, ps)
	}
	if len(*ps) == 0 {
		for _, field := range fieldNames[:3] {
			if !f.has(field) {
				ps.add(name, field, 1, "is required")
			}
		}
	}
	return f
}

func yamlError(err error) (line int, reason string) {
	if e, ok := errors.AsType[yaml.Error](err); ok && e.GetToken() != nil {
		return e.GetToken().Position.Line, e.GetMessage()
	}
	return 1, "it cannot be read"
}

// mapping gives the pairs of the one mapping a front matter must be.
func mapping(name string, file *ast.File, ps *Problems) []*ast.MappingValueNode {
	var bodies []ast.Node
	for _, d := range file.Docs {
		if d.Body != nil && d.Body.Type() != ast.CommentType {
			bodies = append(bodies, d.Body)
		}
	}
	if len(bodies) == 1 {
		switch n := bodies[0].(type) {
		case *ast.MappingNode:
			return n.Values
		case *ast.MappingValueNode:
			return []*ast.MappingValueNode{n}
		}
	}
	ps.add(name, "front matter", 1, "must be one list of fields, `name: value` each")
	return nil
}

// take reads one field into f.
func (f *fields) take(name string, pair *ast.MappingValueNode, ps *Problems) {
	field, line := keyText(pair.Key), 1
	if tk := pair.Key.GetToken(); tk != nil {
		line = max(1, tk.Position.Line)
	}
	add := func(format string, args ...any) { ps.add(name, field, line, format, args...) }
	switch {
	case !slices.Contains(fieldNames, field):
		add("is not a field; there are %s", strings.Join(fieldNames, ", "))
		return
	case f.has(field):
		add("is given twice")
		return
	}
	f.lines[field] = line
	switch field {
	case "version":
		v, ok := versionOf(pair.Value)
		if !ok {
			add("must be a whole number from 1 to %d, in plain digits", int64(MaxVersion))
		}
		f.version = v
	case "segments", "uses", "tags":
		f.lists[field] = listOf(pair.Value, field, add)
	default:
		text, ok := textOf(pair.Value)
		if reason := textRefused(field, text, ok); reason != "" {
			add("%s", reason)
		}
		f.text[field] = text
	}
}

func keyText(key ast.MapKeyNode) string {
	if s, ok := key.(*ast.StringNode); ok {
		return s.Value
	}
	return abbreviate(key.String())
}

func abbreviate(s string) string {
	if r := []rune(s); len(r) > 64 {
		return string(r[:64]) + "…"
	}
	return s
}

func textOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return strings.TrimSuffix(n.Value.Value, "\n"), true
	}
	return "", false
}

// textRefused says why a field's text is not allowed, or "".
func textRefused(field, text string, isText bool) string {
	switch {
	case !isText:
		return "must be text (in quotes where YAML would read it as something else)"
	case field == "kind" && !Kind(text).valid():
		return "must be message, rule, cta, proof or campaign"
	case field == "lang" && !validLang(text):
		return langAllows
	case (field == "id" || field == "cta") && !validID(text):
		return idAllows
	case field == "title" && strings.TrimSpace(text) == "":
		return "must not be empty"
	case field == "title" && (len(text) > maxTitleBytes || strings.ContainsFunc(text, lineBreak)):
		return "must be one line of at most " + strconv.Itoa(maxTitleBytes) + " bytes"
	}
	return ""
}

// lineBreak tells what would break a title over lines, or hide in it. Escapes
// in a quoted YAML string can spell what the file itself may not hold.
func lineBreak(r rune) bool { return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 }

var versionPattern = regexp.MustCompile(`^[1-9][0-9]{0,15}$`)

func versionOf(n ast.Node) (int64, bool) {
	i, ok := n.(*ast.IntegerNode)
	if !ok {
		return 0, false
	}
	return parseVersion(i.GetToken().Value)
}

func parseVersion(s string) (int64, bool) {
	if !versionPattern.MatchString(s) {
		return 0, false
	}
	v, err := strconv.ParseInt(s, 10, 64)
	return v, err == nil && v <= MaxVersion
}

// listOf reads a list of ids or tags. A list that is given names something.
func listOf(n ast.Node, field string, add func(string, ...any)) []string {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		add("must be a list, such as [one, two]")
		return nil
	}
	if len(seq.Values) == 0 && field == "segments" {
		add("must name at least one")
		return nil
	}
	if len(seq.Values) > maxListItems {
		add("must name at most %d", maxListItems)
		return nil
	}
	allowed, allows := validID, idAllows
	if field == "tags" {
		allowed, allows = tagPattern.MatchString, tagAllows
	}
	var list []string
	for _, v := range seq.Values {
		text, ok := textOf(v)
		switch {
		case !ok || !allowed(text):
			add("each %s", allows)
			return nil
		case field == "tags" && impliedTag.MatchString(text):
			add("must not be one of those that an artifact has by itself (kind:, segment:, cta:, proof:, campaign:, doc:), as %s is", text)
			return nil
		case slices.Contains(list, text):
			add("names %s twice", text)
			return nil
		}
		list = append(list, text)
	}
	return list
}
