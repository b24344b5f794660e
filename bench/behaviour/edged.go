package behaviour

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Edged is a built edged binary.
type Edged struct{ path string }

// Build compiles cmd/edged into dir.
func Build(ctx context.Context, dir string) (Edged, error) {
	e := Edged{filepath.Join(dir, "edged")}
	out, err := exec.CommandContext(ctx, "go", "build", "-o", e.path, "github.com/letteros/letteredge/cmd/edged").CombinedOutput()
	if err != nil {
		return e, fmt.Errorf("build edged: %w\n%s", err, out)
	}
	return e, nil
}

// Ended is how a command ended.
type Ended struct {
	Exit           int
	Stdout, Stderr string
}

// Exec runs a command that ends by itself.
func (e Edged) Exec(tb testing.TB, args ...string) Ended {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 20*time.Second)
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
