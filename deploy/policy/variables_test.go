package policy

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"strings"
	"testing"
)

// constant finds package-level variables that something could change: state that
// nobody passed in. What remains are interface guards, error sentinels, embedded
// files, and unexported tables that no code of the package writes to.
func constant(t *tree) []string {
	written := map[string]bool{} // by folder and name
	for _, f := range t.code() {
		for _, id := range writes(f.ast) {
			written[path.Dir(f.path)+"."+id] = true
		}
	}
	var found []string
	for _, f := range t.code() {
		for _, d := range f.ast.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok || gen.Tok != token.VAR {
				continue
			}
			for _, s := range gen.Specs {
				spec := s.(*ast.ValueSpec)
				for i, name := range spec.Names {
					var value ast.Expr
					if i < len(spec.Values) {
						value = spec.Values[i]
					}
					var why string
					switch {
					case name.Name == "_" || embeds(gen, spec):
						continue
					case isSentinel(spec, value):
						if !name.IsExported() || strings.HasPrefix(name.Name, "Err") {
							continue
						}
						why = "an exported sentinel is named Err…"
					case name.IsExported():
						why = "exported, so anybody may change it: make it a function or a constant"
					case written[path.Dir(f.path)+"."+name.Name]:
						why = "the package writes to it: put it in a struct that somebody owns"
					case !isTable(value):
						why = "not a table of constants: put it in a struct that somebody owns"
					default:
						continue
					}
					found = append(found, fmt.Sprintf("%s: var %s: %s", t.at(name), name.Name, why))
				}
			}
		}
	}
	return found
}

func embeds(gen *ast.GenDecl, spec *ast.ValueSpec) bool {
	for _, group := range []*ast.CommentGroup{gen.Doc, spec.Doc} {
		if group == nil {
			continue
		}
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, "//go:embed ") {
				return true
			}
		}
	}
	return false
}

// isSentinel reports whether a value is made to be compared with by errors.Is.
func isSentinel(spec *ast.ValueSpec, value ast.Expr) bool {
	typ, ok := spec.Type.(*ast.Ident)
	return isCallOf(value, "errors.New", "fmt.Errorf") || ok && typ.Name == "error" && value != nil
}

// isCallOf reports whether an expression calls one of the functions, pkg.Name.
func isCallOf(e ast.Expr, names ...string) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	fun := call.Fun
	if generic, ok := fun.(*ast.IndexExpr); ok {
		fun = generic.X
	}
	for _, n := range names {
		if pkg, name, _ := strings.Cut(n, "."); isSelector(fun, pkg, name) {
			return true
		}
	}
	return false
}

// isTable reports whether a value is made once and has no methods that change it.
func isTable(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.CompositeLit:
		switch e.Type.(type) {
		case *ast.ArrayType, *ast.MapType:
			return true
		case *ast.Ident: // a struct of this package
			return true
		}
	}
	for _, order := range []string{"NativeEndian", "LittleEndian", "BigEndian"} {
		if isSelector(e, "binary", order) {
			return true
		}
	}
	return isCallOf(e, "regexp.MustCompile", "reflect.TypeFor", "strings.NewReplacer", "netip.MustParseAddr", "netip.MustParsePrefix")
}

// writes are the names at the root of everything that a file assigns to, counts
// up, takes the address of, clears or deletes from. A local variable of the same
// name counts too: shadowing a table is no good idea either.
func writes(f *ast.File) []string {
	var names []string
	root := func(e ast.Expr) {
		for e != nil {
			switch x := e.(type) {
			case *ast.Ident:
				names = append(names, x.Name)
				return
			case *ast.IndexExpr:
				e = x.X
			case *ast.SelectorExpr:
				e = x.X
			case *ast.StarExpr:
				e = x.X
			case *ast.ParenExpr:
				e = x.X
			case *ast.SliceExpr:
				e = x.X
			default:
				return
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, e := range n.Lhs {
					root(e)
				}
			}
		case *ast.IncDecStmt:
			root(n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				root(n.X)
			}
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				root(n.Key)
				root(n.Value)
			}
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "delete" || id.Name == "clear" || id.Name == "copy") && len(n.Args) > 0 {
				root(n.Args[0])
			}
		}
		return true
	})
	return names
}

func TestNoPackageHasState(t *testing.T) {
	breaks(t, constant, map[string]string{
		"edge/a.go": `package edge

import (
	"errors"
	"regexp"
	"sync"
)

var _ error = (*myError)(nil)

var (
	ErrGone = errors.New("gone")
	Gone    = errors.New("gone")
	errHere = errors.New("here")
)

var names = [...]string{"a", "b"}

var Names = []string{"a"}

var counts = map[string]int{}

var mu sync.Mutex

var pool = sync.Pool{}

var pattern = regexp.MustCompile("x")

var ErrOdd error = &myError{}

//go:embed x
var text string

var hits int
`,
		"edge/b.go":      "package edge\n\nfunc count() { counts[\"x\"]++; names := 1; _ = names }",
		"edge/c_test.go": "package edge\n\nvar update = false",
	},
		"edge/a.go:13: var Gone: an exported sentinel",
		"edge/a.go:19: var Names: exported",
		"edge/a.go:21: var counts: the package writes to it",
		"edge/a.go:23: var mu: not a table",
		"edge/a.go:25: var pool: not a table",
		"edge/a.go:34: var hits: not a table")
	keeps(t, constant)
}
