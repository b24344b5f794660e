package policy

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
)

// topLevel is all that stands at the root beside dot-files.
var topLevel = []string{"cmd", "edge", "cachekey", "invalidation", "quota", "gossip", "precompute", "deploy", "bench",
	"go.mod", "go.sum", "README.md", "LICENSE"}

// fixed finds what does not belong at the root, and folders that hide code.
func fixed(t *tree) []string {
	var found []string
	entries, err := fs.ReadDir(t.fsys, ".")
	if err != nil {
		return []string{err.Error()}
	}
	for _, e := range entries {
		name := e.Name()
		if !slices.Contains(topLevel, name) && !strings.HasPrefix(name, ".") && !ignored(t.fsys, name) {
			found = append(found, name+": the top level is fixed: "+strings.Join(topLevel, " "))
		}
	}
	for _, dir := range t.packages() {
		for _, element := range strings.Split(dir, "/") {
			if slices.Contains([]string{"internal", "util", "utils", "common", "helpers", "misc"}, element) {
				found = append(found, dir+": name a package for what it provides")
			}
		}
	}
	return found
}

// ignored reports whether .gitignore names a file at the root: what a build
// leaves there is no part of the repository.
func ignored(fsys fs.FS, name string) bool {
	text, err := fs.ReadFile(fsys, ".gitignore")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if ok, err := path.Match(strings.TrimPrefix(strings.TrimSpace(line), "/"), name); ok && err == nil {
			return true
		}
	}
	return false
}

// reproducible finds lines of go.mod that would build something else elsewhere.
func reproducible(t *tree) []string {
	text, err := fs.ReadFile(t.fsys, "go.mod")
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		switch fields := strings.Fields(line); {
		case len(fields) == 0:
		case fields[0] == "module" && (len(fields) != 2 || fields[1] != module):
			found = append(found, "go.mod: the module is "+module)
		case fields[0] == "replace" || fields[0] == "toolchain" || fields[0] == "exclude":
			found = append(found, fmt.Sprintf("go.mod: %s: it would not hold where the module is used", strings.TrimSpace(line)))
		case fields[0] == "go" && fields[1] != "1.26" && !strings.HasPrefix(fields[1], "1.26."):
			found = append(found, "go.mod: go "+fields[1]+": Go 1.26 is all that a user needs")
		}
	}
	return found
}

func TestTopLevelIsFixed(t *testing.T) {
	breaks(t, fixed, map[string]string{
		".gitignore": "/edged\n*.prof\n", ".ci/run": "", "README.md": "", "edged": "", "cpu.prof": "",
		"main.go": "package main", "docs/x.md": "", "edge/util/x.go": "package util", "quota/internal/y/y.go": "package y",
	}, "docs: the top level", "main.go: the top level", "edge/util: name", "quota/internal/y: name")
	keeps(t, fixed)
}

func TestModuleIsReproducible(t *testing.T) {
	breaks(t, reproducible, map[string]string{"go.mod": "module example.org/x\n\ngo 1.27.0\n\ntoolchain go1.27.1\n\nreplace a => ../a\n"},
		"go.mod: the module", "go 1.27.0", "toolchain", "replace")
	breaks(t, reproducible, map[string]string{"go.mod": "module " + module + "\n\ngo 1.26.0\n\nrequire a v1.0.0\n"})
	keeps(t, reproducible)
}
