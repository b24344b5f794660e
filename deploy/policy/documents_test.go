package policy

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"testing"
)

// documented finds packages that do not say, once and in doc.go, what they are.
func documented(t *tree) []string {
	type comments struct{ name, text string }
	docs := map[string][]comments{}
	names := map[string]string{}
	for _, f := range t.files {
		dir := path.Dir(f.path)
		if !f.isTest() || names[dir] == "" {
			names[dir] = f.ast.Name.Name
		}
		if f.ast.Doc != nil && strings.TrimSpace(f.ast.Doc.Text()) != "" {
			docs[dir] = append(docs[dir], comments{path.Base(f.path), f.ast.Doc.Text()})
		}
	}
	var found []string
	for _, dir := range t.packages() {
		say := func(format string, args ...any) { found = append(found, dir+": "+fmt.Sprintf(format, args...)) }
		switch all := docs[dir]; {
		case len(all) == 0:
			say("no package comment: write doc.go, with the life of its main operation and what it guarantees")
		case len(all) > 1:
			say("package comments in %s and %s: keep the one in doc.go", all[0].name, all[1].name)
		case all[0].name != "doc.go":
			say("the package comment stands in %s: move it to doc.go", all[0].name)
		case names[dir] != "main" && !strings.HasPrefix(all[0].text, "Package "+names[dir]+" "):
			say("the package comment does not begin with \"Package %s \"", names[dir])
		}
	}
	return found
}

var unfinished = regexp.MustCompile(`\b(` + `TO` + `DO|FIX` + `ME|XX` + `X)\b`)

// finished finds comments that leave something for later.
func finished(t *tree) []string {
	var found []string
	for _, f := range t.files {
		for _, group := range f.ast.Comments {
			for _, c := range group.List {
				if m := unfinished.FindString(c.Text); m != "" {
					found = append(found, fmt.Sprintf("%s: %s: do it, or file an issue", t.at(c), m))
				}
			}
		}
	}
	return found
}

func TestEveryPackageHasOneDoc(t *testing.T) {
	breaks(t, documented, map[string]string{
		"edge/doc.go":          "// Package edge is.\npackage edge",
		"edge/other.go":        "// a comment apart\n\npackage edge",
		"quota/limit.go":       "package quota",
		"cachekey/key.go":      "// Package cachekey is.\npackage cachekey",
		"gossip/doc.go":        "// Package gossip is.\npackage gossip",
		"gossip/dot.go":        "// Package gossip is, again.\npackage gossip",
		"precompute/doc.go":    "// This package is.\npackage precompute",
		"cmd/edged/doc.go":     "// Edged runs.\npackage main",
		"deploy/x/doc.go":      "// Package x is.\npackage x",
		"deploy/x/x_test.go":   "package x_test",
		"bench/y/only_test.go": "package y",
	},
		"bench/y: no package comment",
		"cachekey: the package comment stands in key.go",
		"gossip: package comments in doc.go and dot.go",
		"precompute: the package comment does not begin with \"Package precompute \"",
		"quota: no package comment")
	keeps(t, documented)
}

func TestNothingIsLeftForLater(t *testing.T) {
	later := "TO" + "DO"
	breaks(t, finished, map[string]string{
		"edge/a.go":      "package edge\n\n// " + later + ": the rest\nvar _ = 1",
		"edge/b_test.go": "package edge /* " + later + " */",
		"edge/c.go":      "package edge\n\nconst s = \"" + later + "S\" // todo list",
	}, "edge/a.go:3", "edge/b_test.go:1")
	keeps(t, finished)
}
