package policy

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

// placed finds packages for which the table has no place.
func placed(t *tree) []string {
	var found []string
	for _, dir := range t.packages() {
		if dir != "." && layer(dir) == unknown {
			found = append(found, fmt.Sprintf("%s: the table in deploy/policy/architecture_test.go has no place for this package: "+
				"a domain rule is L1, a machine of the request path or beside it L2, an adapter that owns one outside thing L3, a command L4; "+
				"a fake or harness is a test room", dir))
		}
	}
	return found
}

// pointDown finds imports of our own packages that no layer allows.
func pointDown(t *tree) []string {
	var found []string
	for _, f := range t.code() {
		from := path.Dir(f.path)
		for _, p := range f.imports() {
			if !within(p, module) {
				continue
			}
			to := strings.TrimPrefix(p, module+"/")
			say := func(format string, args ...any) {
				found = append(found, fmt.Sprintf("%s imports %s: ", f.path, to)+fmt.Sprintf(format, args...))
			}
			switch {
			case layer(from) == unknown || layer(to) == unknown: // placed says so
			case isTestRoom(to) && !isTestRoom(from) && !isCommand(from):
				say("a test room is for tests and commands")
			case layer(to) > layer(from):
				say("L%d may not import L%d: declare an interface here and let a command join the two", layer(from), layer(to))
			case isCommand(to):
				say("commands are imported by nobody")
			case within(to, "bench") && !within(from, "bench") && !isCommand(from):
				say("the product does not depend on its benchmarks")
			case within(to, "deploy"):
				say("nothing depends on deploy")
			}
		}
	}
	return found
}

// owned finds outside libraries that are imported where they are not at home.
func owned(t *tree) []string {
	var found []string
	for _, f := range t.code() {
		dir := path.Dir(f.path)
		for _, p := range f.imports() {
			if isStandard(p) || within(p, module) {
				continue
			}
			lib, ok := owner(p)
			switch {
			case !ok:
				found = append(found, fmt.Sprintf("%s imports %s: give this library one room in deploy/policy/libraries_test.go", f.path, p))
			case !lib.admits(dir):
				found = append(found, fmt.Sprintf("%s imports %s: only %s may", f.path, p, strings.Join(lib.rooms, ", ")))
			}
		}
	}
	return found
}

// standard finds packages of the standard library where they do not belong.
func standard(t *tree) []string {
	var found []string
	for _, f := range t.code() {
		dir := path.Dir(f.path)
		for _, p := range f.imports() {
			say := func(why string) { found = append(found, fmt.Sprintf("%s imports %s: %s", f.path, p, why)) }
			switch {
			case p == "unsafe" && unsafeRooms[dir] == "":
				say("only the rooms in deploy/policy/architecture_test.go may, each for its reason")
			case p == "net/http" && slices.Contains(netHTTPFree, dir):
				say("the core takes data and returns data; HTTP libraries stay in the adapters")
			case p == "flag":
				say("command lines are kong's, in cmd")
			case p == "log" && !isCommand(dir) && !within(dir, "bench"):
				say("take a *slog.Logger")
			case p == "math/rand":
				say("use math/rand/v2")
			}
		}
	}
	return found
}

func TestEveryPackageHasItsPlace(t *testing.T) {
	breaks(t, placed, map[string]string{"edge/util/x.go": "package util", "bench/new/x.go": "package bench", "quota/x.go": "package quota"},
		"edge/util: the table")
	keeps(t, placed)
}

func TestImportsPointDown(t *testing.T) {
	imports := func(p string) string { return "package p\nimport _ \"" + module + "/" + p + "\"" }
	breaks(t, pointDown, map[string]string{
		"cachekey/a.go":           imports("quota"),            // up
		"edge/b.go":               imports("edge/cache"),       // up
		"edge/b_test.go":          imports("edge/cache"),       // tests may
		"edge/b_windows.go":       imports("edge/serve"),       // up, on another system
		"edge/cache/c.go":         imports("edge"),             // down
		"edge/metrics/d.go":       imports("edge/cache"),       // same layer
		"edge/origin/e.go":        imports("edge/edgetest"),    // a test room
		"edge/serve/f.go":         imports("bench/load"),       // a benchmark
		"cmd/edged/g.go":          imports("bench/docsorigin"), // commands may
		"cmd/edgectl/h.go":        imports("cmd/edged"),        // a command
		"cmd/edgebench/i.go":      imports("deploy/policy"),    // deploy
		"bench/behaviour/j.go":    imports("edge/edgetest"),    // a room of a room
		"edge/auth/testdata/k.go": imports("edge/serve"),       // not ours to judge
	},
		"cachekey/a.go imports quota: L0 may not import L1",
		"cmd/edgebench/i.go imports deploy/policy: nothing depends",
		"cmd/edgectl/h.go imports cmd/edged: commands",
		"edge/b.go imports edge/cache: L2 may not import L3",
		"edge/b_windows.go imports edge/serve: L2 may not",
		"edge/origin/e.go imports edge/edgetest: a test room",
		"edge/serve/f.go imports bench/load: the product",
	)
	keeps(t, pointDown)
}

func TestLibrariesStayInTheirRooms(t *testing.T) {
	imports := func(p string) string { return "package p\nimport _ \"" + p + "\"" }
	breaks(t, owned, map[string]string{
		"edge/serve/h3/a.go":  imports("github.com/quic-go/quic-go/http3"),
		"edge/b.go":           imports("github.com/quic-go/quic-go/http3"),
		"edge/b_test.go":      imports("github.com/quic-go/quic-go/http3"),
		"quota/c.go":          imports("golang.org/x/time/rate"),
		"edge/serve/d.go":     imports("golang.org/x/time/rate"),
		"edge/freshness/e.go": imports("github.com/google/uuid"),
		"edge/freshness/f.go": imports("github.com/dgraph-io/ristretto/v2extra"),
		"cmd/edgectl/g.go":    imports("github.com/alecthomas/kong"),
		"edge/cache/h.go":     imports("github.com/stretchr/testify/require"),
	},
		"edge/b.go imports github.com/quic-go/quic-go/http3: only edge/serve/h3",
		"edge/cache/h.go imports github.com/stretchr/testify/require: only edge/edgetest",
		"edge/freshness/e.go imports github.com/google/uuid: give",
		"edge/freshness/f.go imports github.com/dgraph-io/ristretto/v2extra: give",
		"edge/serve/d.go imports golang.org/x/time/rate: only quota",
	)
	keeps(t, owned)
}

func TestStandardLibraryWhereItBelongs(t *testing.T) {
	breaks(t, standard, map[string]string{
		"edge/a.go":       "package edge\nimport _ \"net/http\"\nimport _ \"unsafe\"",
		"quota/b.go":      "package quota\nimport (_ \"unsafe\"; _ \"math/rand\"; _ \"math/rand/v2\")",
		"edge/serve/c.go": "package serve\nimport (_ \"flag\"; _ \"log\"; _ \"log/slog\"; _ \"net/http\")",
	}, "edge/a.go imports net/http", "edge/serve/c.go imports flag", "edge/serve/c.go imports log:",
		"quota/b.go imports unsafe", "quota/b.go imports math/rand:")
	keeps(t, standard)
}
