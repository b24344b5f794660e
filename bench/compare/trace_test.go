package compare

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Hit ratios can be held against each other only if they are of the same trace,
// which stands in two modules.
func TestPeersSeeTheSameTrace(t *testing.T) {
	ours := functionIn(t, filepath.Join("..", "..", "edge", "cache", "capacity_bench_test.go"), "trace")
	require.Equal(t, ours, functionIn(t, filepath.Join("peers", "otter_test.go"), "trace"))
}

// functionIn is the text of a function, without its comment.
func functionIn(t *testing.T, file, name string) string {
	t.Helper()
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, nil, 0)
	require.NoError(t, err)
	at := slices.IndexFunc(parsed.Decls, func(d ast.Decl) bool {
		f, ok := d.(*ast.FuncDecl)
		return ok && f.Name.Name == name
	})
	require.GreaterOrEqual(t, at, 0, "%s has no %s", file, name)
	var text bytes.Buffer
	require.NoError(t, format.Node(&text, fset, parsed.Decls[at]))
	return text.String()
}
