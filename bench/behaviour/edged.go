package behaviour

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"testing"
	"time"
)

// Edged is a built edged binary.
type Edged struct {
	path     string
	building *sync.Mutex // held while a command is built beside it
}

// ports is a range of ports that no other test is given, of another process neither: a
// node that is started again by hand finds its own free, whatever runs beside it. The
// range's last port is held for that until the test ends.
func (e Edged) ports(tb testing.TB) (first, last int) {
	tb.Helper()
	const lowest, each, ranges = 8_000, 400, 60 // they end below what systems give out by themselves
	from := rand.IntN(ranges)
	for i := range ranges {
		first = lowest + each*((from+i)%ranges)
		last = first + each - 1
		held, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(last)))
		if err != nil {
			continue
		}
		tb.Cleanup(func() { _ = held.Close() }) // nobody has connected to it
		return first, last - 1
	}
	tb.Fatal("no range of ports is free")
	return 0, 0
}

// pkg is the command under test.
const pkg = "github.com/letteros/letteredge/cmd/edged"

// Build compiles cmd/edged into dir.
func Build(ctx context.Context, dir string) (Edged, error) {
	e := Edged{path: filepath.Join(dir, "edged"), building: new(sync.Mutex)}
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
