package policy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const module = "github.com/letteros/letteredge"

// root is where the repository begins, seen from this folder, in which go test
// runs this package's tests.
const root = "../.."

// file is one Go source file.
type file struct {
	path string // from the root, with slashes
	src  []byte
	ast  *ast.File
}

func (f *file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// imports yields the import paths of a file.
func (f *file) imports() []string {
	var out []string
	for _, spec := range f.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			out = append(out, p)
		}
	}
	return out
}

// imported is the name under which a file uses an import; "" if it does not.
func (f *file) imported(importPath string) string {
	for _, spec := range f.ast.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err != nil || p != importPath {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(importPath)
	}
	return ""
}

// tree is the repository as the rules see it.
type tree struct {
	fsys  fs.FS
	fset  *token.FileSet
	files []*file
}

// readTree parses every Go file but those the go tool ignores: in testdata, in
// folders that begin with a dot or an underscore, in modules of their own.
func readTree(fsys fs.FS) (*tree, error) {
	t := &tree{fsys: fsys, fset: token.NewFileSet()}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p == "." {
				return nil
			}
			_, ownModule := fs.Stat(fsys, path.Join(p, "go.mod"))
			if strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata" || ownModule == nil {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		src, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(t.fset, p, src, parser.ParseComments)
		if err != nil {
			return fmt.Errorf("parse %s: %w", p, err)
		}
		t.files = append(t.files, &file{path: p, src: src, ast: parsed})
		return nil
	})
	return t, err
}

// code is what is not a test.
func (t *tree) code() []*file {
	return slices.DeleteFunc(slices.Clone(t.files), (*file).isTest)
}

// packages are the folders that hold code or tests, sorted.
func (t *tree) packages() []string {
	var dirs []string
	for _, f := range t.files {
		dirs = append(dirs, path.Dir(f.path))
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// at is where a node stands, as compilers print it.
func (t *tree) at(n ast.Node) string {
	p := t.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// repository is the real tree, read once: all through package os, so that the
// go tool knows on which files these tests' cached results depend.
var repository = sync.OnceValues(func() (*tree, error) { return readTree(os.DirFS(root)) })

// rule is a function from a tree to findings; none means that it is kept.
type rule func(*tree) []string

// keeps demands that the repository keeps a rule.
func keeps(t *testing.T, r rule) {
	t.Helper()
	tr, err := repository()
	require.NoError(t, err)
	require.NotEmpty(t, tr.files)
	if found := r(tr); len(found) > 0 {
		t.Error(strings.Join(found, "\n"))
	}
}

// breaks demands that a rule finds, in a small tree of files, exactly one thing
// for each text, and that the text is in it.
func breaks(t *testing.T, r rule, files map[string]string, texts ...string) {
	t.Helper()
	found := r(small(t, files))
	require.Len(t, found, len(texts), "%q", found)
	for i, text := range texts {
		require.Contains(t, found[i], text)
	}
}

// small is a tree made of texts.
func small(t *testing.T, files map[string]string) *tree {
	t.Helper()
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tr, err := readTree(m)
	require.NoError(t, err)
	return tr
}
