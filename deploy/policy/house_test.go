package policy

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"testing"
)

// maxLines is the length at which a file hides a second concept.
const maxLines = 500

// formatted finds files that gofmt would change.
func formatted(t *tree) []string {
	var found []string
	for _, f := range t.files {
		if want, err := format.Source(f.src); err != nil || !bytes.Equal(want, f.src) {
			found = append(found, f.path+": run gofmt -w")
		}
	}
	return found
}

// short finds files in which a concept is hiding.
func short(t *tree) []string {
	var found []string
	for _, f := range t.code() {
		if n := bytes.Count(f.src, []byte("\n")); n > maxLines {
			found = append(found, fmt.Sprintf("%s: %d lines: find the concept that wants a file of its own", f.path, n))
		}
	}
	return found
}

// explicit finds what runs, or is read, without being asked: init functions, and
// the environment outside commands.
func explicit(t *tree) []string {
	var found []string
	for _, f := range t.code() {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				found = append(found, t.at(fn)+": init: construct it where it is used, or in a command")
			}
		}
		osName := f.imported("os")
		if osName == "" || len(f.path) > 4 && isCommand(f.path) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			for _, name := range []string{"Getenv", "LookupEnv", "Environ", "Setenv"} {
				if isSelector(n, osName, name) {
					found = append(found, fmt.Sprintf("%s: os.%s: only commands know the environment", t.at(n), name))
				}
			}
			return true
		})
	}
	return found
}

// awake finds tests that wait by the clock on the wall. In a bubble of
// testing/synctest a Sleep costs nothing and cannot be too short.
func awake(t *tree) []string {
	var found []string
	for _, f := range t.files {
		clock, bubble := f.imported("time"), f.imported("testing/synctest")
		if !f.isTest() || clock == "" {
			continue
		}
		var fake []*ast.CallExpr
		ast.Inspect(f.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if ok && bubble != "" && isSelector(call.Fun, bubble, "Test") {
				fake = append(fake, call)
			}
			return true
		})
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if !isSelector(n, clock, "Sleep") {
				return true
			}
			for _, call := range fake {
				if call.Pos() < n.Pos() && n.End() < call.End() {
					return true
				}
			}
			found = append(found, t.at(n)+": time.Sleep outside a synctest bubble: wait for the condition, with a deadline")
			return true
		})
	}
	return found
}

// isSelector reports whether a node is pkg.name.
func isSelector(n ast.Node, pkg, name string) bool {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return false
	}
	id, ok := sel.X.(*ast.Ident)
	return ok && id.Name == pkg
}

func TestFormatted(t *testing.T) {
	breaks(t, formatted, map[string]string{"edge/a.go": "package edge\n\nvar  _ = 1\n", "edge/b.go": "package edge\n"}, "edge/a.go")
	keeps(t, formatted)
}

func TestFilesAreShort(t *testing.T) {
	long := "package edge\n" + string(bytes.Repeat([]byte("\n"), maxLines))
	breaks(t, short, map[string]string{"edge/a.go": long, "edge/a_test.go": long, "edge/b.go": long[:maxLines]}, "edge/a.go: 501 lines")
	keeps(t, short)
}

func TestNothingRunsUnasked(t *testing.T) {
	breaks(t, explicit, map[string]string{
		"edge/a.go":      "package edge\n\nfunc init() {}\n\ntype t struct{}\n\nfunc (t) init() {}",
		"edge/b_test.go": "package edge\n\nfunc init() {}",
		"edge/c.go":      "package edge\n\nimport \"os\"\n\nfunc f() { os.Getenv(\"X\"); os.Getpid() }",
		"cmd/edged/d.go": "package main\n\nimport \"os\"\n\nfunc f() { os.Getenv(\"X\") }",
		"edge/e.go":      "package edge\n\nimport env \"os\"\n\nvar _ = env.Environ",
	}, "edge/a.go:3: init", "edge/c.go:5: os.Getenv", "edge/e.go:5: os.Environ")
	keeps(t, explicit)
}

func TestNoTestSleeps(t *testing.T) {
	breaks(t, awake, map[string]string{
		"edge/a_test.go": "package edge\n\nimport \"time\"\n\nfunc f() { time.Sleep(1) }",
		"edge/b_test.go": `package edge

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestB(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { time.Sleep(time.Hour) })
	time.Sleep(time.Hour)
}
`,
		"edge/c.go": "package edge\n\nimport \"time\"\n\nfunc f() { time.Sleep(1) }",
	}, "edge/a_test.go:5", "edge/b_test.go:11")
	keeps(t, awake)
}
