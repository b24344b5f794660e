package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// listed is what the go tool says of a package.
type listed struct {
	ImportPath, Name, Export string
}

// goTool runs the go tool at the root; without one, the test is skipped, but
// where everything is required.
func goTool(t *testing.T, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		if os.Getenv("LETTEREDGE_REQUIRE_ALL") != "" {
			t.Fatal("the go tool is not on PATH")
		}
		t.Skip("the go tool is not on PATH")
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), "go %s: %s", strings.Join(args, " "), stderr.String())
	return stdout.Bytes()
}

// exposed finds the library types that an outsider can reach from a package's
// exported declarations: what is written there, and what follows from it through
// aliases, embedding and unexported types with exported methods.
func exposed(pkg *types.Package) []string {
	w := &walker{pkg: pkg, seen: map[*types.Named]bool{}}
	for _, name := range pkg.Scope().Names() {
		if obj := pkg.Scope().Lookup(name); obj.Exported() {
			w.path = []string{pkg.Name() + "." + name}
			w.visit(obj.Type())
		}
	}
	slices.Sort(w.found)
	return slices.Compact(w.found)
}

type walker struct {
	pkg   *types.Package
	seen  map[*types.Named]bool
	path  []string
	found []string
}

func (w *walker) in(step string, t types.Type) {
	w.path = append(w.path, step)
	w.visit(t)
	w.path = w.path[:len(w.path)-1]
}

func (w *walker) visit(t types.Type) {
	switch t := t.(type) {
	case nil:
	case *types.Alias:
		w.visit(t.Rhs())
	case *types.Named:
		w.named(t)
	case *types.Pointer:
		w.visit(t.Elem())
	case *types.Slice:
		w.visit(t.Elem())
	case *types.Array:
		w.visit(t.Elem())
	case *types.Chan:
		w.visit(t.Elem())
	case *types.Map:
		w.visit(t.Key())
		w.visit(t.Elem())
	case *types.Tuple:
		for v := range t.Variables() {
			w.visit(v.Type())
		}
	case *types.Signature:
		for p := range t.TypeParams().TypeParams() {
			w.visit(p.Constraint())
		}
		w.visit(t.Params())
		w.visit(t.Results())
	case *types.Struct:
		for f := range t.Fields() {
			if f.Exported() || f.Embedded() {
				w.in(f.Name(), f.Type())
			}
		}
	case *types.Interface:
		for m := range t.Methods() {
			if m.Exported() {
				w.in(m.Name(), m.Type())
			}
		}
		for e := range t.EmbeddedTypes() {
			w.visit(e)
		}
	case *types.Union:
		for term := range t.Terms() {
			w.visit(term.Type())
		}
	}
}

func (w *walker) named(t *types.Named) {
	for arg := range t.TypeArgs().Types() {
		w.visit(arg)
	}
	home := t.Obj().Pkg()
	switch {
	case home == nil || isStandard(home.Path()): // the universe and the standard library are everybody's
	case !within(home.Path(), module):
		w.found = append(w.found, fmt.Sprintf("%s shows %s.%s: keep the library's types inside, declare what callers need",
			strings.Join(w.path, "."), home.Path(), t.Obj().Name()))
	case home == w.pkg && !w.seen[t.Origin()]: // other packages of ours answer for themselves
		t = t.Origin()
		w.seen[t] = true // cycles go through names of the package itself
		for p := range t.TypeParams().TypeParams() {
			w.visit(p.Constraint())
		}
		for m := range t.Methods() {
			if m.Exported() {
				w.in(m.Name(), m.Type())
			}
		}
		w.visit(t.Underlying())
	}
}

// exports imports packages from the compiler's export data, as the go tool
// names it.
func exports(files map[string]string) types.Importer {
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		name, ok := files[path]
		if !ok {
			return nil, fmt.Errorf("no export data for %s", path)
		}
		return os.Open(name)
	})
}

func TestLibraryTypesStayInside(t *testing.T) {
	dec := json.NewDecoder(bytes.NewReader(goTool(t, "list", "-export", "-deps", "-json=ImportPath,Name,Export", "./...")))
	files := map[string]string{"unsafe": ""}
	var ours []string
	for {
		var p listed
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		files[p.ImportPath] = p.Export
		if within(p.ImportPath, module) && p.Name != "main" && p.Export != "" {
			ours = append(ours, p.ImportPath)
		}
	}
	require.NotEmpty(t, ours)
	imp := exports(files)
	for _, path := range ours {
		pkg, err := imp.Import(path)
		require.NoError(t, err)
		for _, f := range exposed(pkg) {
			t.Errorf("%s: %s", strings.TrimPrefix(path, module+"/"), f)
		}
	}
}

// sources imports packages from texts.
type sources map[string]string

func (s sources) Import(path string) (*types.Package, error) {
	text, ok := s[path]
	if !ok {
		return nil, fmt.Errorf("no source for %s", path)
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "x.go", text, 0)
	if err != nil {
		return nil, err
	}
	return (&types.Config{Importer: s}).Check(path, fset, []*ast.File{f}, nil)
}

func TestExposedTypesAreFound(t *testing.T) {
	const adapter = module + "/edge/adapter"
	pkg, err := sources{
		"example.org/lib":    "package lib\n\ntype Conn struct{ N int }\n\nfunc (*Conn) Read() {}\n\ntype Options struct{}",
		module + "/cachekey": "package cachekey\n\ntype Key struct{}",
		adapter: `package adapter

import (
	"example.org/lib"

	"` + module + `/cachekey"
)

type hidden = lib.Conn

type inner struct{ conn *lib.Conn }

func (inner) Raw() *lib.Conn { return nil }

func (inner) private(lib.Conn) {}

type Fine struct {
	conn *lib.Conn
	key  cachekey.Key
}

func (*Fine) Key(cachekey.Key) error { return nil }

func (*Fine) own(lib.Options) {}

func unexported() lib.Conn { panic(0) }

type Argument struct{}

func (Argument) Set(o []lib.Options) {}

type Embedding struct{ *lib.Conn }

type Field struct{ Conns map[string]lib.Conn }

func Inner() inner { return inner{} }

var Variable = func() *hidden { return nil }

type Tree[T any] struct{ Left *Tree[T] }

type Port interface{ Open() (lib.Conn, error) }

type Alias = lib.Options

func Generic[T interface{ lib.Options | int }](T) {}
`,
	}.Import(adapter)
	require.NoError(t, err)
	var paths []string
	for _, f := range exposed(pkg) {
		where, what, _ := strings.Cut(f, " shows ")
		paths = append(paths, where+" "+strings.SplitN(what, ":", 2)[0])
	}
	require.Equal(t, []string{
		"adapter.Alias example.org/lib.Options",
		"adapter.Argument.Set example.org/lib.Options",
		"adapter.Embedding.Conn example.org/lib.Conn",
		"adapter.Field.Conns example.org/lib.Conn",
		"adapter.Generic example.org/lib.Options",
		"adapter.Inner.Raw example.org/lib.Conn",
		"adapter.Port.Open example.org/lib.Conn",
		"adapter.Variable example.org/lib.Conn",
	}, paths)
}
