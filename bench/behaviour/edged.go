package behaviour

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Edged is a built edged binary.
type Edged struct {
	path     string
	taken    *atomic.Int64 // ranges of ports that were given away
	building *sync.Mutex   // held while a command is built beside it
}

// ports is a range of ports that nobody else of these tests is given: a node that
// is started again by hand finds its own free, whatever runs beside it.
func (e Edged) ports() (first, last int) {
	const lowest, each, ranges = 20_000, 400, 30
	first = lowest + each*int(e.taken.Add(1)%ranges)
	return first, first + each - 1
}

// pkg is the command under test.
const pkg = "github.com/letteros/letteredge/cmd/edged"

// Build compiles cmd/edged into dir.
func Build(ctx context.Context, dir string) (Edged, error) {
	e := Edged{path: filepath.Join(dir, "edged"), taken: new(atomic.Int64), building: new(sync.Mutex)}
	return e, e.build(ctx)
}

// Racing compiles it once more, with a race detector in it.
func (e Edged) Racing(ctx context.Context) (Edged, error) {
	e.path += "-race"
	return e, e.build(ctx, "-race")
}

func (e Edged) build(ctx context.Context, flags ...string) error {
	args := append(append([]string{"build"}, flags...), "-o", e.path, pkg)
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build edged: %w\n%s", err, out)
	}
	return nil
}

// dependOnSources looks at every file of the module. `go test` keeps results by
// the files that tests have looked at (what TestMain looks at does not count):
// without this it would not know that these tests are about another binary, and
// show old results for new code.
func dependOnSources(tb testing.TB) {
	tb.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root:
			return fs.SkipDir
		case !d.IsDir():
			_, err = os.Stat(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // an editor's file, gone already
		}
		return err
	})
	if err != nil {
		tb.Fatalf("look at the sources: %v", err)
	}
}

// Ended is how a command ended.
type Ended struct {
	Exit           int
	Stdout, Stderr string
}

// Exec runs a command that ends by itself.
func (e Edged) Exec(tb testing.TB, args ...string) Ended {
	tb.Helper()
	dependOnSources(tb)
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, e.path, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		tb.Fatalf("edged %q did not end by itself: %v\n%s", args, err, stderr.String())
	}
	return Ended{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}
